"""Whole numbers in bins whose edges read well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Counts = Mapping[int, int]

# Seconds, as people say them.
SECONDS = (0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600, 7200)


@dataclass(frozen=True, slots=True)
class Bin:
    """How many values are at least `low` and below `high`; the last bin has no upper end."""

    low: int
    high: int | None
    count: int

    @property
    def label(self) -> str:
        if self.high is None:
            return f"{self.low:,} and more"
        return (
            f"{self.low:,}" if self.high == self.low + 1 else f"{self.low:,} to {self.high - 1:,}"
        )


def half_octaves(most: int) -> list[int]:
    """0, 1, 2, 3, 4, 6, 8, 12, 16 ... to the first above `most`."""
    edges = [0, 1, 2, 3]
    while edges[-1] <= most:
        edges.append(edges[-2] * 2)
    return edges


def used_edges(counts: Sequence[Counts], edges: Sequence[int]) -> list[int]:
    """The edges around the values of all of them; of no values, none."""
    values = [value for some in counts for value in some]
    if not values:
        return []
    first = max((e for e in edges if e <= min(values)), default=edges[0])
    last = min((e for e in edges if e > max(values)), default=edges[-1])
    return [edge for edge in edges if first <= edge <= last]


def binned(counts: Counts, edges: Sequence[int]) -> list[Bin]:
    """One bin between each two edges; what is beyond the last is in one more bin."""
    if not edges:
        return []
    bins = [
        Bin(low, high, sum(n for value, n in counts.items() if low <= value < high))
        for low, high in pairwise(edges)
    ]
    beyond = sum(n for value, n in counts.items() if value >= edges[-1])
    return [*bins, Bin(edges[-1], None, beyond)] if beyond else bins


def median(counts: Counts) -> int | None:
    """The lower one of two; None of nothing."""
    total, seen = sum(counts.values()), 0
    for value in sorted(counts):
        seen += counts[value]
        if 2 * seen >= total:
            return value
    return None
