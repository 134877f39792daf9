"""Tasks of a bucket: which of its samples are held out, and what is left for training.

    drawn-00003.arrow     as resolve left it, without what is held out
    held-00003.arrow      the samples of the validation split, by draw
    heldout-00003.arrow   places of what is not trained on, with the rule; sorted by place

A row that shows a held-out medium is never trained on. If it also shows one that some row of the
training split shows, it is in neither split: `shares_media`. So the splits share no group, and a
row's being in the training split follows from its own media alone (docs/decisions/010).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from manifests.storage import join
from pipelines.buckets import TOTAL_COLUMNS, Bucket, bucket_of, drawn_path
from pipelines.engine import Task
from pipelines.flat import Bools
from pipelines.held_out.groups import Draws, Shown
from pipelines.scratch import column, frame, read_batch, write_frame

VALIDATION_RULE = "validation"
SHARED_RULE = "shares_media"

_MEMORY = 1 << 30
_NOTHING: Draws = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True)
class SplitTask:
    """A bucket; `shared` is the file of groups that rows of both kinds show, None before it is."""

    bucket: Bucket
    facts: str
    scratch: str
    share: Fraction
    shared: str | None = None

    def read(self) -> tuple[pl.DataFrame, Shown]:
        rows = frame([read_batch(drawn_path(self.facts, self.bucket.number))])
        return rows, Shown.of(rows, self.facts, self.scratch, self.share)

    def groups(self) -> Draws:
        if self.shared is None:
            return _NOTHING
        return column(read_batch(self.shared), "group").astype(np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBucket:
    """Samples of a bucket in the validation split, by leaf, with the sums of their columns.

    `num_shared` are in neither split.
    """

    number: int
    counts: npt.NDArray[np.int64]
    totals: dict[str, int]
    num_bytes: int
    num_shared: int

    @property
    def num_rows(self) -> int:
        return int(self.counts.sum())


def held_path(scratch: str, number: int) -> str:
    return join(scratch, f"held-{number:05d}.arrow")


def heldout_path(scratch: str, number: int) -> str:
    return join(scratch, f"heldout-{number:05d}.arrow")


def split_tasks(
    what: str, function: Callable[[SplitTask], dict[str, Any]], tasks: Sequence[SplitTask]
) -> list[Task]:
    return [
        Task(
            name=f"{what} of bucket {task.bucket.number}",
            group="rows",
            function=function,
            args=(task,),
            memory_bytes=_MEMORY,
            weight=int(task.bucket.counts.sum()),
        )
        for task in tasks
    ]


def run_beside_task(task: SplitTask) -> dict[str, Any]:
    """Task: groups that are not held out, of rows that show one that is; sorted."""
    _, shown = task.read()
    touched = shown.rows_with(shown.held)
    return {"groups": np.unique(shown.group[touched[shown.owner] & ~shown.held])}


def run_trained_task(task: SplitTask) -> dict[str, Any]:
    """Task: those of the shared groups that a row of the training split shows; sorted."""
    _, shown = task.read()
    trained = ~shown.rows_with(shown.held)
    return {"groups": np.intersect1d(shown.group[trained[shown.owner]], task.groups())}


def run_split_task(task: SplitTask) -> dict[str, Any]:
    """Task: write the bucket's three tables; returns its `Bucket` and its `HeldBucket`."""
    rows, shown = task.read()
    touched = shown.rows_with(shown.held)
    shared = touched & shown.rows_with(np.isin(shown.group, task.groups()))
    number = task.bucket.number
    left = rows.filter(pl.Series(~touched))
    write_frame(drawn_path(task.scratch, number), left)
    held = rows.filter(pl.Series(touched & ~shared)).sort("key", "hi", "lo", "leaf")
    write_frame(held_path(task.scratch, number), held)
    _write_places(rows, touched, shared, heldout_path(task.scratch, number))
    num_leaves = len(task.bucket.counts)
    found = HeldBucket(
        number=number,
        counts=np.bincount(held["leaf"].to_numpy(), minlength=num_leaves).astype(np.int64),
        totals={name: int(held[name].sum()) for name in TOTAL_COLUMNS},
        num_bytes=int(held["bytes"].sum()),
        num_shared=int(shared.sum()),
    )
    return {"bucket": bucket_of(number, left, num_leaves, task.bucket.lost), "held": found}


def _write_places(rows: pl.DataFrame, touched: Bools, shared: Bools, path: str) -> None:
    rule = pl.when(pl.Series(shared)).then(pl.lit(SHARED_RULE)).otherwise(pl.lit(VALIDATION_RULE))
    places = rows.select("part", "at", "leaf", rule=rule).filter(pl.Series(touched))
    write_frame(path, places.sort("part", "at"))
