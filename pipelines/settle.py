"""Resolve, after quotas: which samples of each bucket are drawn, and what they add up to.

kept-00003.arrow    place (part, at) of each drawn sample, sorted by place
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from manifests.storage import join
from pipelines.bucket_supply import BucketSupply
from pipelines.buckets import TOTAL_COLUMNS, Bucket, drawn_path
from pipelines.engine import Task
from pipelines.scratch import column, read_batch, write_frame

_MEMORY = 512 << 20

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SettleTask:
    """A bucket with, by leaf: where it starts, samples before and in all, rows that are drawn."""

    number: int
    facts: str
    scratch: str
    starts: _Ints
    before: _Ints
    samples: _Ints
    quotas: _Ints


def kept_path(scratch: str, number: int) -> str:
    return join(scratch, f"kept-{number:05d}.arrow")


def settle_tasks(
    facts: str, scratch: str, buckets: Sequence[Bucket], supply: BucketSupply, quotas: Sequence[int]
) -> list[Task]:
    before = supply.places.before
    tasks = []
    for at, bucket in enumerate(buckets):
        task = SettleTask(
            number=bucket.number,
            facts=facts,
            scratch=scratch,
            starts=bucket.starts,
            before=before[at],
            samples=before[-1],
            quotas=supply.quotas(quotas),
        )
        name = f"draw from bucket {bucket.number}"
        weight = int(bucket.counts.sum())
        tasks.append(Task(name, "rows", run_settle_task, (task,), _MEMORY, weight))
    return tasks


def run_settle_task(task: SettleTask) -> dict[str, Any]:
    """Task: note what is drawn; returns totals and rows by subset code, repeats counted."""
    batch = read_batch(drawn_path(task.facts, task.number))
    leaf = column(batch, "leaf").astype(np.int64)
    rank = np.arange(len(leaf)) - task.starts[leaf] + task.before[leaf]
    # Passes k with k * samples + rank < quota.
    size = np.maximum(task.samples[leaf], 1)
    passes = np.maximum(-(-(task.quotas[leaf] - rank) // size), 0)
    drawn = np.flatnonzero(passes)
    part, at = (column(batch, name)[drawn].astype(np.uint64) for name in ("part", "at"))
    places = np.sort(part << np.uint64(32) | at)
    halves = {"part": places >> np.uint64(32), "at": places & np.uint64(0xFFFFFFFF)}
    write_frame(
        kept_path(task.scratch, task.number),
        pl.DataFrame({name: values.astype(np.uint32) for name, values in halves.items()}),
    )
    totals = {
        name: int((column(batch, name).astype(np.int64) * passes).sum()) for name in TOTAL_COLUMNS
    }
    rows = np.bincount(column(batch, "code").astype(np.int64), weights=passes)
    used = np.flatnonzero(rows)
    return {
        "totals": totals,
        "rows": dict(zip(used.tolist(), rows[used].astype(np.int64).tolist(), strict=True)),
    }
