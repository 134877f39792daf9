"""What other thresholds do to rows: counted by the reason before and the reason now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

# What a row that no filter drops has instead of a reason.
KEPT = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One reason: rows that it drops under either recipe, and what moved from or to being kept."""

    filter_name: str
    reason: str
    before: int
    now: int
    newly_dropped: int
    newly_kept: int

    def as_json(self) -> dict[str, Any]:
        return {
            "filter": self.filter_name,
            "reason": self.reason,
            "before": self.before,
            "now": self.now,
            "newly_dropped": self.newly_dropped,
            "newly_kept": self.newly_kept,
        }


@dataclass(frozen=True, slots=True)
class Moves:
    """`moves` counts rows by their reasons before and now; `owners` names filters by reason."""

    moves: Mapping[tuple[str, str], int]
    owners: Mapping[str, str]

    @property
    def num_rows(self) -> int:
        return sum(self.moves.values())

    @property
    def kept_before(self) -> int:
        return self._count(0, KEPT)

    @property
    def kept_now(self) -> int:
        return self._count(1, KEPT)

    @property
    def num_moved(self) -> int:
        """Rows that either recipe drops, each for another reason."""
        moved = ((a, b, rows) for (a, b), rows in self.moves.items() if KEPT not in (a, b))
        return sum(rows for a, b, rows in moved if a != b)

    @property
    def changes(self) -> list[Change]:
        """Every reason that drops a row under either, in the order in which the filters judge."""
        named = {reason for move in self.moves for reason in move} - {KEPT}
        order = [reason for reason in self.owners if reason in named]
        return [
            Change(
                filter_name=self.owners[reason],
                reason=reason,
                before=self._count(0, reason),
                now=self._count(1, reason),
                newly_dropped=self.moves.get((KEPT, reason), 0),
                newly_kept=self.moves.get((reason, KEPT), 0),
            )
            for reason in order
        ]

    def _count(self, side: int, reason: str) -> int:
        return sum(rows for move, rows in self.moves.items() if move[side] == reason)


def moves_of(before: pl.DataFrame, now: pl.DataFrame) -> dict[tuple[str, str], int]:
    """Rows of one index by their reasons under both, KEPT where there is none."""
    both = pl.DataFrame({"before": before["rule"], "now": now["rule"]}).fill_null(KEPT)
    counts = both.group_by("before", "now").len()
    return {(first, second): count for first, second, count in counts.iter_rows()}
