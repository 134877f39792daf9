"""How far each prefix of the train split is from the shares of the whole, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mixtures.order import WINDOW_ROWS

_Floats = npt.NDArray[np.float64]

# Points of a line that are drawn; of the windows between two the one that is furthest off is.
_MAX_POINTS = 160


@dataclass(slots=True)
class Curve:
    """`shares` are rows of each component over all rows; `takes` says which leaves are below it.

    Rows are added in order. What is kept is a point each few windows, however many rows there are.
    """

    names: list[str]
    shares: _Floats
    takes: npt.NDArray[np.int64]  # component by leaf, 0 or 1
    num_rows: int
    rows_seen: int = 0
    furthest: _Floats = field(init=False)
    points: dict[int, tuple[int, _Floats]] = field(default_factory=dict)
    _totals: npt.NDArray[np.int64] = field(init=False)
    _rest: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.furthest = np.zeros(len(self.names))
        self._totals = np.zeros(self.takes.shape[1], np.int64)
        self._rest = np.empty(0, np.int64)

    def add(self, leaves: npt.NDArray[np.int64]) -> None:
        """Numbers of the leaves that the next rows were drawn by."""
        rows = np.concatenate([self._rest, leaves])
        whole = len(rows) - len(rows) % WINDOW_ROWS
        self._rest = rows[whole:]
        if whole:
            self._add_windows(rows[:whole].reshape(-1, WINDOW_ROWS))

    def _add_windows(self, windows: npt.NDArray[np.int64]) -> None:
        num_leaves = self.takes.shape[1]
        slots = windows + num_leaves * np.arange(len(windows))[:, None]
        counts = np.bincount(slots.ravel(), minlength=num_leaves * len(windows))
        sums = self._totals + counts.reshape(-1, num_leaves).cumsum(axis=0)
        ends = self.rows_seen + WINDOW_ROWS * np.arange(1, len(windows) + 1)
        off = sums @ self.takes.T - ends[:, None] * self.shares
        self._totals, self.rows_seen = sums[-1], int(ends[-1])
        self.furthest = np.maximum(self.furthest, np.abs(off).max(axis=0))
        width = max(-(-self.num_rows // WINDOW_ROWS) // _MAX_POINTS, 1) * WINDOW_ROWS
        for end, here in zip(ends, off, strict=True):
            place = (int(end) - 1) // width
            kept = self.points.get(place)
            if kept is None or np.abs(here).max() > np.abs(kept[1]).max():
                self.points[place] = int(end), here

    def lines(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Points of these components: rows so far, and how many rows too many or too few."""
        columns = [self.names.index(name) for name in names]
        return [
            {"rows": end, "component": self.names[column], "off": round(float(off[column]), 3)}
            for _, (end, off) in sorted(self.points.items())
            for column in columns
        ]


def make_curve(rows: dict[str, int], leaves: Sequence[str]) -> Curve:
    """Of components with so many rows, by path; leaves are those that have none below."""
    total = sum(rows[leaf] for leaf in leaves)
    takes = [[leaf == name or leaf.startswith(f"{name}/") for leaf in leaves] for name in rows]
    shares = np.array([count / max(total, 1) for count in rows.values()])
    return Curve(list(rows), shares, np.array(takes, np.int64), total)
