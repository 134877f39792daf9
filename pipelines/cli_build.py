"""The arguments of a build, which `build-mixture` and `mixture plan` share."""

from __future__ import annotations

import argparse
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rich.console import Console

from manifests.errors import UsageError, nearest
from mixtures.holdout import parse_holdout
from mixtures.likeness import KINDS, Kind
from pipelines.cli_inputs import add_recipe_arguments, add_upstream_arguments, chosen_recipe
from pipelines.console import positive, print_json, size_in_bytes, whole
from pipelines.options import (
    DEFAULT_CACHE_BYTES,
    DEFAULT_MEMORY_BYTES,
    BuildOptions,
    default_out,
    default_store,
)

if TYPE_CHECKING:
    from manifests.build import BuildManifest


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    which = add_recipe_arguments(parser)
    which.add_argument(
        "--curriculum",
        metavar="NAME|FILE",
        help="stages one after another, into OUT/1-STAGE, OUT/2-STAGE ...; sizes are a stage's",
    )
    add_upstream_arguments(parser)
    parser.add_argument("--out", metavar="URI", help="the build (default mixtures-out/NAME)")
    parser.add_argument("--store", metavar="URI", help=f"shared facts (default {default_store()})")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--num-samples", type=positive, metavar="N", help="size of the mixture")
    size.add_argument("--num-tokens", type=positive, metavar="N", help="size in tokens, at most")
    parser.add_argument(
        "--tokenizer",
        metavar="NAME|PATH",
        help="counts text exactly: a Hub name, a folder or a tokenizer.json (default: an estimate)",
    )
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="do without components that are unavailable or have no samples here; the ratios of "
        "the others stay as they are",
    )
    parser.add_argument(
        "--no-near-duplicates",
        type=_kinds,
        nargs="?",
        const=KINDS,
        default=(),
        metavar="KINDS",
        help="keep rows that are nearly the same as others; of text, image or video alone if named",
    )
    parser.add_argument(
        "--benchmarks",
        metavar="URI",
        help="indexes of benchmarks that `mixture benchmarks build` made (default: the store's)",
    )
    parser.add_argument(
        "--no-decontaminate",
        nargs="?",
        const="",
        metavar="NAMES",
        help="do not hold the mixture against these benchmarks, NAME,NAME; without names against "
        "none",
    )
    parser.add_argument(
        "--holdout",
        type=_holdout,
        metavar="SHARE",
        help="hold out 1%% or 0.01 of media, and of texts without any, as split `validation`: the "
        "same whatever the shares, the size and the seed",
    )
    parser.add_argument("--seed", type=whole, metavar="N", help="default: the recipe's")
    parser.add_argument("--workers", type=positive, metavar="N", help="default: one a core")
    parser.add_argument(
        "--cache-size",
        type=size_in_bytes,
        default=DEFAULT_CACHE_BYTES,
        metavar="SIZE",
        help="downloads kept on disk at once, at most (default 50GB); 0 streams all",
    )
    parser.add_argument(
        "--memory",
        type=size_in_bytes,
        default=DEFAULT_MEMORY_BYTES,
        metavar="SIZE",
        help="of the index that a task of resolve holds, at most (default 1GB)",
    )
    parser.add_argument("--engine", choices=("ray", "inline"), default="ray")
    parser.add_argument("--ray-address", metavar="ADDR", help="join this Ray cluster")
    parser.add_argument("--overwrite", action="store_true", help="replace another plan's build")


def _kinds(text: str) -> tuple[Kind, ...]:
    named = [word.strip() for word in text.split(",")]
    unknown = [word for word in named if word not in KINDS]
    if unknown:
        hint = nearest(unknown[0], KINDS)
        raise argparse.ArgumentTypeError(f"{unknown[0]!r}{hint} (there are {', '.join(KINDS)})")
    return tuple(kind for kind in KINDS if kind in named)


def _holdout(text: str) -> Fraction:
    try:
        return parse_holdout(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def build_options(args: argparse.Namespace) -> BuildOptions:
    """What was asked for; the recipe of a curriculum is each of its stages in turn."""
    from pipelines.local_media import parse_media

    if args.engine == "inline" and args.ray_address:
        raise UsageError("--ray-address needs --engine ray")
    recipe = args.curriculum or chosen_recipe(args.stage, args.recipe)
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
        cache_bytes=args.cache_size,
        memory_bytes=args.memory,
        tokenizer=args.tokenizer,
        ray_address=args.ray_address,
        overwrite=args.overwrite,
        licenses=args.licenses,
        skip_unavailable=args.skip_unavailable,
        allow_missing=args.allow_missing,
        exclude=tuple(args.exclude),
        no_near_duplicates=args.no_near_duplicates,
        media=tuple(parse_media(text) for text in args.media),
        benchmarks=args.benchmarks,
        no_decontaminate=_names(args.no_decontaminate),
        holdout=args.holdout,
    )


def _names(text: str | None) -> tuple[str, ...] | None:
    """The option's NAME,NAME: none for an empty text, None where it was not given."""
    return None if text is None else tuple(name for name in text.split(",") if name)


def run_build(args: argparse.Namespace, console: Console) -> int:
    """`build-mixture`: the mixture, or each stage of a curriculum; with --dry-run their plans."""
    if args.dry_run:
        return run_plan(args, console)
    from pipelines.build import build

    options = build_options(args)
    built = []
    if args.curriculum is not None:
        from pipelines.curricula import build_curriculum

        built = build_curriculum(options, console)
    else:
        built = [(options.out, build(options, console))]
    if args.json:
        facts = [build_facts(*one) for one in built]
        print_json(console, facts if args.curriculum is not None else facts[0])
    return 0


def build_facts(out: str, manifest: BuildManifest) -> dict[str, Any]:
    """What a build holds and where, for machines; shares are of the recipe's unit."""
    top = [part.amount for part in manifest.components if "/" not in part.name]
    amount = sum(top) or 1
    return {
        "build": out,
        "recipe": manifest.recipe,
        "unit": manifest.unit,
        "rows": manifest.num_rows,
        "images": manifest.num_images,
        "tokens": manifest.num_tokens,
        "files": len(manifest.files),
        "bytes": sum(file.bytes for file in manifest.files),
        "plan_digest": manifest.plan_digest,
        "manifest_digest": manifest.digest(),
        "components": [
            {
                "name": part.name,
                "asked": float(part.share),
                "achieved": part.amount / amount,
                "rows": part.rows,
            }
            for part in manifest.components
        ],
    }


def run_plan(args: argparse.Namespace, console: Console) -> int:
    """`mixture plan`, of one mixture or of each stage of a curriculum; builds nothing."""
    from mixtures.curriculum import load_curriculum
    from pipelines.curricula import stage_options
    from pipelines.plan_view import render_plan
    from pipelines.preview import preview

    options = build_options(args)
    wanted = [options]
    if args.curriculum is not None:
        wanted = [stage for _, stage in stage_options(load_curriculum(options.recipe), options)]
    views = []
    for one in wanted:
        view = preview(one, console)
        render_plan(console, view)
        views.append(view.as_json())
    if args.json:
        print_json(console, views if args.curriculum is not None else views[0])
    return 0
