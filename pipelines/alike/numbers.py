"""Rows of all parts by one number each: its place in all alike-*.arrow together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipelines.alike.facts import alike_path
from pipelines.flat import Ints, starts
from pipelines.scratch import column, frame, read_batch

# By what a copy is preferred, and what it is then told by.
PREFERRED = ["priority", "pixels", "order", "hi", "lo"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """`counts` are rows of each part's file."""

    scratch: str
    counts: tuple[int, ...]

    @property
    def first(self) -> Ints:
        """Number of each part's first row; one more for the end."""
        return starts(np.array(self.counts, np.int64))

    @property
    def total(self) -> int:
        return sum(self.counts)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Of all rows."""
        parts = [column(self._batch(part, [name]), name) for part in range(len(self.counts))]
        return np.concatenate(parts)

    def take(self, rows: Ints, names: Sequence[str]) -> pl.DataFrame:
        """Columns of these rows, and `part`, in their order."""
        part = np.searchsorted(self.first, rows, side="right") - 1
        taken, order = [], []
        for number in np.unique(part).tolist():
            mine = np.flatnonzero(part == number)
            batch = self._batch(number, names)
            found = frame([batch.take(pa.array(rows[mine] - self.first[number]))])
            taken.append(found.with_columns(part=pl.lit(number, pl.UInt32)))
            order.append(mine)
        if not taken:
            schema = frame([self._batch(0, names)]).schema
            return pl.DataFrame(schema={**schema, "part": pl.UInt32})
        places = np.empty(len(rows), np.int64)
        places[np.concatenate(order)] = np.arange(len(rows))
        return pl.concat(taken)[places]

    def _batch(self, part: int, names: Sequence[str]) -> pa.RecordBatch:
        return read_batch(alike_path(self.scratch, part), names)


def preference_order(rows: pl.DataFrame, numbers: Ints) -> Ints:
    """Places of the rows (PREFERRED), from the one whose copy stays before all others.

    By source priority, then more pixels, then what the subset's licence lets one do, then id; at
    last by place upstream, which `numbers` are.
    """
    columns = [rows[name].to_numpy() for name in PREFERRED]
    columns[1] = -columns[1].astype(np.int64)
    order: Ints = np.lexsort([numbers, *reversed(columns)])
    return order
