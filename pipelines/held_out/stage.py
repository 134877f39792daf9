"""The whole step: from what resolve found before quotas to what of it is trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from manifests.storage import join
from pipelines.buckets import TOTAL_COLUMNS, Bucket
from pipelines.engine import Task
from pipelines.held_out.groups import Draws, group_tasks
from pipelines.held_out.split import (
    HeldBucket,
    SplitTask,
    run_beside_task,
    run_split_task,
    run_trained_task,
    split_tasks,
)
from pipelines.kept_parts import Facts
from pipelines.scratch import write_frame

Run = Callable[[str, Sequence[Task]], list[dict[str, Any]]]

_STAGE = "hold out"


@dataclass(frozen=True, slots=True)
class Split:
    """What is trained on: buckets, and the folder of their drawn-*.arrow; and what is held out."""

    folder: str
    buckets: tuple[Bucket, ...]
    share: Fraction | None = None
    held: tuple[HeldBucket, ...] = ()

    @property
    def num_held(self) -> int:
        return sum(bucket.num_rows for bucket in self.held)

    @property
    def num_shared(self) -> int:
        return sum(bucket.num_shared for bucket in self.held)

    @property
    def num_bytes(self) -> int:
        """Of text and media that are held out."""
        return sum(bucket.num_bytes for bucket in self.held)

    @property
    def totals(self) -> dict[str, int]:
        """Sums of the token columns over what is held out."""
        return {name: sum(bucket.totals[name] for bucket in self.held) for name in TOTAL_COLUMNS}

    def rows_of(self, leaf: int) -> int:
        return sum(int(bucket.counts[leaf]) for bucket in self.held)


def hold_out(run: Run, facts: Facts, share: Fraction | None, scratch: str) -> Split:
    """Groups by their draws; the driver holds 8 bytes a group that both kinds of rows may show."""
    if share is None:
        return Split(facts.folder, facts.buckets)
    run(_STAGE, group_tasks(facts.folder, scratch, facts.parts))
    tasks = [SplitTask(bucket, facts.folder, scratch, share) for bucket in facts.buckets]
    beside = _union(run(_STAGE, split_tasks("media beside held-out ones", run_beside_task, tasks)))
    if len(beside):
        tasks = _with_shared(tasks, scratch, "beside", beside)
        trained = run(_STAGE, split_tasks("media trained on", run_trained_task, tasks))
        tasks = _with_shared(tasks, scratch, "shared", _union(trained))
    found = run(_STAGE, split_tasks("split", run_split_task, tasks))
    found.sort(key=lambda result: int(result["bucket"].number))
    buckets = tuple(result["bucket"] for result in found)
    return Split(scratch, buckets, share, tuple(result["held"] for result in found))


def _union(results: Sequence[dict[str, Any]]) -> Draws:
    return np.unique(np.concatenate([np.empty(0, np.uint64), *(r["groups"] for r in results)]))


def _with_shared(
    tasks: Sequence[SplitTask], scratch: str, name: str, groups: Draws
) -> list[SplitTask]:
    path = join(scratch, f"{name}.arrow")
    write_frame(path, pl.DataFrame({"group": pl.Series(groups, dtype=pl.UInt64)}))
    return [replace(task, shared=path) for task in tasks]
