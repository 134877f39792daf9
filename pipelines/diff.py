"""`mixture diff`: what differs between two recipes, plans or builds, of one kind or of two.

What both have is compared: of a recipe and a build the recipes, of a plan and a build the plans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from manifests.errors import UsageError
from manifests.storage import atomic_file
from pipelines.diff_ids import IdDiff, compare_ids
from pipelines.diff_sides import Side, components, licenses, open_side, settings, subsets, totals

# What two sides have under one name: (a's, b's); None where a side has none.
Pair = tuple[Any, Any]
Changes = dict[str, Pair]


@dataclass(frozen=True, slots=True)
class Diff:
    """Only what differs; `parts` are components by path, each with its columns that differ."""

    a: Side
    b: Side
    settings: Changes
    parts: dict[str, Changes]
    totals: Changes
    subsets: Changes
    licenses: Changes
    ids: IdDiff | None  # None where not both are builds

    @property
    def is_equal(self) -> bool:
        found = (self.settings, self.parts, self.totals, self.subsets, self.licenses)
        moved = self.ids is not None and bool(self.ids.came or self.ids.went)
        return not any(found) and not moved

    def as_json(self) -> dict[str, Any]:
        return {
            "a": {"name": self.a.name, "kind": self.a.kind, "recipe": self.a.recipe.name},
            "b": {"name": self.b.name, "kind": self.b.kind, "recipe": self.b.recipe.name},
            "equal": self.is_equal,
            "settings": _plain(self.settings),
            "components": {path: _plain(columns) for path, columns in self.parts.items()},
            "totals": _plain(self.totals),
            "subsets": _plain(self.subsets),
            "licenses": _plain(self.licenses),
            "ids": None if self.ids is None else self.ids.as_json(),
        }


def diff(first: str, second: str, ids_file: str | None = None) -> Diff:
    """`ids_file` gets every id that came or went, a line each; it needs two builds."""
    a, b = open_side(first), open_side(second)
    with_plan = a.plan is not None and b.plan is not None
    with_build = a.manifest is not None and b.manifest is not None
    in_order = a.plan is None and b.plan is None
    said = [settings(side, with_plan, in_order) for side in (a, b)]
    mine, theirs = components(a, with_plan), components(b, with_plan)
    paths = _as_tree(_both(mine, theirs))
    parts = {path: changes(mine.get(path, {}), theirs.get(path, {})) for path in paths}
    return Diff(
        a,
        b,
        settings=changes(*said),
        parts={path: found for path, found in parts.items() if found},
        totals=changes(totals(a, with_build), totals(b, with_build)) if with_plan else {},
        subsets=changes(subsets(a, with_build), subsets(b, with_build)),
        licenses=changes(*(licenses(side, with_plan, with_build) for side in (a, b))),
        ids=_ids(a, b, ids_file),
    )


def changes(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Changes:
    """Names whose values differ, with both; a name that one side lacks has None there."""
    pairs = {name: (mine.get(name), theirs.get(name)) for name in _both(mine, theirs)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _both(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*mine, *theirs]))


def _as_tree(paths: Sequence[str]) -> list[str]:
    """Components of the second side beside the siblings that they have on the first."""
    place = {path: number for number, path in enumerate(paths)}

    def key(path: str) -> list[int]:
        names = path.split("/")
        return [place["/".join(names[:depth])] for depth in range(1, len(names) + 1)]

    return sorted(paths, key=key)


def _ids(a: Side, b: Side, ids_file: str | None) -> IdDiff | None:
    if a.manifest is None or b.manifest is None:
        if ids_file is not None:
            kinds = f"{a.name} is a {a.kind}, {b.name} a {b.kind}"
            raise UsageError(f"--ids compares the samples of two builds; {kinds}")
        return None
    with ExitStack() as stack:
        lines = None if ids_file is None else stack.enter_context(atomic_file(ids_file))
        return compare_ids(a.name, b.name, max(a.manifest.num_rows, b.manifest.num_rows), lines)


def _plain(pairs: Changes) -> dict[str, list[Any]]:
    """Fractions as text: 7/50."""
    return {
        name: [str(value) if isinstance(value, Fraction) else value for value in pair]
        for name, pair in pairs.items()
    }
