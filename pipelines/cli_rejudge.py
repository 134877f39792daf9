"""`mixture rejudge`: what a moved threshold would keep and drop, from the store alone."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from pipelines.cells import percent
from pipelines.cli_build import _recipe as chosen_recipe
from pipelines.cli_sources import print_json
from pipelines.console import positive
from pipelines.options import BuildOptions, default_out
from pipelines.progress import printable

if TYPE_CHECKING:
    from pipelines.rejudge import Rejudged


def add_rejudge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", help="a store that builds have filled")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--recipe", metavar="FILE", help="the new recipe: sources and thresholds")
    which.add_argument("--stage", metavar="NAME", help="a built-in recipe as the new one")
    parser.add_argument(
        "--against",
        metavar="OLD",
        help="the recipe as it was: a built-in name, a recipe file, a plan.json or a build's "
        "folder (default: no filters)",
    )
    parser.add_argument("--mirror", metavar="URI", help="as the build that filled the store")
    parser.add_argument(
        "--media", action="append", default=[], metavar="NAME=DIR", help="as that build"
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="as that build")
    parser.add_argument(
        "--skip-unavailable", action="store_true", help="do without sources that are not there"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_rejudge(args: argparse.Namespace, console: Console) -> int:
    from pipelines.local_media import parse_media
    from pipelines.rejudge import rejudge

    recipe = chosen_recipe(args.stage, args.recipe)
    options = BuildOptions(
        recipe=recipe,
        out=default_out(recipe),
        store=args.store,
        mirror=args.mirror,
        limit=args.limit,
        engine="inline",
        skip_unavailable=args.skip_unavailable,
        media=tuple(parse_media(text) for text in args.media),
    )
    found = rejudge(options, args.against)
    if args.json:
        print_json(console, found.as_json())
        return 0
    console.print(_table(found))
    for line in _lines(found, _build_command(args)):
        console.print(printable(line), soft_wrap=True)
    return 0


def _table(found: Rejudged) -> Table:
    names = ("filter", "reason", "before", "now", "share", "newly dropped", "newly kept")
    table = Table(*names, box=box.SIMPLE_HEAD)
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for change in found.changes:
        share = percent(Fraction(change.now, found.num_rows))
        counts = (change.newly_dropped, change.newly_kept)
        cells = (f"{change.before:,}", f"{change.now:,}", share, *(f"{n:,}" for n in counts))
        table.add_row(change.filter_name, change.reason, *cells)
    table.add_section()
    share = percent(Fraction(found.kept_now, found.num_rows)) if found.num_rows else ""
    sums = [
        sum(getattr(c, name) for c in found.changes) for name in ("newly_dropped", "newly_kept")
    ]
    kept = (f"{found.kept_before:,}", f"{found.kept_now:,}", share)
    table.add_row("kept", "", *kept, *(f"{n:,}" for n in sums))
    return table


def _build_command(args: argparse.Namespace) -> str:
    recipe = f"--stage {args.stage}" if args.stage else f"--recipe {args.recipe}"
    return f"build-mixture {recipe} --store {args.store}"


def _lines(found: Rejudged, build_command: str) -> Iterator[str]:
    against = "no filters" if found.against is None else found.against
    yield (
        f"recipe {found.recipe} against {against}: {found.num_rows:,} rows judged, before "
        "duplicates and quotas"
    )
    if found.num_moved:
        yield f"{found.num_moved:,} rows are dropped under both, for another reason now"
    if found.num_unreadable:
        yield f"{found.num_unreadable:,} rows are unreadable under any recipe"
    for lack in found.unmeasured:
        yield (
            f"without {lack.filter_name}: {lack.num_lacking:,} of {lack.num_folders:,} folders "
            f"have no measure of its version {lack.version}; `{build_command}` makes it"
        )
    if found.num_absent:
        yield (
            f"{found.num_absent:,} shards are not in the store: their rows are not judged; a build "
            "curates them"
        )
    for name, why in found.skipped.items():
        yield f"skipped {name}: {why}"
