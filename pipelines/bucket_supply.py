"""What leaves hold, answered from buckets: their sums, and one bucket's rows where a cut falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mixtures.supply import Measure
from pipelines.buckets import SUM_COLUMNS, Bucket, drawn_path
from pipelines.scratch import column, read_batch

_Ints = npt.NDArray[np.int64]
_KEPT_SUMS = 64


@dataclass(frozen=True, slots=True)
class Places:
    """Where each leaf's samples lie: `before[b, leaf]` of them in earlier buckets than the b-th,
    and the leaf's own rows in drawn-*.arrow from `starts[b, leaf]` on; files are `numbers[b]`."""

    numbers: _Ints
    before: _Ints
    starts: _Ints

    def samples(self, leaf: int) -> int:
        return int(self.before[-1, leaf])

    def find(self, leaf: int, ranks: _Ints) -> tuple[_Ints, _Ints]:
        """(number of drawn-*.arrow, row there) of these samples of the leaf, in draw order."""
        bucket = np.searchsorted(self.before[1:, leaf], ranks, side="right")
        row = self.starts[bucket, leaf] + ranks - self.before[bucket, leaf]
        return self.numbers[bucket], row


class BucketSupply:
    """A `Supply` over drawn-*.arrow; memory is that of the columns where cuts fell last.

    `leaves` are the leaves that are asked about, by their indices in the buckets: a recipe that
    some components had to leave numbers its own anew.
    """

    def __init__(self, scratch: str, buckets: Sequence[Bucket], leaves: Sequence[int]) -> None:
        self._scratch = scratch
        self._buckets = buckets
        self.leaves = np.array(leaves)
        counts = np.array([bucket.counts for bucket in buckets])
        self.places = Places(
            numbers=np.array([bucket.number for bucket in buckets]),
            before=_before(counts),
            starts=np.array([bucket.starts for bucket in buckets]),
        )
        # Sums of each leaf before each bucket; one more row for the end.
        self._ends: dict[str, _Ints] = {"samples": self.places.before}
        for name in SUM_COLUMNS:
            self._ends[name] = _before(np.array([bucket.sums[name] for bucket in buckets]))
        self._inside = lru_cache(_KEPT_SUMS)(self._sums_inside)

    def samples(self, leaf: int) -> int:
        return self.places.samples(int(self.leaves[leaf]))

    def quotas(self, quotas: Sequence[int]) -> _Ints:
        """By the buckets' leaf indices."""
        found = np.zeros(self.places.before.shape[1], np.int64)
        found[self.leaves] = quotas
        return found

    def amount(self, leaf: int, measure: Measure, rows: int) -> int:
        if measure == "samples" or not rows:
            return rows
        leaf = int(self.leaves[leaf])
        passes, rest = divmod(rows, self.places.samples(leaf))
        total = passes * int(self._ends[measure][-1, leaf])
        if not rest:
            return total
        bucket = int(np.searchsorted(self._ends["samples"][1:, leaf], rest))
        inside = rest - int(self._ends["samples"][bucket, leaf])
        before = int(self._ends[measure][bucket, leaf])
        return total + before + self._sum(bucket, leaf, measure, inside)

    def rows_within(self, leaf: int, measure: Measure, amount: int) -> int:
        if measure == "samples":
            return amount
        leaf = int(self.leaves[leaf])
        ends = self._ends[measure][:, leaf]
        whole, size = int(ends[-1]), self.places.samples(leaf)
        if not whole:
            return size
        passes, rest = divmod(amount, whole)
        bucket = int(np.searchsorted(ends[1:], rest, side="right"))
        if bucket == len(self._buckets):
            return (passes + 1) * size
        sums = self._inside(bucket, leaf, measure)
        inside = int(np.searchsorted(sums, rest - int(ends[bucket]), side="right"))
        return passes * size + int(self._ends["samples"][bucket, leaf]) + inside

    def _sum(self, bucket: int, leaf: int, measure: Measure, rows: int) -> int:
        return int(self._inside(bucket, leaf, measure)[rows - 1]) if rows else 0

    def _sums_inside(self, bucket: int, leaf: int, measure: Measure) -> _Ints:
        start, stop = self.places.starts[bucket, leaf : leaf + 2]
        batch = read_batch(drawn_path(self._scratch, self._buckets[bucket].number))
        values = column(batch, SUM_COLUMNS[measure])[int(start) : int(stop)]
        sums: _Ints = np.cumsum(values, dtype=np.int64)
        return sums


def _before(values: _Ints) -> _Ints:
    return np.concatenate([np.zeros((1, values.shape[1]), np.int64), np.cumsum(values, axis=0)])
