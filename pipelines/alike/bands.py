"""Pairs of rows that share the key of a band: a task a band and range of keys.

met-003-00001.arrow     pairs of rows, packed, in ascending order
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.alike.facts import band_column
from pipelines.alike.files import near_path
from pipelines.alike.numbers import Numbers
from pipelines.alike.same import standing
from pipelines.engine import Task
from pipelines.flat import Ints
from pipelines.near.candidates import REACH, band_pairs
from pipelines.near.facts import Facts
from pipelines.scratch import write_table

# Rows of a range of keys, at most: about 100 bytes each, and 8 a pair.
MANY_ROWS = 8_000_000
# Ranges of rows by which pairs are counted: tasks that verify are made of whole ones.
NUM_BINS = 4096
_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class BandTask:
    """Keys of a band in [start, stop]; `same` is the number of same-*.arrow."""

    scratch: str
    numbers: Numbers
    same: int
    band: int
    number: int
    start: int
    stop: int


def met_path(scratch: str, band: int, number: int) -> str:
    return near_path(scratch, f"met-{band:03d}-{number:05d}.arrow")


def band_tasks(numbers: Numbers, same: int, bands: int) -> list[Task]:
    count = max(-(-numbers.total // MANY_ROWS), 1)
    ends = [(1 << 64) * n // count for n in range(count + 1)]
    return [
        Task(
            name=f"near texts, band {band} of {bands}",
            group="rows",
            function=run_band_task,
            args=(BandTask(numbers.scratch, numbers, same, band, number, start, stop - 1),),
            memory_bytes=_MEMORY,
            weight=numbers.total // count,
        )
        for band in range(bands)
        for number, (start, stop) in enumerate(zip(ends, ends[1:], strict=False))
    ]


def run_band_task(task: BandTask) -> dict[str, Any]:
    """Task: write met-*.arrow; returns its path, and how many pairs begin in each of NUM_BINS."""
    numbers = task.numbers
    keys = numbers.column(band_column(task.band))
    in_range = (keys >= np.uint64(task.start)) & (keys <= np.uint64(task.stop)) & (keys != 0)
    rows = np.flatnonzero(in_range & standing(numbers, task.same))
    facts = Facts(
        num_words=numbers.column("num_words").astype(np.int64)[rows],
        codes=numbers.column("text").astype(np.uint64)[rows],
        keys=keys.astype(np.uint64)[rows].reshape(-1, 1),
    )
    pairs = band_pairs(facts, 0, np.arange(len(rows)), REACH)
    left, right = pairs >> np.uint64(32), pairs & np.uint64(0xFFFFFFFF)
    # Numbers among the rows are in the order of rows, so that pairs stay in order.
    number = rows.astype(np.uint64)
    pairs = (number[left.astype(np.int64)] << np.uint64(32)) | number[right.astype(np.int64)]
    path = met_path(task.scratch, task.band, task.number)
    write_table(path, pa.table({"pair": pa.array(pairs, pa.uint64())}))
    bins = (pairs >> np.uint64(32)).astype(np.int64) // bin_size(numbers)
    return {"path": path, "counts": np.bincount(bins, minlength=NUM_BINS)}


def bin_size(numbers: Numbers) -> int:
    """Rows of a bin."""
    return -(-max(numbers.total, 1) // NUM_BINS)


def cut_bins(counts: Sequence[Ints], many_pairs: int) -> list[tuple[int, int]]:
    """Ranges of bins of at most so many pairs, or of one bin; without those that have none."""
    total = np.sum(np.stack(counts), axis=0)
    cuts, held, first = [], 0, 0
    for place, count in enumerate(total.tolist()):
        if held and held + count > many_pairs:
            cuts.append((first, place))
            held, first = 0, place
        held += count
    return [*cuts, (first, NUM_BINS)] if held else cuts
