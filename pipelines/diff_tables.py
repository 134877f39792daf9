"""A diff as text: components as a table, everything else as lines; nothing that is equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from pipelines.cells import UNKNOWN, count, percent, points
from pipelines.diff import Changes, Diff, Pair
from pipelines.diff_sides import Side
from pipelines.progress import printable

# Columns of the table; whatever else a component says is a line below it.
_COUNTED = ("rows", "tokens", "available")
_NUM_SHOWN = 12


def print_diff(console: Console, found: Diff) -> None:
    console.print(f"a  {_title(found.a)}\nb  {_title(found.b)}", soft_wrap=True)
    if found.is_equal:
        console.print("no difference")
        return
    if any(_is_in_table(columns) for columns in found.parts.values()):
        console.print(_component_table(found))
    for line in _lines(found):
        console.print(printable(line), soft_wrap=True)


def _title(side: Side) -> str:
    named = f", recipe {side.recipe.name}" if side.recipe.name != side.name else ""
    return printable(f"{side.name} ({side.kind}{named})")


def _is_in_table(columns: Changes) -> bool:
    return bool({"share", *_COUNTED} & columns.keys())


def _component_table(found: Diff) -> Table:
    counted = [name for name in _COUNTED if any(name in c for c in found.parts.values())]
    pairs = [f"{name} {side}" for name in counted for side in "ab"]
    table = Table("component", "share a", "share b", "points", *pairs, box=box.SIMPLE_HEAD)
    table.columns[0].overflow = "fold"
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for path, columns in found.parts.items():
        if _is_in_table(columns):
            cells = [cell for name in counted for cell in _counts(columns.get(name))]
            table.add_row(path, *_shares(columns.get("share")), *cells)
    return table


def _shares(pair: Pair | None) -> tuple[str, str, str]:
    if pair is None:
        return "", "", ""
    a, b = pair
    known = isinstance(a, Fraction) and isinstance(b, Fraction)
    return _share(a), _share(b), points(b - a) if known else ""


def _share(value: Fraction | str | None) -> str:
    if value is None:
        return UNKNOWN
    return percent(value) if isinstance(value, Fraction) else value


def _counts(pair: Pair | None) -> tuple[str, str]:
    return ("", "") if pair is None else (count(pair[0]), count(pair[1]))


def _lines(found: Diff) -> Iterator[str]:
    for name, (a, b) in found.totals.items():
        yield f"{name}: {count(a)} -> {count(b)}"
    for name, pair in found.settings.items():
        yield f"{name}: {_change(pair)}"
    for path, columns in found.parts.items():
        for name, pair in columns.items():
            if name not in ("share", *_COUNTED) and not _is_absent(found, path):
                yield f"{path}: {name}: {_change(pair)}"
    yield from _moved("subsets", found.subsets)
    for name, (a, b) in found.licenses.items():
        yield f"license {name}: {count(a or 0)} -> {count(b or 0)} {_license_unit(found)}"
    if found.ids is not None:
        ids = found.ids
        yield f"ids: {ids.came:,} came, {ids.went:,} went, {ids.both:,} are in both"
        for word, first in (("came", ids.first_came), ("went", ids.first_went)):
            yield from (f"  {word} {name}" for name in first)


def _is_absent(found: Diff, path: str) -> bool:
    """Whether only one side has the component: its share says so, its conditions are no change."""
    return None in found.parts[path].get("share", ())


def _license_unit(found: Diff) -> str:
    if found.ids is not None:
        return "rows"
    return "subsets" if None in (found.a.plan, found.b.plan) else "drawn rows"


def _change(pair: Pair) -> str:
    a, b = pair
    if isinstance(a, list) and isinstance(b, list) and set(a) != set(b):
        gone = [f"-{value}" for value in a if value not in b]
        new = [f"+{value}" for value in b if value not in a]
        return _some([*new, *gone])
    return f"{_value(a)} -> {_value(b)}"


def _value(value: Any) -> str:
    if value is None or value == []:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _moved(what: str, pairs: Changes) -> Iterator[str]:
    came = [name for name, (a, b) in pairs.items() if not a and b]
    went = [name for name, (a, b) in pairs.items() if a and not b]
    changed = [
        f"{name} {count(a)} -> {count(b)}"
        for name, (a, b) in pairs.items()
        if a and b and name not in came
    ]
    for word, names in (("came", came), ("went", went), ("changed", changed)):
        if names:
            yield f"{what} that {word} ({len(names)}): {_some(names)}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NUM_SHOWN
    return ", ".join(names[:_NUM_SHOWN]) + (f" and {more} more (see --json)" if more > 0 else "")
