"""Resolve, in buckets: where equal content meets, one sample stays, and draws find their order.

A bucket is a range of keys over all parts. Its task leaves two tables:

    lost-00003.arrow    rows that are not samples of their own, with their fate; sorted by place
    drawn-00003.arrow   samples, sorted by (leaf, draw, id): the rows of a leaf in draw order

Keys are draws, so that buckets in their order hold a leaf's samples in draw order. A recipe that
merges has buckets twice: first by media, where rows meet that are merged, then by draw.
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
from mixtures.draw import draws
from mixtures.recipe import Recipe
from pipelines.alike.apply import NEAR_FACTS
from pipelines.engine import Task
from pipelines.exclude import EXCLUDED_RULE, Exclusions, excluded_ids
from pipelines.merge import merge
from pipelines.mergeable import MERGE_FACTS
from pipelines.parts import EXCLUDED_LEAF
from pipelines.scratch import frame, read_slice, write_frame
from pipelines.token_counter import Counter

NEAR_RULE = "near_duplicate"
# A row of a bucket while it is sorted, copies included.
_ROW_MEMORY = 400
# Rows of a bucket, at most, whatever memory would allow: larger ones were no faster.
BUCKET_ROWS = 1_000_000
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
    """The keys [start, stop) of these open files; each with the number of its part, if of one.

    `preference` are places of subset codes: of equal samples the first of them stays.
    """

    number: int
    scratch: str
    files: tuple[tuple[str, int | None], ...]
    start: int
    stop: int
    num_leaves: int
    recipe: Recipe
    counter: Counter
    exclusions: Exclusions
    preference: tuple[int, ...]


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


def samples_path(scratch: str, number: int) -> str:
    return join(scratch, f"samples-{number:05d}.arrow")


def drawn_path(scratch: str, number: int) -> str:
    return join(scratch, f"drawn-{number:05d}.arrow")


def key_ranges(num_rows: int, memory_bytes: int) -> list[tuple[int, int]]:
    """Equal ranges of keys whose rows fit the memory setting, and are BUCKET_ROWS at most."""
    most = min(max(memory_bytes // _ROW_MEMORY, 1), BUCKET_ROWS)
    count = max(-(-num_rows // most), 1)
    ends = [_KEYS * n // count for n in range(count + 1)]
    return list(zip(ends, ends[1:], strict=False))


def bucket_tasks(tasks: Sequence[BucketTask], num_rows: int, merging: bool) -> list[Task]:
    """`num_rows` are those of all buckets: keys are spread evenly."""
    each = num_rows // max(len(tasks), 1)
    return [
        Task(
            name=f"resolve bucket {task.number}",
            group="rows",
            function=run_merge_task if merging else run_bucket_task,
            args=(task,),
            memory_bytes=_BASE_MEMORY + each * _ROW_MEMORY,
            weight=each,
        )
        for task in tasks
    ]


def run_bucket_task(task: BucketTask) -> dict[str, Any]:
    """Task: copies lost, samples in draw order by leaf; returns the `Bucket`."""
    rows, lost, _ = _decide(task)
    rows = rows.sort("leaf", "key", "hi", "lo")
    write_frame(drawn_path(task.scratch, task.number), rows)
    return {"bucket": bucket_of(task.number, rows, task.num_leaves, lost)}


def bucket_of(
    number: int, rows: pl.DataFrame, num_leaves: int, lost: dict[tuple[str, str], int]
) -> Bucket:
    """What is to be known of a bucket with these samples."""
    leaf = rows["leaf"].to_numpy()
    sums = {
        name: np.bincount(leaf, weights=rows[column].to_numpy(), minlength=num_leaves)
        for name, column in SUM_COLUMNS.items()
    }
    return Bucket(
        number=number,
        counts=np.bincount(leaf, minlength=num_leaves).astype(np.int64),
        sums={name: values.astype(np.int64) for name, values in sums.items()},
        lost=lost,
    )


def run_merge_task(task: BucketTask) -> dict[str, Any]:
    """Task: copies lost, rows merged; leaves samples-*.arrow, by draw, for the next buckets."""
    rows, lost, named = _decide(task)
    samples = rows.with_columns(
        key=pl.Series(draws(rows["hi"].to_numpy(), rows["lo"].to_numpy(), task.recipe.seed))
    )
    path = samples_path(task.scratch, task.number)
    samples = samples.drop(*MERGE_FACTS, *NEAR_FACTS, strict=False)
    write_frame(path, samples.sort("key", "hi", "lo", "part", "at"))
    return {
        "number": task.number,
        "path": path,
        "rows": samples.height,
        "lost": lost,
        "named": named,
    }


def _decide(
    task: BucketTask,
) -> tuple[pl.DataFrame, dict[tuple[str, str], int], list[str]]:
    """(samples, rows that are lost by (fate, rule), entries that name what would be merged).

    Writes lost-*.arrow.
    """
    rows, excluded = _drop_excluded(_read(task))
    rows, near = _drop_near(rows)
    rows, copies = _drop_copies(rows, task)
    merged = rows.clear()
    if "mergeable" in rows.columns:
        unwanted = dict(excluded_ids(task.exclusions))
        rows, merged = merge(rows, task.recipe, task.counter, task.scratch, unwanted)
        copies = _follow(copies, merged, task.recipe.duplicates)
        near = _follow(near, merged, task.recipe.duplicates)
    dropped = rows.filter("gated").with_columns(
        fate=pl.lit(Fate.DROPPED.value), stage=pl.lit(Stage.GATE.value), value=None
    )
    lost = pl.concat([_lost(part) for part in (excluded, near, copies, merged, dropped)])
    write_frame(lost_path(task.scratch, task.number), lost.sort("part", "at"))
    named = lost.filter(pl.col("rule") == EXCLUDED_RULE)["value"].unique().sort().to_list()
    return rows.filter(~pl.col("gated")).drop("entry"), _counts(lost), named


def _counts(lost: pl.DataFrame) -> dict[tuple[str, str], int]:
    gone = lost.filter(pl.col("fate").is_not_null())
    counts = gone.group_by("fate", pl.col("rule").fill_null("too_long")).len()
    return {(fate, rule): count for fate, rule, count in counts.iter_rows()}


def _read(task: BucketTask) -> pl.DataFrame:
    frames = []
    for path, part in task.files:
        rows = frame([read_slice(path, "key", task.start, task.stop)])
        if part is not None:
            rows = rows.with_columns(part=pl.lit(part, pl.UInt32))
        if "entry" not in rows.columns:
            rows = rows.with_columns(entry=pl.lit(None, pl.String))
        frames.append(rows.select(sorted(rows.columns)))
    return pl.concat(frames)


def _drop_near(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the others, near duplicates of a row of this bucket with what they match)."""
    if "near_value" not in rows.columns:
        return rows, rows.clear()
    is_near = pl.col("near_value").is_not_null()
    near = rows.filter(is_near).with_columns(
        fate=pl.lit(Fate.DUPLICATE.value),
        stage=pl.lit(Stage.DEDUPLICATE.value),
        rule=pl.lit(NEAR_RULE),
        value="near_value",
        matched_code="near_code",
        hi="near_hi",
        lo="near_lo",
    )
    return rows.filter(~is_near), near


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
    # Few rows share even the first half of an id with a named one.
    likely = rows["hi"].is_in(named["hi"].implode()).arg_true()
    copies = rows[likely].drop("entry").with_columns(place=likely)
    copies = copies.join(named.select("hi", "lo", "entry"), on=["hi", "lo"])
    is_copy = np.zeros(rows.height, bool)
    is_copy[copies["place"].to_numpy()] = True
    excluded = copies.drop("place").with_columns(
        fate=pl.lit(Fate.DROPPED.value),
        stage=pl.lit(Stage.ACCESS.value),
        rule=pl.lit(EXCLUDED_RULE),
        value="entry",
    )
    return rows.filter(pl.Series(~is_copy)), excluded


def _follow(
    copies: pl.DataFrame, merged: pl.DataFrame, among: Literal["mixture", "component"]
) -> pl.DataFrame:
    """Copies of rows that were merged match the conversation which these are in now."""
    if copies.is_empty() or merged.is_empty():
        return copies
    same = _same(among)
    now = merged.filter(pl.col("own_hi").is_not_null()).select(
        pl.col("own_hi").alias("hi"),
        pl.col("own_lo").alias("lo"),
        "leaf",
        "head_code",
        new_hi="hi",
        new_lo="lo",
    )
    found = copies.join(now.select(*same, "head_code", "new_hi", "new_lo"), on=same, how="left")
    return found.with_columns(
        hi=pl.coalesce("new_hi", "hi"),
        lo=pl.coalesce("new_lo", "lo"),
        matched_code=pl.coalesce("head_code", "matched_code"),
    )


def _same(among: Literal["mixture", "component"]) -> list[str]:
    return ["hi", "lo"] if among == "mixture" else ["hi", "lo", "leaf"]


def _drop_copies(rows: pl.DataFrame, task: BucketTask) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the first of each content, the others with what they match).

    First is what comes first by preference of subsets, and place upstream.
    """
    same = _same(task.recipe.duplicates)
    place = pl.Series(np.array(task.preference, np.int32)[rows["code"].to_numpy()])
    # Rows of one content come by part and place: files hold them by key, and equal ones by place.
    rows = rows.with_columns(place=place).sort(*same, "place", maintain_order=True).drop("place")
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
