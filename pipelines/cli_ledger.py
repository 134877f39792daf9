"""`mixture ledger`: counts of what became of rows, examples of them, rows beside a threshold."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from manifests.errors import UsageError, nearest
from manifests.ledger import Fate
from mixtures.policies import POLICIES, Policy
from pipelines.cells import UNKNOWN, percent
from pipelines.console import print_below, print_json
from pipelines.options import default_store
from pipelines.progress import printable

if TYPE_CHECKING:
    from pipelines.build_store import BuildStore
    from pipelines.ledger_near import NearView
    from pipelines.ledger_view import Example, Group, LedgerView
    from pipelines.near_rows import NearRow
    from pipelines.nearest import Nearest

# Columns of the table, by what is counted.
_NAMES: dict[str, tuple[str, ...]] = {
    "filter": ("fate", "by", "reason or component", "rows", "share"),
    "subset": ("source/subset", "fate", "rows", "share of it"),
    "benchmark": ("benchmark", "source", "rule", "rows", "share of the source"),
}
# What fates may be called for short.
_SHORT = {"leaked": Fate.LEAKED, "duplicate": Fate.DUPLICATE}
# What is said before what a row matched.
_MATCHED = {Fate.DUPLICATE.value: "of", Fate.LEAKED.value: "from"}
# Before what is said of a row; ids stay whole, to be copied.
_BELOW = " " * 4
_ID = f"{_BELOW}id "


def add_ledger_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("build")
    fates = [*(fate.value for fate in Fate), *_SHORT]
    parser.add_argument(
        "--fate", metavar="FATE", help=f"only rows of this fate: {', '.join(fates)}"
    )
    parser.add_argument(
        "--by",
        choices=("filter", "subset", "benchmark"),
        default="filter",
        help="count by filter and reason (default), by source and subset, or rows that leaked by "
        "benchmark",
    )
    parser.add_argument(
        "--examples",
        action="store_true",
        help="a few rows of each: what was measured, what decided, how the text begins",
    )
    parser.add_argument(
        "--near", action="store_true", help="rows that barely passed or barely failed a threshold"
    )
    parser.add_argument(
        "--store",
        metavar="URI",
        help=f"where texts and measures lie (default: the build's, else {default_store()})",
    )


def run_ledger(args: argparse.Namespace, console: Console) -> int:
    from pipelines.build_store import open_build_store
    from pipelines.ledger_near import near_view
    from pipelines.ledger_view import ledger_view

    fate = _fate(args.fate)
    if args.store is not None and not (args.examples or args.near):
        raise UsageError("--store is read for --examples and --near; say one of them")
    store = open_build_store(args.build, args.store) if args.examples or args.near else None
    view = ledger_view(args.build, fate, args.by, store if args.examples else None)
    near = near_view(args.build, fate, store) if args.near and store is not None else None
    if args.json:
        print_json(console, view.as_json() | {"near": None if near is None else near.as_json()})
        return 0
    console.print(_table(view))
    for line in _lines(view, near, store):
        if line.startswith(_BELOW) and not line.startswith(_ID):
            print_below(console, printable(line.strip()), len(_BELOW))
        else:
            console.print(printable(line), soft_wrap=True)
    return 0


def _fate(text: str | None) -> Fate | None:
    names = [*(fate.value for fate in Fate), *_SHORT]
    if text is not None and text not in names:
        raise UsageError(f"there is no fate {text!r}{nearest(text, names)} ({', '.join(names)})")
    return None if text is None else _SHORT.get(text) or Fate(text)


def _table(view: LedgerView) -> Table:
    table = Table(*_NAMES[view.by], box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.overflow = "fold"
    for column in table.columns[-2:]:
        column.justify, column.no_wrap = "right", True
    for group in view.groups:
        share = percent(Fraction(group.rows, group.whole))
        table.add_row(*_key_cells(group), f"{group.rows:,}", share)
    return table


def _key_cells(group: Group) -> list[str]:
    """What the group is of: its fate, the filter or else the stage that gave it, the reason."""
    key = group.key
    if "benchmark" in key:
        cells = [key["benchmark"], key["source"], key["rule"]]
    elif "stage" in key:
        cells = [_fate_words(key), group.filter_name or key["stage"], key["rule"]]
    else:
        cells = [f"{key['source']}/{key['subset']}", _fate_words(key)]
    return [printable(cell or UNKNOWN) for cell in cells]


def _fate_words(key: dict[str, str | None]) -> str:
    return (key["fate"] or UNKNOWN).replace("_", " ")


def _lines(view: LedgerView, near: NearView | None, store: BuildStore | None) -> Iterator[str]:
    yield _sum(view)
    if store is not None:
        yield from _lacks(view, store)
    for group in view.groups:
        if group.examples:
            yield ""
            yield f"{' '.join(_key_cells(group))}: {group.rows:,}"
        for example in group.examples:
            yield from _example_lines(example)
    if near is not None:
        yield from _near_lines(near)


def _sum(view: LedgerView) -> str:
    shown = sum(group.rows for group in view.groups)
    whole = f"{view.build}: {view.num_rows:,} upstream rows"
    if view.fate is None:
        return whole
    if view.fate is Fate.TRIMMED:
        return f"{whole}, {shown:,} of them written without some turns"
    return f"{whole}, {shown:,} of them {view.fate.value.replace('_', ' ')}"


def _lacks(view: LedgerView, store: BuildStore) -> Iterator[str]:
    """What cannot be told of rows."""
    if not store.is_there:
        yield f"the store {store.store} holds no rows: name the one of this build with --store"
    for name, why in view.gone.items():
        yield f"no thresholds of {name}: {why}"
    for name, why in view.unread.items():
        yield f"items of {name} are not shown: {why}"


def _example_lines(example: Example) -> Iterator[str]:
    yield f"  {example.place}"
    yield f"{_ID}{example.entry['id'] or 'none: no sample could be made of it'}"
    if example.entry["value"]:
        yield f"{_BELOW}{example.entry['value']}"
    for at in example.deciding:
        yield f"{_BELOW}{at.param} is {_number(at.threshold)}; {_would(at)}"
    yield f"{_BELOW}{_text(example.text, example.entry['stage'] == 'curate')}"
    word = _MATCHED.get(example.entry["fate"])
    if word:
        yield f"{_BELOW}{word} {example.entry['matched']}"
        yield f"{_BELOW}{example.matched_text or '(its text is not to be had)'}"


def _would(at: Nearest) -> str:
    """Of a row that was dropped: what the filter would say at another threshold."""
    if at.then is None:
        return f"{_number(at.turns_at)} would keep it"
    return f"at {_number(at.turns_at)} it would fall by {at.then}"


def _text(text: str | None, was_rejected: bool = False) -> str:
    if text is not None:
        return text
    if was_rejected:
        return "(no text: no conversation could be made of the row)"
    return "(its text is neither in the store nor in the build)"


def _near_lines(near: NearView) -> Iterator[str]:
    yield ""
    if not near.rows:
        yield "no row is near a threshold"
    for (name, param, policies), found in groupby(near.rows, _threshold_of):
        rows = list(found)
        yield f"{name}.{param} is {_number(rows[0].at.threshold)}{_of_policies(policies)}"
        for row in rows:
            yield f"  {_side(row)}: {place_of_row(row.entry)}"
            yield f"{_ID}{row.entry['id']} ({row.entry['fate'].replace('_', ' ')})"
            yield f"{_BELOW}{_text(row.text)}"
    if near.num_measured < near.num_passed:
        yield (
            f"of {near.num_passed:,} rows that passed the filters {near.num_measured:,} have their "
            "measures in the store; of the others nothing is known"
        )


def _side(row: NearRow) -> str:
    if row.side == "kept":
        return f"passed; {_number(row.at.turns_at)} would drop it"
    return f"failed; {_number(row.at.turns_at)} would keep it"


def _of_policies(policies: tuple[Policy, ...]) -> str:
    """Of many those that it is not of."""
    others = [policy for policy in POLICIES if policy not in policies]
    if not policies or not others:
        return ""
    many = len(policies) > len(others)
    return f" (all but {', '.join(others)})" if many else f" ({', '.join(policies)})"


def _threshold_of(row: NearRow) -> tuple[str, str, tuple[Policy, ...]]:
    return row.filter_name, row.at.param, row.policies


def place_of_row(entry: dict[str, str]) -> str:
    from pipelines.ledger_entries import place_of

    return place_of(entry)


def _number(value: int | float) -> str:
    """Whole as it is, others to four digits: they were found by halving."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
