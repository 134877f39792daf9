"""Resolve, in parts: a task judges some row folders and leaves an index part and its open rows.

    part-00012.arrow    one row a turn group, in upstream order: what the ledger and emit need
    media-00012.arrow   the media that its rows name
    open-00012.arrow    rows without a fate, sorted by `key`: what quotas are decided on

`key` spreads rows evenly over the 64-bit numbers, equal content to equal keys, so that a range of
keys over all parts is a bucket in which duplicates meet (buckets.py): a row's draw, or, where rows
are merged by their media, a digest of these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow.compute as pc

from manifests.cards import SourceCard
from manifests.storage import join, read_json
from mixtures.draw import draws
from mixtures.recipe import Recipe
from pipelines.access import Licenses, drop_unlicensed
from pipelines.claims import claim
from pipelines.curate import CuratedSource
from pipelines.engine import Task
from pipelines.exclude import Exclusions, exclude
from pipelines.join import Joined, join_rows
from pipelines.judge import judge_filters, parse_rules, with_policy
from pipelines.leaks.index_set import IndexSet
from pipelines.leaks.judge import decontaminate
from pipelines.mergeable import MERGE_FACTS, with_merge_facts
from pipelines.part_files import media_path, media_rows, open_path, part_path
from pipelines.scratch import write_frame, write_table
from pipelines.shape import Counter, shape

# Rows of a part, at most, where folders allow: about 600 bytes a row while it is judged.
PART_ROWS = 500_000
_BASE_MEMORY = 512 << 20
_ROW_MEMORY = 1200

# Leaf of rows that a list names: they take rows of the same content with them.
EXCLUDED_LEAF = -2

_PART_COLUMNS = [
    *("source", "subset", "file", "row", "group", "folder", "pos", "category", "kind", "license"),
    *("modality", "media", "num_turns", "leaf", "turns", "max_frames", "split"),
    *("fate", "stage", "rule", "value", "matched", "gate_rule", "gate_value"),
]
_CODED = [
    *("source", "subset", "file", "category", "kind", "license", "modality"),
    *("fate", "stage", "rule", "gate_rule"),
]
_DIGESTED = [*("source", "subset", "file", "row", "group", "license", "category", "fate", "rule")]
# What quotas may be sums of, and what the manifest totals.
OPEN_SUMS = [
    *("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens"),
    *("num_images", "duration_ms", "bytes", "text_bytes"),
]


@dataclass(frozen=True, slots=True)
class PartTask:
    """Some row folders, of one or several sources, and all that judges them."""

    number: int
    scratch: str
    curated: tuple[CuratedSource, ...]
    cards: Mapping[str, SourceCard]
    recipe: Recipe
    licenses: Licenses
    exclusions: Exclusions
    counter: Counter
    benchmarks: IndexSet


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was judged. `ranges` are its rows by source, `lost` rows by (fate, rule)."""

    number: int
    row_folders: tuple[str, ...]
    media_folders: tuple[str, ...]
    num_rows: int
    num_open: int
    ranges: dict[str, tuple[int, int]]
    lost: dict[tuple[str, str], int]
    unlicensed: dict[str, int]
    excluded: tuple[str, ...]  # entries of the list that named something
    digest: str


def subset_codes(cards: Mapping[str, SourceCard]) -> list[str]:
    """`source/subset` of every subset, sorted by both; its position is its code."""
    return [f"{name}/{s}" for name in sorted(cards) for s in sorted(cards[name].subset_names)]


def cut_parts(curated: Sequence[CuratedSource]) -> list[tuple[CuratedSource, ...]]:
    """Consecutive row folders in parts of about PART_ROWS rows; their order stays."""
    parts: list[list[CuratedSource]] = [[]]
    size = 0
    for source, rows, number in _pieces(curated):
        if parts[-1] and size + number > PART_ROWS:
            parts.append([])
            size = 0
        last = parts[-1][-1] if parts[-1] else None
        if last is not None and last.name == source.name:
            parts[-1][-1] = replace(last, rows=(*last.rows, rows))
        else:
            parts[-1].append(replace(source, rows=(rows,)))
        size += number
    return [tuple(part) for part in parts if part]


def _pieces(
    curated: Sequence[CuratedSource],
) -> Iterator[tuple[CuratedSource, tuple[str, str], int]]:
    for source in curated:
        for folder, file in source.rows:
            record = read_json(join(folder, "done.json"))
            yield source, (folder, file), record["samples"] + record["rejected"]


def num_rows(curated: Sequence[CuratedSource]) -> int:
    """Turn groups that the row folders hold, those that no sample could be made of included."""
    return sum(number for _, _, number in _pieces(curated))


def part_tasks(tasks: Sequence[PartTask]) -> list[Task]:
    return [
        Task(
            name=f"join part {task.number}",
            group="rows",
            function=run_part_task,
            args=(task,),
            memory_bytes=_BASE_MEMORY + PART_ROWS * _ROW_MEMORY,
            weight=num_rows(task.curated),
        )
        for task in tasks
    ]


def run_part_task(task: PartTask) -> dict[str, Any]:
    """Task: every row of the part with its fate, or open; returns what `Part` holds."""
    joined = join_rows(task.curated)
    joined, unlicensed = drop_unlicensed(joined, task.cards.values(), task.licenses)
    joined, excluded = exclude(joined, task.exclusions)
    joined = replace(joined, index=judge_filters(joined, parse_rules(task.recipe)))
    if task.recipe.decontaminate is not None and task.benchmarks.refs:
        index = decontaminate(joined, task.recipe.decontaminate, task.benchmarks)
        joined = replace(joined, index=index)
    joined = replace(joined, index=_with_independence(joined.index, task.cards))
    if task.recipe.mask_pii:
        joined = replace(joined, index=_with_masked(joined.index, task.recipe))
    shaped = shape(joined, task.recipe, task.counter)
    index = _with_bytes(claim(shaped.index, joined, task.recipe), joined)
    if task.recipe.merge == "same_media":
        index = with_merge_facts(index, shaped, joined, task.scratch, task.number)
    write_table(media_path(task.scratch, task.number), media_rows(joined.media))
    write_frame(part_path(task.scratch, task.number), _part_rows(index))
    rows = _open_rows(index, task)
    write_frame(open_path(task.scratch, task.number), rows)
    part = Part(
        number=task.number,
        row_folders=joined.row_folders,
        media_folders=joined.media_folders,
        num_rows=index.height,
        num_open=rows.height,
        ranges=_ranges(index),
        lost=_lost(index),
        unlicensed=unlicensed,
        excluded=tuple(excluded),
        digest=index_digest(index),
    )
    return {"part": part}


def _with_independence(index: pl.DataFrame, cards: Mapping[str, SourceCard]) -> pl.DataFrame:
    """`independent`: whether a row's turns are questions of their own, which its card says."""
    known = [
        (
            name,
            subset.name,
            card.turns_of(subset) == "independent",
        )
        for name, card in cards.items()
        for subset in card.subsets
    ]
    names = {"source": pl.String, "subset": pl.String, "independent": pl.Boolean}
    facts = pl.DataFrame(known, schema=names, orient="row")
    return index.join(facts, on=["source", "subset"], how="left", maintain_order="left")


def _with_masked(index: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """`masked`: whether addresses in a row's texts are replaced, which its policy says."""
    masked = pl.col("policy").is_in(recipe.mask_pii)
    return with_policy(index).with_columns(masked=masked).drop("policy")


def _with_bytes(index: pl.DataFrame, joined: Joined) -> pl.DataFrame:
    """`bytes`: of a row's texts and of all its media."""
    lengths = joined.media["lengths"].combine_chunks()
    owner = np.repeat(np.arange(len(lengths)), pc.fill_null(lengths.value_lengths(), 0).to_numpy())
    each = np.bincount(owner, weights=lengths.flatten().to_numpy(), minlength=len(lengths))
    media = index.select(pl.col("media").list.explode(keep_nulls=False, empty_as_null=False))
    counts = index["media"].list.len().fill_null(0).to_numpy().astype(np.int64)
    sums = np.bincount(
        np.repeat(np.arange(index.height), counts),
        weights=each[media.to_series().to_numpy().astype(np.int64)],
        minlength=index.height,
    )
    texts = sum(pl.col(f"{role}_bytes").fill_null(0) for role in ("system", "user", "assistant"))
    media_bytes = pl.Series(sums.astype(np.int64))
    return index.with_columns(text_bytes=texts, bytes=texts + media_bytes)


def _part_rows(index: pl.DataFrame) -> pl.DataFrame:
    """The part file's columns; what few words repeat is coded."""
    names = [*_PART_COLUMNS, *(name for name in ["masked"] if name in index.columns)]
    return index.select(
        *(pl.col(n).cast(pl.Categorical) if n in _CODED else n for n in names),
        pl.col("hi").is_not_null().alias("has_id"),
        pl.col("hi", "lo").fill_null(0),
    )


def _open_rows(index: pl.DataFrame, task: PartTask) -> pl.DataFrame:
    """Rows that may still be drawn, and those that a list names; sorted by key."""
    is_excluded = (pl.col("rule") == "excluded") & pl.col("hi").is_not_null()
    wanted = pl.col("fate").is_null() | is_excluded
    codes = {name: code for code, name in enumerate(subset_codes(task.cards))}
    names = pl.format("{}/{}", "source", "subset")
    rows = index.with_row_index("at").filter(wanted)
    rows = rows.select(
        pl.col("at").cast(pl.UInt32),
        pl.when(is_excluded).then(EXCLUDED_LEAF).otherwise("leaf").cast(pl.Int16).alias("leaf"),
        names.replace_strict(codes, return_dtype=pl.Int32).alias("code"),
        pl.col("gate_rule").is_not_null().alias("gated"),
        pl.when(is_excluded).then("value").alias("entry"),
        "hi",
        "lo",
        *OPEN_SUMS,
        *(name for name in MERGE_FACTS if name in index.columns),
    )
    draw = draws(rows["hi"].to_numpy(), rows["lo"].to_numpy(), task.recipe.seed)
    rows = rows.with_columns(pl.Series("key", draw, dtype=pl.UInt64))
    if task.recipe.merge == "same_media":
        rows = rows.with_columns(key=pl.coalesce("media_half", "key"))
    rows = rows if rows["entry"].is_not_null().any() else rows.drop("entry")
    return rows.sort("key", maintain_order=True)


def _ranges(index: pl.DataFrame) -> dict[str, tuple[int, int]]:
    rows = index.with_row_index("at").group_by("source", maintain_order=True)
    found = rows.agg(start=pl.col("at").min(), stop=pl.col("at").max() + 1)
    return {source: (start, stop) for source, start, stop in found.iter_rows()}


def _lost(index: pl.DataFrame) -> dict[tuple[str, str], int]:
    counts = index.filter(pl.col("fate").is_not_null()).group_by("fate", "rule").len()
    return {(fate, rule): count for fate, rule, count in counts.iter_rows()}


def index_digest(index: pl.DataFrame) -> str:
    """32 hex digits over every row's place, content and fate: what was read, and what it became."""
    state = hashlib.blake2b(index["hi"].is_null().to_numpy().tobytes())
    for name in ("hi", "lo"):
        state.update(index[name].fill_null(0).to_numpy().tobytes())
    for name in _DIGESTED:
        values = index[name]
        if values.dtype != pl.String:
            state.update(values.to_numpy().tobytes())
            continue
        runs = values.fill_null("").rle().struct  # few words, in long runs
        state.update(runs.field("len").to_numpy().tobytes())
        state.update("\0".join(runs.field("value").to_list()).encode())
    return state.hexdigest()[:32]
