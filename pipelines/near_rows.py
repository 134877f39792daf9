"""Rows beside thresholds: what filters said of rows, with scores, until all have been seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from filters.base import Params
from mixtures.policies import Policy
from pipelines.judge import Rule
from pipelines.ledger_entries import Entry, place_of
from pipelines.nearest import Nearest, nearest

Side = Literal["kept", "dropped"]

NUM_NEAR = 3
# Columns of the ledger that a row is shown with.
SHOWN = ["subset", "file", "row", "group", "source", "fate", "stage", "rule", "value", "id"]
# Rows and scores of one side that are held at once: about 100 MB.
_MANY_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class NearRow:
    """A row beside a threshold; `side` is what the filter said of it, which `at` would turn."""

    filter_name: str
    policies: tuple[Policy, ...]  # whose rows have this threshold; empty: all
    side: Side
    at: Nearest
    entry: Entry
    text: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "filter": self.filter_name,
            "policies": list(self.policies) or None,
            "param": self.at.param,
            "threshold": self.at.threshold,
            "side": self.side,
            "turns_at": self.at.turns_at,
            "then": self.at.then,
            "distance": self.at.distance,
            "id": self.entry["id"],
            "place": place_of(self.entry),
            "fate": self.entry["fate"],
            "text": self.text,
        }


@dataclass(slots=True)
class _Side:
    """Rows that one filter judged by one set of params to one side, with their scores.

    They are looked through many at a time: each look is some twenty judgements, whatever it is of.
    """

    rule: Rule
    params: Params
    policies: tuple[Policy, ...]
    side: Side
    entries: list[pl.DataFrame] = field(default_factory=list)
    scores: list[pl.DataFrame] = field(default_factory=list)

    def add(self, entries: pl.DataFrame, scores: pl.DataFrame) -> None:
        self.entries.append(entries.select(SHOWN))
        self.scores.append(scores)
        if sum(frame.height for frame in self.entries) > _MANY_ROWS:
            entries, found = self._nearest()
            nearest_rows = sorted({at.row for rows in found.values() for at in rows})
            self.entries = [entries[nearest_rows]]
            self.scores = [pl.concat(self.scores)[nearest_rows]]

    def _nearest(self) -> tuple[pl.DataFrame, dict[str, list[Nearest]]]:
        """(all rows, by parameter those of them that turn soonest)."""
        scores = pl.concat(self.scores)
        if scores.is_empty():
            return pl.concat(self.entries), {}
        found = nearest(self.rule.filter, self.params, scores, NUM_NEAR)
        return pl.concat(self.entries), found

    def rows(self) -> dict[str, list[NearRow]]:
        entries, found = self._nearest()
        name = self.rule.filter.name
        return {
            param: [
                NearRow(name, self.policies, self.side, at, entries.row(at.row, named=True))
                for at in rows
            ]
            for param, rows in found.items()
        }


class NearRows:
    """The sides of all filters, by name, policies and side."""

    def __init__(self) -> None:
        self._sides: dict[tuple[str, tuple[Policy, ...], Side], _Side] = {}

    def add(
        self, key: tuple[Rule, Params, tuple[Policy, ...]], side: Side, *frames: pl.DataFrame
    ) -> None:
        """`frames` are entries and their scores."""
        rule, params, policies = key
        place = (rule.filter.name, policies, side)
        if place not in self._sides:
            self._sides[place] = _Side(rule, params, policies, side)
        self._sides[place].add(*frames)

    def rows(self) -> list[NearRow]:
        """Of each filter, threshold and side the first few; what passed comes first."""
        groups = {
            (name, param, policies, side != "kept"): rows
            for (name, policies, side), found in self._sides.items()
            for param, rows in found.rows().items()
        }
        return [row for key in sorted(groups) for row in groups[key]]
