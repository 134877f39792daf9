"""The pairs that are alike, by the texts themselves: a task a range of rows.

pairs-00003.arrow   left, right: rows; jaccard: how alike the less alike of their sides are
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mixtures.likeness import NearText
from pipelines.alike.bands import bin_size, cut_bins
from pipelines.alike.files import near_path
from pipelines.alike.numbers import Numbers
from pipelines.alike.texts import sides
from pipelines.engine import Task
from pipelines.flat import Ints
from pipelines.near.candidates import joined_pairs
from pipelines.near.jaccard import verified
from pipelines.near.shingles import Shingles, shingle_sets
from pipelines.scratch import column, read_batch, write_frame
from pipelines.stored_rows import StoredRows

# Pairs of a task, at most, each as often as it met: about 16 bytes each.
MANY_PAIRS = 4_000_000
_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True)
class VerifyTask:
    """Pairs whose left row is in [start, stop). `row_folders` are of each part."""

    scratch: str
    number: int
    numbers: Numbers
    met: tuple[str, ...]
    start: int
    stop: int
    row_folders: tuple[tuple[str, ...], ...]
    asked: NearText


def pairs_path(scratch: str, number: int) -> str:
    return near_path(scratch, f"pairs-{number:05d}.arrow")


def verify_tasks(
    numbers: Numbers,
    met: Sequence[dict[str, Any]],
    row_folders: Sequence[tuple[str, ...]],
    asked: NearText,
) -> list[Task]:
    """`met` are results of the tasks of bands."""
    size = bin_size(numbers)
    ranges = cut_bins([result["counts"] for result in met], MANY_PAIRS)
    paths = tuple(sorted(result["path"] for result in met))
    return [
        Task(
            name=f"near texts, pairs {number}",
            group="rows",
            function=run_verify_task,
            args=(
                VerifyTask(
                    scratch=numbers.scratch,
                    number=number,
                    numbers=numbers,
                    met=paths,
                    start=first * size,
                    stop=last * size,
                    row_folders=tuple(row_folders),
                    asked=asked,
                ),
            ),
            memory_bytes=_MEMORY,
            weight=numbers.total // len(ranges),
        )
        for number, (first, last) in enumerate(ranges)
    ]


def run_verify_task(task: VerifyTask) -> dict[str, Any]:
    """Task: write pairs-*.arrow; returns how many there are."""
    pairs = joined_pairs([_slice(path, task.start, task.stop) for path in task.met])
    rows, places = np.unique(np.concatenate([pairs.left, pairs.right]), return_inverse=True)
    left, right = np.split(places.astype(np.int64), 2)
    texts = _Texts(task, rows)
    alike = verified(
        type(pairs)(left, right), texts.num_words, texts.shingles, task.asked.threshold
    )
    found = pl.DataFrame(
        {"left": rows[alike.left], "right": rows[alike.right], "jaccard": alike.jaccard}
    )
    write_frame(pairs_path(task.scratch, task.number), found)
    return {"number": task.number, "pairs": len(alike)}


def _slice(path: str, start: int, stop: int) -> Any:
    pairs = column(read_batch(path), "pair").astype(np.uint64)
    low, high = np.searchsorted(pairs, np.array([start << 32, stop << 32], np.uint64))
    return pairs[low:high]


class _Texts:
    """Sides of some rows' texts, read as they are asked for."""

    def __init__(self, task: VerifyTask, rows: Ints) -> None:
        facts = task.numbers.take(rows, ["folder", "pos", "num_words"])
        self.num_words = facts["num_words"].to_numpy().astype(np.int64)
        # Folders of all parts, one part's after another's.
        before = np.cumsum([0, *(len(folders) for folders in task.row_folders)])
        self._folder = facts["folder"].to_numpy() + before[facts["part"].to_numpy()]
        self._pos = facts["pos"].to_numpy().astype(np.int64)
        folders = [folder for part in task.row_folders for folder in part]
        self._stored = StoredRows(folders, ["messages", "kind"])
        self._chat = task.asked.chat

    def shingles(self, texts: Ints) -> Sequence[Shingles]:
        batch, places = self._stored.take(self._folder[texts], self._pos[texts])
        return [
            shingle_sets([side[place] for place in places.tolist()])
            for side in sides(batch, self._chat)
        ]


def read_pairs(scratch: str, tasks: int) -> tuple[Ints, Ints, Any]:
    """(left, right, jaccard) of all pairs."""
    batches = [read_batch(pairs_path(scratch, number)) for number in range(tasks)]
    table = pa.Table.from_batches(batches) if batches else None
    if table is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    left, right, jaccard = (table[name].to_numpy() for name in ("left", "right", "jaccard"))
    return left.astype(np.int64), right.astype(np.int64), jaccard
