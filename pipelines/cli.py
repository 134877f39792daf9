"""The two commands, `build-mixture` and `mixture`: parsing, printing and exit codes only.

Exit codes: 0 done; 1 the work failed or a check did not hold; 2 wrong usage or bad input. What a
user can cause ends in one sentence, never in a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.table import Table

from manifests.errors import SmolmixError, UsageError, nearest
from mixtures.recipe_file import builtin_names
from pipelines.engine import unwrap
from pipelines.options import BuildOptions, default_out, default_store
from pipelines.progress import printable

_INTERRUPTED = "stopped; run the same command again to continue from the finished tasks"


class _Console(Console):
    """Prints text as it is, and goes on silently when its reader went away (`| head`)."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _add_build_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--stage", metavar="NAME", help="a built-in recipe, e.g. video")
    which.add_argument("--recipe", metavar="FILE", help="a recipe of your own (YAML)")
    parser.add_argument("--mirror", metavar="URI", help="read upstream below here, not on the Hub")
    parser.add_argument("--out", metavar="URI", help="the build (default mixtures-out/STAGE)")
    parser.add_argument("--store", metavar="URI", help=f"shared facts (default {default_store()})")
    parser.add_argument("--limit", type=_positive, metavar="N", help="upstream rows per subset")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--num-samples", type=_positive, metavar="N", help="size of the mixture")
    size.add_argument("--num-tokens", type=_positive, metavar="N", help="size in tokens, at most")
    parser.add_argument("--seed", type=_whole, metavar="N", help="default: the recipe's")
    parser.add_argument("--workers", type=_positive, metavar="N", help="default: one a core")
    parser.add_argument("--engine", choices=("ray", "inline"), default="ray")
    parser.add_argument("--ray-address", metavar="ADDR", help="join this Ray cluster")
    parser.add_argument("--overwrite", action="store_true", help="replace another plan's build")


def _recipe(stage: str | None, file: str | None) -> str:
    """What `load_recipe` takes: a built-in name, or a path that cannot be taken for one."""
    if stage is not None:
        names = builtin_names()
        if stage not in names:
            raise UsageError(
                f"there is no stage {stage!r}{nearest(stage, names)} (built in: "
                f"{', '.join(names)}; for a file of your own say --recipe FILE)"
            )
        return stage
    assert file is not None, "the parser requires one of both"
    if not Path(file).is_file():
        raise UsageError(
            f"there is no recipe file {file!r}; --recipe takes the path of a YAML file"
        )
    return os.path.join(os.curdir, file)


def _options(args: argparse.Namespace, dry_run: bool) -> BuildOptions:
    recipe = _recipe(args.stage, args.recipe)
    if args.engine == "inline" and args.ray_address:
        raise UsageError("--ray-address needs --engine ray")
    return BuildOptions(
        recipe=recipe,
        out=args.out or default_out(recipe),
        store=args.store or default_store(),
        mirror=args.mirror,
        limit=args.limit,
        num_samples=args.num_samples,
        num_tokens=args.num_tokens,
        seed=args.seed,
        workers=args.workers,
        engine=args.engine,
        ray_address=args.ray_address,
        dry_run=dry_run,
        overwrite=args.overwrite,
    )


def _run_build(args: argparse.Namespace, console: Console, dry_run: bool) -> int:
    from pipelines.build import build

    build(_options(args, dry_run), console)
    return 0


def _samples(args: argparse.Namespace, console: Console) -> int:
    from pipelines.samples import write_samples
    from pipelines.store import check_writable

    check_writable(args.dir, "DIR")
    truth = write_samples(Path(args.dir), args.stage, args.scale)
    planted = len(truth["planted"])
    state = "written" if truth["written"] else "there already"
    facts = f"samples: {args.dir} {state}, {planted} planted defects (truth.json)"
    console.print(facts, soft_wrap=True)
    console.print(f"try: build-mixture --stage video --mirror {args.dir}", soft_wrap=True)
    return 0


def _sources(args: argparse.Namespace, console: Console) -> int:
    import sources

    if args.name:
        _print_card(args.name, console)
        return 0
    table = Table("source", "modality", "subsets", "rows", "license", "gated", "from")
    for name, source in sources.discover().items():
        card = source.card
        modalities = sorted({subset.modality for subset in card.subsets})
        known = [subset.num_rows for subset in card.subsets if subset.num_rows is not None]
        rows = f"{sum(known):,}" + ("+" if len(known) < len(card.subsets) else "")
        gated = "yes" if card.gated else "no"
        cells = (
            ", ".join(modalities),
            str(len(card.subsets)),
            rows,
            card.license,
            gated,
            card.repo,
        )
        table.add_row(name, *cells)
    console.print(table)
    return 0


def _print_card(name: str, console: Console) -> None:
    import sources

    card = sources.get(name).card
    console.print(f"{card.title}: {card.homepage}")
    facts = (f"repo {card.repo} at {card.revision}", f"license {card.license}")
    console.print(*facts, f"gated {'yes' if card.gated else 'no'}", sep="\n")
    console.print(f"cite {card.citation}")
    table = Table("subset", "category", "modality", "rows", "note")
    for subset in card.subsets:
        rows = f"{subset.num_rows:,}" if subset.num_rows is not None else "unknown"
        table.add_row(subset.name, subset.category, subset.modality, rows, subset.note or "")
    console.print(table)
    for quirk in card.quirks:
        console.print(f"- {quirk}")


def _verify(args: argparse.Namespace, console: Console) -> int:
    from pipelines.verify import verify

    manifest = verify(args.build, lambda path: None)
    size = sum(file.bytes for file in manifest.files)
    console.print(
        f"{args.build} holds: {len(manifest.files)} files, {size:,} bytes, "
        f"{manifest.num_rows:,} rows, plan {manifest.plan_digest[:16]}",
        soft_wrap=True,
    )
    return 0


def _show(args: argparse.Namespace, console: Console) -> int:
    from pipelines.show import show

    show(console, args.build)
    return 0


def _why(args: argparse.Namespace, console: Console) -> int:
    from pipelines.why import explain, find_places, find_rows

    for entry in find_rows(args.build, args.id):
        console.print(explain(entry), soft_wrap=True)
        for file, row in find_places(args.build, entry["id"]) if entry["id"] else ():
            console.print(f"  emitted as row {row} of {file}")
    return 0


_Verb = Callable[[argparse.Namespace, Console], int]


def _mixture_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mixture", description="Look at sources, plans and builds.")
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)

    def verb(name: str, function: _Verb, text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(function=function)
        return sub

    samples = verb("samples", _samples, "write a small offline mirror of every source")
    samples.add_argument("dir")
    samples.add_argument("--stage", metavar="NAME", help="only the sources of this recipe")
    samples.add_argument("--scale", type=_positive, default=1, metavar="N", help="times the rows")
    verb("sources", _sources, "list the sources, or one source's card").add_argument(
        "name", nargs="?"
    )
    plan = verb("plan", lambda a, c: _run_build(a, c, True), "what a build would do, doing nothing")
    _add_build_arguments(plan)
    verb("verify", _verify, "prove a build's manifest from its bytes").add_argument("build")
    verb("show", _show, "print samples of a build").add_argument("build")
    why = verb("why", _why, "what became of an upstream row; where a sample came from")
    why.add_argument("build")
    why.add_argument("id", help="source/subset/<32 hex> or source/subset/file#row")
    return parser


def _guarded(run: Callable[[Console], int]) -> int:
    console = _Console(highlight=False, markup=False)
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        return run(console)
    except KeyboardInterrupt:
        errors.print(_INTERRUPTED)
        return 1
    except Exception as raised:
        error = unwrap(raised)
        if not isinstance(error, (SmolmixError, OSError)):
            raise
        errors.print(f"error: {printable(' '.join(str(error).split()))}")
        return error.exit_code if isinstance(error, SmolmixError) else 1


def build_mixture(argv: Sequence[str] | None = None) -> int:
    """Entry point of `build-mixture`."""
    parser = _Parser(
        prog="build-mixture", description="Build a training mixture at documented ratios."
    )
    _add_build_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")

    def run(console: Console) -> int:
        args = parser.parse_args(argv)
        return _run_build(args, console, args.dry_run)

    return _guarded(run)


def mixture(argv: Sequence[str] | None = None) -> int:
    """Entry point of `mixture`."""

    def run(console: Console) -> int:
        args = _mixture_parser().parse_args(argv)
        return int(args.function(args, console))

    return _guarded(run)
