"""Rows with the same words in the same order: one stands for all.

same-00003.arrow    `row` and the row that stands for it, for all others of a range of texts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipelines.alike.files import near_path
from pipelines.alike.numbers import PREFERRED, Numbers, preference_order
from pipelines.engine import Task
from pipelines.flat import Bools, Ints
from pipelines.scratch import column, read_batch, write_frame

# Rows of a range, at most: about 100 bytes each.
MANY_ROWS = 4_000_000
_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class SameTask:
    """Texts whose code is in [start, stop]."""

    scratch: str
    number: int
    numbers: Numbers
    start: int
    stop: int


def same_path(scratch: str, number: int) -> str:
    return near_path(scratch, f"same-{number:05d}.arrow")


def same_tasks(numbers: Numbers) -> list[Task]:
    count = max(-(-numbers.total // MANY_ROWS), 1)
    ends = [(1 << 64) * n // count for n in range(count + 1)]
    return [
        Task(
            name=f"same texts {number}",
            group="rows",
            function=run_same_task,
            args=(SameTask(numbers.scratch, number, numbers, start, stop - 1),),
            memory_bytes=_MEMORY,
            weight=numbers.total // count,
        )
        for number, (start, stop) in enumerate(zip(ends, ends[1:], strict=False))
    ]


def run_same_task(task: SameTask) -> dict[str, Any]:
    """Task: write same-*.arrow."""
    texts = task.numbers.column("text")
    words = task.numbers.column("num_words")
    in_range = (texts >= np.uint64(task.start)) & (texts <= np.uint64(task.stop)) & (words > 0)
    rows = np.flatnonzero(in_range)
    texts = texts[rows]
    rows = rows[np.argsort(texts, kind="stable")]
    texts = np.sort(texts)
    shared = np.zeros(len(texts), np.bool_)
    shared[1:] = texts[1:] == texts[:-1]
    shared[:-1] |= shared[1:]
    row, stands = _stands(task.numbers, rows[shared], texts[shared])
    found = pl.DataFrame({"row": row, "stands": stands}).sort("row")
    write_frame(same_path(task.scratch, task.number), found)
    return {"number": task.number}


def _stands(numbers: Numbers, rows: Ints, texts: Any) -> tuple[Ints, Ints]:
    """(rows that another stands for, that other)."""
    facts = numbers.take(rows, PREFERRED)
    rank = np.empty(len(rows), np.int64)
    rank[preference_order(facts, rows)] = np.arange(len(rows))
    order = np.lexsort((rank, texts))
    rows, texts = rows[order], texts[order]
    is_first = np.ones(len(rows), np.bool_)
    is_first[1:] = texts[1:] != texts[:-1]
    firsts = rows[is_first]
    owner = np.cumsum(is_first) - 1
    return rows[~is_first], firsts[owner][~is_first]


def read_same(scratch: str, tasks: int) -> tuple[Ints, Ints]:
    """All of them, by row."""
    batches = [read_batch(same_path(scratch, number)) for number in range(tasks)]
    row = np.concatenate([column(batch, "row") for batch in batches]).astype(np.int64)
    stands = np.concatenate([column(batch, "stands") for batch in batches]).astype(np.int64)
    order = np.argsort(row)
    return row[order], stands[order]


def standing(numbers: Numbers, tasks: int) -> Bools:
    """Of every row whether it has words, and no other stands for it."""
    found: Bools = numbers.column("num_words") > 0
    for number in range(tasks):
        found[column(read_batch(same_path(numbers.scratch, number)), "row").astype(np.int64)] = (
            False
        )
    return found
