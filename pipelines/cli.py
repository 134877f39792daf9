"""The two commands, `build-mixture` and `mixture`: their verbs, parsed and called.

Arguments of builds, sources and the store are in `cli_*.py`; exit codes in `console.py`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from manifests.errors import UsageError
from pipelines.cli_ablate import (
    add_ablate_arguments,
    add_refine_arguments,
    run_ablate,
    run_refine,
)
from pipelines.cli_benchmarks import add_benchmarks_arguments, run_benchmarks
from pipelines.cli_browse import add_browse_arguments, run_browse
from pipelines.cli_build import add_build_arguments, build_facts, run_build, run_plan
from pipelines.cli_diff import add_diff_arguments, run_diff
from pipelines.cli_doctor import add_doctor_arguments, run_doctor
from pipelines.cli_export import add_export_arguments, run_export
from pipelines.cli_filters import add_filters_arguments, run_filters
from pipelines.cli_ledger import add_ledger_arguments, run_ledger
from pipelines.cli_push import add_push_arguments, run_push
from pipelines.cli_rejudge import add_rejudge_arguments, run_rejudge
from pipelines.cli_report import add_report_arguments, run_report
from pipelines.cli_sources import add_sources_arguments, run_sources
from pipelines.cli_store import add_store_arguments, run_store
from pipelines.console import Parser, add_common_arguments, guarded, positive, print_json


def _samples(args: argparse.Namespace, console: Console) -> int:
    from pipelines.samples import write_samples
    from pipelines.store import check_writable

    check_writable(args.dir, "DIR")
    truth = write_samples(Path(args.dir), args.stage, args.scale)
    planted = len(truth["planted"])
    state = "written" if truth["written"] else "there already"
    facts = f"samples: {args.dir} {state}, {planted} planted defects (truth.json)"
    console.print(facts, soft_wrap=True)
    stage = args.stage or "video"
    console.print(f"try: build-mixture --stage {stage} --mirror {args.dir}", soft_wrap=True)
    if args.json:
        print_json(console, {"dir": args.dir, **truth})
    return 0


def _verify(args: argparse.Namespace, console: Console) -> int:
    from pipelines.verify import verify

    manifest = verify(args.build, lambda path: None)
    size = sum(file.bytes for file in manifest.files)
    console.print(
        f"{args.build} holds: {len(manifest.files)} files, {size:,} bytes, "
        f"{manifest.num_rows:,} rows, plan {manifest.plan_digest[:16]}",
        soft_wrap=True,
    )
    if args.json:
        print_json(console, build_facts(args.build, manifest))
    return 0


def _show(args: argparse.Namespace, console: Console) -> int:
    from pipelines.show import as_json, read_samples, show

    samples = read_samples(args.build, args.split)
    show(console, samples)
    if args.json:
        print_json(console, [as_json(sample) for sample in samples])
    return 0


def _why(args: argparse.Namespace, console: Console) -> int:
    from pipelines.why import explain, find_places, find_rows

    found = []
    for entry in find_rows(args.build, args.id):
        console.print(explain(entry), soft_wrap=True)
        places = find_places(args.build, entry["id"]) if entry["id"] else []
        for file, row in places:
            console.print(f"  emitted as row {row} of {file}")
        found.append(entry | {"emitted": [{"file": file, "row": row} for file, row in places]})
    if args.json:
        print_json(console, found)
    return 0


def _ask(args: argparse.Namespace, console: Console) -> int:
    try:
        # By its name: the trainer stands beside pipelines, and wants torch.
        ask = importlib.import_module("trainer.ask").ask
    except ImportError as error:
        raise UsageError(
            f"mixture ask needs torch: pip install 'smolmix[train]' ({error.name} is missing)"
        ) from error
    answer = ask(args.checkpoint, args.image, args.question, args.most_ids)
    console.print(answer, soft_wrap=True)
    if args.json:
        print_json(console, {"answer": answer})
    return 0


def _completion(args: argparse.Namespace, console: Console) -> int:
    from pipelines.completion import completion

    train = importlib.import_module("trainer.cli").parser()
    script = completion(args.shell, [_build_parser(), _mixture_parser(), train])
    if args.json:
        print_json(console, {"shell": args.shell, "script": script})
    elif not console.quiet:
        # As it is: a console would make spaces of tabs.
        console.file.write(script)
    return 0


_Verb = Callable[[argparse.Namespace, Console], int]


def _mixture_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="mixture", description="Look at sources, plans and builds.")
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser)

    def verb(name: str, function: _Verb, text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(function=function)
        add_common_arguments(sub)
        return sub

    add_doctor_arguments(verb("doctor", run_doctor, "whether builds can run on this machine"))
    samples = verb("samples", _samples, "write a small offline mirror of every source")
    samples.add_argument("dir")
    samples.add_argument("--stage", metavar="NAME", help="only the sources of this recipe")
    samples.add_argument("--scale", type=positive, default=1, metavar="N", help="times the rows")
    add_sources_arguments(verb("sources", run_sources, "list sources, print a card, check them"))
    add_filters_arguments(verb("filters", run_filters, "list filters, or all that one says"))
    benchmarks = verb("benchmarks", run_benchmarks, "list benchmarks, or make indexes to share")
    add_benchmarks_arguments(benchmarks)
    plan = verb("plan", run_plan, "what a build would do, without building; offline, by the cards")
    add_build_arguments(plan)
    add_diff_arguments(verb("diff", run_diff, "what differs between two recipes, plans or builds"))
    verb("verify", _verify, "prove a build's manifest from its bytes").add_argument("build")
    show = verb("show", _show, "print samples of a build")
    show.add_argument("build")
    show.add_argument("--split", choices=("train", "validation"), default="train")
    add_browse_arguments(verb("browse", run_browse, "look through a build or a store in a browser"))
    add_report_arguments(verb("report", run_report, "write a build's report.html again"))
    add_export_arguments(verb("export", run_export, "write a build in another trainer's format"))
    add_push_arguments(verb("push", run_push, "send a build to the Hub as a dataset repository"))
    ask = verb("ask", _ask, "ask a checkpoint of train-reference about an image")
    ask.add_argument("checkpoint")
    ask.add_argument("image")
    ask.add_argument("question")
    ask.add_argument("--most-ids", type=positive, default=64, metavar="N", help="default 64")
    add_ablate_arguments(verb("ablate", run_ablate, "train arms of a recipe, and compare them"))
    add_refine_arguments(verb("refine", run_refine, "propose a recipe by what an ablation found"))
    why = verb("why", _why, "what became of an upstream row; where a sample came from")
    why.add_argument("build")
    why.add_argument("id", help="source/subset/<32 hex> or source/subset/file#row")
    ledger = verb("ledger", run_ledger, "count what became of rows, with examples and near misses")
    add_ledger_arguments(ledger)
    rejudge = verb("rejudge", run_rejudge, "what other thresholds would keep, by the store alone")
    add_rejudge_arguments(rejudge)
    shell = verb("completion", _completion, 'a script: eval "$(mixture completion bash)"')
    shell.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    add_store_arguments(verb("store", run_store, "list the store's facts, or remove old ones"))
    return parser


def _build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="build-mixture", description="Build a training mixture at documented ratios."
    )
    add_build_arguments(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be built; build nothing"
    )
    add_common_arguments(parser)
    return parser


def command_parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """Of `build-mixture` and of `mixture`, for the page of all commands."""
    return _build_parser(), _mixture_parser()


def build_mixture(argv: Sequence[str] | None = None) -> int:
    """Entry point of `build-mixture`."""
    words = sys.argv[1:] if argv is None else list(argv)
    if set(words) <= {"--json"}:
        return guarded(_common_parser(), words, _first_run)
    return guarded(_build_parser(), words, run_build)


def _common_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="build-mixture")
    add_common_arguments(parser)
    return parser


def _first_run(args: argparse.Namespace, console: Console) -> int:
    from pipelines.first_run import first_run, print_first_run

    found = first_run()
    print_first_run(console, found)
    if args.json:
        print_json(console, found)
    return 0


def mixture(argv: Sequence[str] | None = None) -> int:
    """Entry point of `mixture`."""
    return guarded(_mixture_parser(), argv, lambda args, console: args.function(args, console))
