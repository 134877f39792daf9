"""List columns as flat numpy arrays: what emit counts, selects and orders rows with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def ints(column: pa.Array) -> Ints:
    values: Ints = column.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return values


def starts(counts: Ints) -> Ints:
    """Where each of `counts` items begins in a row of all of them; one more for the end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def offsets(counts: Ints) -> pa.Array:
    """`starts` as the offsets of an Arrow list."""
    return pa.array(starts(counts), pa.int32())


def ranges(first: Ints, counts: Ints) -> Ints:
    """first[i], first[i] + 1 ... counts[i] of them, for each i in turn."""
    ends = np.cumsum(counts)
    steps = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
    numbers: Ints = steps + np.repeat(first - (ends - counts), counts)
    return numbers


def owners(counts: Ints) -> Ints:
    """For each item of lists of these lengths, the list that it belongs to."""
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def count_where(owner: Ints, mask: Bools, length: int) -> Ints:
    """How many of the masked items each of `length` owners has."""
    return np.bincount(owner[mask], minlength=length).astype(np.int64)


class Lists:
    """A list column of integers: list i is `values[starts[i] : starts[i] + counts[i]]`."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        """A null is an empty list."""
        lists = column.combine_chunks()
        self.counts = ints(lists.value_lengths().fill_null(0))
        self.starts = starts(self.counts)
        self.values = ints(lists.flatten())

    def sums(self) -> Ints:
        totals = starts(self.values)
        return totals[self.starts[1:]] - totals[self.starts[:-1]]

    def slice(self, start: int, stop: int) -> Ints:
        return self.values[self.starts[start] : self.starts[stop]]


def bytes_of(column: pa.ChunkedArray) -> list[npt.NDArray[np.uint8]]:
    """Of a column of `large_binary`, chunk by chunk, value after value; nothing is copied."""
    found = []
    for chunk in column.chunks:
        _, offsets, data = chunk.buffers()
        ends = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        held = np.frombuffer(data or b"", np.uint8)
        found.append(held[int(ends[0]) : int(ends[-1])] if len(chunk) else held[:0])
    return found
