"""What the leaves of a recipe hold: the question that quotas are answered from.

Rows of a leaf have one order, that of their draws, and are taken from its head, pass after pass;
so the first `rows` rows of a leaf are always the same ones, and any measure of them is a sum over
a prefix of that order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Measure = Literal["samples", "tokens", "answer_tokens", "images", "duration_ms", "bytes"]
MEASURES: tuple[Measure, ...] = (
    "samples",
    "tokens",
    "answer_tokens",
    "images",
    "duration_ms",
    "bytes",
)


class Supply(Protocol):
    """Sums over the first rows of each leaf, in draw order; no measure is ever negative."""

    def samples(self, leaf: int) -> int:
        """How many samples the leaf has: the rows of one pass."""
        ...

    def amount(self, leaf: int, measure: Measure, rows: int) -> int:
        """The sum of `measure` over its first `rows` rows, further passes included."""
        ...

    def rows_within(self, leaf: int, measure: Measure, amount: int) -> int:
        """The most rows whose sum is at most `amount`; passes without end where the sum of a
        pass is 0 count as one pass."""
        ...


class ArraySupply:
    """A supply in memory: `values[leaf][measure]` are one array item a sample, in draw order."""

    def __init__(self, values: Sequence[Mapping[Measure, npt.NDArray[np.int64]]]) -> None:
        self._ends = [
            {name: np.cumsum(column, dtype=np.int64) for name, column in leaf.items()}
            for leaf in values
        ]
        self._samples = [max((len(c) for c in leaf.values()), default=0) for leaf in values]

    def samples(self, leaf: int) -> int:
        return self._samples[leaf]

    def amount(self, leaf: int, measure: Measure, rows: int) -> int:
        if measure == "samples" or not rows:
            return rows
        ends, size = self._ends[leaf][measure], self._samples[leaf]
        passes, rest = divmod(rows, size)
        return passes * int(ends[-1]) + (int(ends[rest - 1]) if rest else 0)

    def rows_within(self, leaf: int, measure: Measure, amount: int) -> int:
        if measure == "samples":
            return amount
        size = self._samples[leaf]
        whole = int(self._ends[leaf][measure][-1]) if size else 0
        if not whole:
            return size
        passes, rest = divmod(amount, whole)
        return passes * size + int(np.searchsorted(self._ends[leaf][measure], rest, side="right"))


class EvenSupply:
    """A supply of which only the sums are known: `totals[leaf]` are those of one pass.

    Each sample counts as holding an equal part: what source cards can tell before any download.
    """

    def __init__(self, totals: Sequence[Mapping[Measure, int]]) -> None:
        self._totals = list(totals)

    def samples(self, leaf: int) -> int:
        return self._totals[leaf]["samples"]

    def amount(self, leaf: int, measure: Measure, rows: int) -> int:
        if measure == "samples" or not rows:
            return rows
        return rows * self._totals[leaf][measure] // self.samples(leaf)

    def rows_within(self, leaf: int, measure: Measure, amount: int) -> int:
        if measure == "samples":
            return amount
        whole = self._totals[leaf][measure]
        if not whole:
            return self.samples(leaf)
        return ((amount + 1) * self.samples(leaf) - 1) // whole
