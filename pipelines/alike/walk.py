"""Which rows stay of those that are alike: chains of pairs are parted, and each is walked.

labels.arrow        of every row the smallest that a chain of pairs leads to; where there are many
walked-00003.arrow  `row`, the row that it was dropped for, and how alike they are
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipelines.alike.files import near_path
from pipelines.alike.numbers import PREFERRED, Numbers, preference_order
from pipelines.alike.verify import pairs_path
from pipelines.engine import Task
from pipelines.flat import Ints
from pipelines.near.characters import mixed
from pipelines.near.jaccard import Alike
from pipelines.near.kept import NOBODY, components, walk
from pipelines.scratch import column, read_batch, write_frame, write_table

# Pairs that are walked at once, at most: about 150 bytes each.
MANY_PAIRS = 5_000_000
_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class WalkTask:
    """Pairs of the chains that are `number`'s of `count`; `files`: how many pairs-*.arrow."""

    scratch: str
    numbers: Numbers
    files: int
    number: int
    count: int


def labels_path(scratch: str) -> str:
    return near_path(scratch, "labels.arrow")


def walked_path(scratch: str, number: int) -> str:
    return near_path(scratch, f"walked-{number:05d}.arrow")


def num_walks(num_pairs: int) -> int:
    return max(-(-num_pairs // MANY_PAIRS), 1)


def label_tasks(numbers: Numbers, files: int, count: int) -> list[Task]:
    """One, if there is more than one walk: chains are parted by what it finds."""
    if count == 1:
        return []
    args = (numbers.scratch, numbers, files)
    memory = _MEMORY + 24 * numbers.total
    return [Task("near texts, chains", "rows", run_label_task, args, memory, numbers.total)]


def walk_tasks(numbers: Numbers, files: int, count: int) -> list[Task]:
    return [
        Task(
            name=f"near texts, walk {number}",
            group="rows",
            function=run_walk_task,
            args=(WalkTask(numbers.scratch, numbers, files, number, count),),
            memory_bytes=_MEMORY,
            weight=numbers.total // count,
        )
        for number in range(count)
    ]


def run_label_task(scratch: str, numbers: Numbers, files: int) -> dict[str, Any]:
    """Task: write labels.arrow, from one file of pairs after another; 24 bytes a row."""
    label = np.arange(numbers.total)
    for pairs in _files(scratch, files):
        found = components(numbers.total, label[pairs.left], label[pairs.right])
        label = found[label]
    write_table(labels_path(scratch), pa.table({"label": pa.array(label)}))
    return {}


def run_walk_task(task: WalkTask) -> dict[str, Any]:
    """Task: write walked-*.arrow."""
    mine = [_of_task(task, pairs) for pairs in _files(task.scratch, task.files)]
    left, right = (
        np.concatenate([np.zeros(0, np.int64), *(getattr(pairs, side) for pairs in mine)])
        for side in ("left", "right")
    )
    jaccard = np.concatenate([np.zeros(0), *(pairs.jaccard for pairs in mine)])
    rows, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    rank = np.empty(len(rows), np.int64)
    order = preference_order(task.numbers.take(rows, PREFERRED), rows)
    rank[order] = np.arange(len(rows))
    one, other = np.split(places.astype(np.int64), 2)
    match, alike = walk(Alike(one, other, jaccard), rank)
    gone = np.flatnonzero(match != NOBODY)
    found = {"row": rows[gone], "match": rows[match[gone]], "jaccard": alike[gone]}
    write_frame(walked_path(task.scratch, task.number), pl.DataFrame(found))
    return {"number": task.number, "gone": len(gone)}


def _files(scratch: str, files: int) -> Iterator[Alike]:
    for number in range(files):
        batch = read_batch(pairs_path(scratch, number))
        left, right = (column(batch, side).astype(np.int64) for side in ("left", "right"))
        yield Alike(left, right, column(batch, "jaccard").astype(np.float64))


def _of_task(task: WalkTask, pairs: Alike) -> Alike:
    if task.count == 1:
        return pairs
    labels = column(read_batch(labels_path(task.scratch)), "label").astype(np.int64)
    chosen = mixed(labels[pairs.left].astype(np.uint64)) % np.uint64(task.count)
    return pairs.take(np.flatnonzero(chosen == task.number))


def read_walked(scratch: str, tasks: int) -> tuple[Ints, Ints, Any]:
    """(row, match, jaccard) of all, by row."""
    batches = [read_batch(walked_path(scratch, number)) for number in range(tasks)]
    columns = [
        np.concatenate([column(batch, name) for batch in batches])
        for name in ("row", "match", "jaccard")
    ]
    order = np.argsort(columns[0])
    row, match, jaccard = (values[order] for values in columns)
    return row.astype(np.int64), match.astype(np.int64), jaccard
