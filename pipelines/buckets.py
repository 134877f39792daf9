"""Resolve, in buckets: where equal content meets, one sample stays, and draws find their order.

A bucket is a range of keys over all parts. Its task leaves two tables:

    lost-00003.arrow    rows that are not samples of their own, with their fate; sorted by place
    drawn-00003.arrow   samples, sorted by (leaf, draw, id): the rows of a leaf in draw order

Keys are draws, so that buckets in their order hold a leaf's samples in draw order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from manifests.ledger import Fate, Stage
from manifests.storage import join
from pipelines.engine import Task
from pipelines.exclude import EXCLUDED_RULE
from pipelines.parts import EXCLUDED_LEAF, open_path
from pipelines.scratch import frame, read_slice, write_frame

# A row of a bucket while it is sorted, copies included.
_ROW_MEMORY = 400
_BASE_MEMORY = 512 << 20
_KEYS = 1 << 64

# Measures of `mixtures.supply` and the columns of open rows that they are sums of.
SUM_COLUMNS = {
    "tokens": "num_tokens",
    "answer_tokens": "num_answer_tokens",
    "images": "num_images",
    "duration_ms": "duration_ms",
    "bytes": "bytes",
}
TOTAL_COLUMNS = (*("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens"),)
_LOST = {
    "part": pl.UInt32,
    "at": pl.UInt32,
    "fate": pl.String,
    "stage": pl.String,
    "rule": pl.String,  # null: as the part has it for the token gate
    "value": pl.String,
    "matched_code": pl.Int32,
    "hi": pl.UInt64,
    "lo": pl.UInt64,
}


@dataclass(frozen=True, slots=True)
class BucketTask:
    """The keys [start, stop) of these parts."""

    number: int
    scratch: str
    parts: tuple[int, ...]
    start: int
    stop: int
    num_leaves: int
    duplicates: Literal["mixture", "component"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Samples of a bucket by leaf: how many, and the sums of SUM_COLUMNS."""

    number: int
    counts: npt.NDArray[np.int64]
    sums: dict[str, npt.NDArray[np.int64]]
    lost: dict[tuple[str, str], int]  # rows by (fate, rule)

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Where each leaf's samples begin in drawn-*.arrow; one more for the end."""
        return np.concatenate([[0], np.cumsum(self.counts)])


def lost_path(scratch: str, number: int) -> str:
    return join(scratch, f"lost-{number:05d}.arrow")


def drawn_path(scratch: str, number: int) -> str:
    return join(scratch, f"drawn-{number:05d}.arrow")


def key_ranges(num_rows: int, memory_bytes: int) -> list[tuple[int, int]]:
    """Equal ranges of keys whose rows fit the memory setting."""
    count = max(-(-num_rows * _ROW_MEMORY // memory_bytes), 1)
    ends = [_KEYS * n // count for n in range(count + 1)]
    return list(zip(ends, ends[1:], strict=False))


def bucket_tasks(tasks: Sequence[BucketTask], num_rows: int) -> list[Task]:
    memory = _BASE_MEMORY + num_rows // max(len(tasks), 1) * _ROW_MEMORY
    return [
        Task(f"resolve bucket {t.number}", "keys", run_bucket_task, (t,), memory) for t in tasks
    ]


def run_bucket_task(task: BucketTask) -> dict[str, Any]:
    rows = _read(task)
    rows, excluded = _drop_excluded(rows)
    rows, copies = _drop_copies(rows, task.duplicates)
    gated = rows.filter("gated")
    rows = rows.filter(~pl.col("gated")).sort("leaf", "key", "hi", "lo")
    dropped = gated.with_columns(
        fate=pl.lit(Fate.DROPPED.value), stage=pl.lit(Stage.GATE.value), value=None
    )
    lost = pl.concat([_lost(part) for part in (excluded, copies, dropped)]).sort("part", "at")
    write_frame(lost_path(task.scratch, task.number), lost)
    write_frame(drawn_path(task.scratch, task.number), rows.drop("gated", "entry"))
    leaf = rows["leaf"].to_numpy()
    sums = {
        name: np.bincount(leaf, weights=rows[column].to_numpy(), minlength=task.num_leaves)
        for name, column in SUM_COLUMNS.items()
    }
    bucket = Bucket(
        number=task.number,
        counts=np.bincount(leaf, minlength=task.num_leaves).astype(np.int64),
        sums={name: values.astype(np.int64) for name, values in sums.items()},
        lost=_counts(lost),
    )
    return {"bucket": bucket}


def _counts(lost: pl.DataFrame) -> dict[tuple[str, str], int]:
    counts = lost.group_by("fate", pl.col("rule").fill_null("too_long")).len()
    return {(fate, rule): count for fate, rule, count in counts.iter_rows()}


def _read(task: BucketTask) -> pl.DataFrame:
    frames = []
    for part in task.parts:
        rows = frame([read_slice(open_path(task.scratch, part), "key", task.start, task.stop)])
        frames.append(rows.with_columns(part=pl.lit(part, pl.UInt32)))
    return pl.concat(frames)


def _lost(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in _LOST.items()
    )


def _drop_excluded(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows without those of the same content as one that a list names, those)."""
    is_named = pl.col("leaf") == EXCLUDED_LEAF
    named = rows.filter(is_named).unique(["hi", "lo"], keep="first", maintain_order=True)
    rows = rows.filter(~is_named)
    if named.is_empty():
        return rows, rows.clear()
    copies = rows.drop("entry").join(named.select("hi", "lo", "entry"), on=["hi", "lo"])
    excluded = copies.with_columns(
        fate=pl.lit(Fate.DROPPED.value),
        stage=pl.lit(Stage.ACCESS.value),
        rule=pl.lit(EXCLUDED_RULE),
        value="entry",
    )
    return rows.join(named, on=["hi", "lo"], how="anti", maintain_order="left"), excluded


def _drop_copies(
    rows: pl.DataFrame, among: Literal["mixture", "component"]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the first of each content in upstream order, the others with what they match)."""
    same = ["hi", "lo"] if among == "mixture" else ["hi", "lo", "leaf"]
    rows = rows.sort(*same, "part", "at")
    keys = rows.select(same)
    is_copy = rows.select(
        pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in same).fill_null(False)
    ).to_series()
    if not keys.height or not is_copy.any():
        return rows, rows.clear()
    first = np.flatnonzero(~is_copy.to_numpy())
    owner = first[np.cumsum(~is_copy.to_numpy()) - 1]
    copies = rows.with_columns(matched_code=rows["code"].gather(owner)).filter(is_copy)
    copies = copies.with_columns(
        fate=pl.lit(Fate.DUPLICATE.value),
        stage=pl.lit(Stage.DEDUPLICATE.value),
        rule=pl.lit("exact_duplicate"),
        value=None,
    )
    return rows.filter(~is_copy), copies
