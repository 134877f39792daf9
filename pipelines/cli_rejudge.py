"""`mixture rejudge`: what a moved threshold would keep and drop, from the store alone."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from pipelines.cells import UNKNOWN, percent
from pipelines.cli_inputs import (
    add_recipe_arguments,
    add_upstream_arguments,
    chosen_recipe,
    said_again,
)
from pipelines.console import print_json
from pipelines.options import BuildOptions, default_out
from pipelines.progress import printable

if TYPE_CHECKING:
    from pipelines.rejudge import Rejudged


def add_rejudge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", help="a store that builds have filled")
    add_recipe_arguments(parser)
    parser.add_argument(
        "--against",
        metavar="OLD",
        help="the recipe as it was: a built-in name, a recipe file, a plan.json or a build's "
        "folder (default: no filters)",
    )
    add_upstream_arguments(parser)
    parser.epilog = "Say --mirror, --media and --limit as to the build that filled the store."


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
        licenses=args.licenses,
        skip_unavailable=args.skip_unavailable,
        exclude=tuple(args.exclude),
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
    """Reasons below their filters, in the order in which these judge."""
    names = ("filter, reason", "before", "now", "share", "newly\ndropped", "newly\nkept")
    table = Table(*names, box=box.SIMPLE_HEAD)
    table.columns[0].overflow = "fold"
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for name, changes in groupby(found.changes, lambda change: change.filter_name):
        table.add_row(name)
        for change in changes:
            share = _share(change.now, found)
            counts = (change.newly_dropped, change.newly_kept)
            row = (f"{change.before:,}", f"{change.now:,}", share, *(f"{n:,}" for n in counts))
            table.add_row(f"  {change.reason}", *row)
    table.add_section()
    sums = (
        sum(change.newly_dropped for change in found.changes),
        sum(change.newly_kept for change in found.changes),
    )
    kept = (f"{found.kept_before:,}", f"{found.kept_now:,}", _share(found.kept_now, found))
    table.add_row("kept", *kept, *(f"{n:,}" for n in sums))
    return table


def _share(rows: int, found: Rejudged) -> str:
    return percent(Fraction(rows, found.num_rows)) if found.num_rows else UNKNOWN


def _build_command(args: argparse.Namespace) -> str:
    return shlex.join(["build-mixture", *said_again(args), "--store", args.store])


def _lines(found: Rejudged, build_command: str) -> Iterator[str]:
    against = "no filters" if found.against is None else found.against
    yield (
        f"recipe {found.recipe} against {against}: {found.num_rows:,} rows judged, before "
        "duplicates and quotas"
    )
    if found.num_moved:
        yield f"{_are(found.num_moved)} dropped under both, for another reason now"
    if found.num_left_out:
        yield f"{_are(found.num_left_out)} left out by --licenses or --exclude, and not judged"
    if found.num_unreadable:
        yield f"{_are(found.num_unreadable)} unreadable under any recipe"
    for lack in found.unmeasured:
        yield (
            f"without {lack.filter_name}: {lack.num_lacking:,} of {lack.num_folders:,} folders "
            f"have no measure of its version {lack.version}; this measures: {build_command}"
        )
    if found.num_absent:
        yield (
            f"{found.num_absent:,} shards are not in the store: their rows are not judged; this "
            f"curates them: {build_command}"
        )
    for name, why in found.skipped.items():
        yield f"skipped {name}: {why}"


def _are(num_rows: int) -> str:
    return "1 row is" if num_rows == 1 else f"{num_rows:,} rows are"
