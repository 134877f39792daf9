"""A part's open rows once more, with what near duplicates are kept for.

opened-00012.arrow  as open-*.arrow, sorted by key; of a row that another one is kept for `near_*`
                    say which, and its key is that row's, so that both come into one bucket
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipelines.alike.files import near_path
from pipelines.alike.keys import keyed_path
from pipelines.alike.numbers import Numbers
from pipelines.alike.same import read_same
from pipelines.alike.walk import read_walked
from pipelines.engine import Task
from pipelines.flat import Ints
from pipelines.scratch import frame, read_batch, write_frame

_MEMORY = 1 << 30
# What open rows have of it: the code and id of the row that is kept for them, how alike both are as
# text, and whether their media are other ones than those that stand for them.
NEAR_FACTS = ("near_code", "near_hi", "near_lo", "near_value", "copied")


@dataclass(frozen=True, slots=True)
class ApplyTask:
    """A part; `same` and `walks` are numbers of files."""

    scratch: str
    number: int
    numbers: Numbers
    same: int
    walks: int


def opened_path(scratch: str, number: int) -> str:
    return near_path(scratch, f"opened-{number:05d}.arrow")


def apply_tasks(numbers: Numbers, same: int, walks: int) -> list[Task]:
    return [
        Task(
            name=f"near texts of part {number}",
            group="rows",
            function=run_apply_task,
            args=(ApplyTask(numbers.scratch, number, numbers, same, walks),),
            memory_bytes=_MEMORY,
            weight=count,
        )
        for number, count in enumerate(numbers.counts)
    ]


def run_apply_task(task: ApplyTask) -> dict[str, Any]:
    """Task: write opened-*.arrow; returns its path."""
    rows = frame([read_batch(keyed_path(task.scratch, task.number))])
    row, match, jaccard = _gone(task)
    mine = task.numbers.take(row, ["at", "hi", "lo", "told"])
    kept = task.numbers.take(match, ["code", "hi", "lo", "key", "told"])
    similarity = pl.Series([f"similarity={round(value, 3)}" for value in jaccard.tolist()])
    near = pl.DataFrame(
        {
            "at": mine["at"],
            "near_code": kept["code"],
            "near_hi": kept["hi"],
            "near_lo": kept["lo"],
            "near_key": kept["key"],
            "near_value": similarity.cast(pl.String),
            "told": mine["told"].zip_with(mine["told"].is_not_null(), kept["told"]),
        }
    )
    shown = pl.concat_str("near_value", "told", separator=" ", ignore_nulls=True)
    near = near.with_columns(near_value=shown).drop("told")
    # Of the same content as what is kept: a copy, and no near duplicate.
    is_copy = (near["near_hi"] == mine["hi"]) & (near["near_lo"] == mine["lo"])
    rows = rows.join(near.filter(~is_copy), on="at", how="left", maintain_order="left")
    rows = rows.with_columns(key=pl.coalesce("near_key", "key")).drop("near_key")
    write_frame(opened_path(task.scratch, task.number), rows.sort("key", maintain_order=True))
    return {"number": task.number, "path": opened_path(task.scratch, task.number)}


def _gone(task: ApplyTask) -> tuple[Ints, Ints, Ints]:
    """(rows of the part that another is kept for, that other, how alike they are)."""
    row, match, jaccard = read_walked(task.scratch, task.walks)
    same, stands = read_same(task.scratch, task.same)
    first, end = task.numbers.first[task.number : task.number + 2].tolist()
    same, stands = (values[(same >= first) & (same < end)] for values in (same, stands))
    # What stands for a row may have gone itself: then both for the same row.
    place = np.minimum(np.searchsorted(row, stands), max(len(row) - 1, 0))
    has_gone = row[place] == stands if len(row) else np.zeros(len(stands), np.bool_)
    kept = np.where(has_gone, match[place] if len(row) else stands, stands)
    alike = np.where(has_gone, jaccard[place] if len(row) else 1.0, 1.0)
    own = (row >= first) & (row < end)
    return (
        np.concatenate([row[own], same]),
        np.concatenate([match[own], kept]),
        np.concatenate([jaccard[own], alike]),
    )
