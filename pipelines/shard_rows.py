"""The rows of one output shard: found in the buckets, ordered, looked up in the parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from mixtures.order import WINDOW_ROWS, shuffle_windows
from pipelines.bucket_supply import Places
from pipelines.buckets import drawn_path
from pipelines.emit import run_emit_task
from pipelines.emit_rows import EmitTask
from pipelines.held_out.split import held_path
from pipelines.ids import hex_ids
from pipelines.part_files import as_media, media_path, part_path
from pipelines.parts import Part
from pipelines.scratch import frame, read_batch

_Ints = npt.NDArray[np.int64]

_COUNTS = ["num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens", "text_bytes"]
_DRAWN = ["part", "at", "leaf", "key", "hi", "lo", *_COUNTS]
_MERGED = ["others", "turns"]
_DETAILS = [
    *("folder", "pos", "source", "subset", "category", "kind", "license", "modality", "file"),
    *("row", "media", "turns", "max_frames", "split"),
]
_OTHERS = ["folder", "pos", "source", "subset", "file", "row", "license", "num_turns"]
_CODED = ["source", "subset", "category", "kind", "license", "modality", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """An output shard, and where the facts about its rows lie. `leaves` are paths."""

    out: str
    name: str
    style: str
    is_masked: bool  # whether the recipe masks any row
    facts: str
    drawn: str  # the folder of the buckets' samples
    leaves: tuple[str, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTask(Shard):
    """Rows from `start` of the train split: the leaf of each, and where its leaf's rows lie.

    `slots` are leaves before windows are shuffled; `first` the rows of each leaf in earlier shards.
    """

    start: int
    seed: int
    slots: npt.NDArray[np.int16]
    first: _Ints
    places: Places

    @property
    def num_rows(self) -> int:
        return len(self.slots)

    def ordered(self) -> pl.DataFrame:
        """The drawn rows in final order, with `repeat`."""
        frames = []
        for number, rows, places, passes in _choose(self):
            found = _samples(drawn_path(self.drawn, number), rows)
            frames.append(found.with_columns(place=pl.Series(places), repeat=pl.Series(passes)))
        drawn = pl.concat(frames).sort("place").drop("place")
        draws, repeats = drawn["key"].to_numpy(), drawn["repeat"].to_numpy()
        window = self.start // WINDOW_ROWS
        return drawn[shuffle_windows(window, draws, repeats, self.seed)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldShardTask(Shard):
    """Rows of the validation split: (bucket, start, stop) in its held-*.arrow, in order."""

    spans: tuple[tuple[int, int, int], ...]

    @property
    def num_rows(self) -> int:
        return sum(stop - start for _, start, stop in self.spans)

    def ordered(self) -> pl.DataFrame:
        frames = [
            _samples(held_path(self.drawn, number), np.arange(start, stop))
            for number, start, stop in self.spans
        ]
        return pl.concat(frames).with_columns(repeat=pl.lit(1, pl.Int16))


def _samples(path: str, rows: _Ints) -> pl.DataFrame:
    batch = read_batch(path)
    merged = [name for name in _MERGED if name in batch.schema.names]
    return frame([batch.select(_DRAWN + merged).take(pa.array(rows))])


def _choose(task: ShardTask) -> Iterator[tuple[int, _Ints, _Ints, npt.NDArray[np.int16]]]:
    """(bucket, rows there, places in the shard, passes), one for each bucket that is needed."""
    found = []
    for leaf in np.unique(task.slots).tolist():
        places = np.flatnonzero(task.slots == leaf)
        ranks = int(task.first[leaf]) + np.arange(len(places))
        size = task.places.samples(leaf)
        bucket, row = task.places.find(leaf, ranks % size)
        found.append((bucket, row, places, (ranks // size + 1).astype(np.int16)))
    buckets, rows, places, passes = (np.concatenate(column) for column in zip(*found, strict=True))
    for number in np.unique(buckets).tolist():
        mine = np.flatnonzero(buckets == number)
        yield number, rows[mine], places[mine], passes[mine]


def run_shard_task(task: ShardTask | HeldShardTask) -> dict[str, Any]:
    """Task: write the shard; returns its rows, bytes and SHA-256."""
    return run_emit_task(emit_task(task))


def emit_task(task: ShardTask | HeldShardTask) -> EmitTask:
    """What emit needs of the shard: rows in their final order, and the media that they name."""
    rows = _with_details(task, task.ordered().with_row_index("order"))
    table, media = _with_media(task, rows)
    return EmitTask(
        out=task.out,
        name=task.name,
        style=task.style,
        rows=table,
        media=media,
        row_folders=tuple(path for part in task.parts for path in part.row_folders),
        media_folders=tuple(path for part in task.parts for path in part.media_folders),
    )


def _with_details(task: Shard, drawn: pl.DataFrame) -> pl.DataFrame:
    """What the parts know of the rows; folders and media are numbered over all parts."""
    if "others" in drawn.columns:
        drawn = drawn.rename({"turns": "merged_turns"})
    found = _look_up(task, drawn, _DETAILS + _masked(task)).sort("order")
    names = pl.lit(pl.Series("names", task.leaves, dtype=pl.String))
    hexes = pl.Series("hex", hex_ids(found["hi"].to_numpy(), found["lo"].to_numpy()))
    rows = found.with_columns(
        id=pl.format("{}/{}/{}", "source", "subset", hexes), component=names.gather("leaf")
    )
    return _with_others(task, rows) if "others" in drawn.columns else rows


def _masked(task: Shard) -> list[str]:
    return ["masked"] if task.is_masked else []


def _look_up(task: Shard, rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Rows (part, at) with these columns of theirs; in no order."""
    first = _firsts([len(part.row_folders) for part in task.parts])
    frames = []
    for (number,), here in rows.group_by("part", maintain_order=True):
        batch = read_batch(part_path(task.facts, int(str(number))), columns)
        details = frame([batch.take(here["at"].to_arrow())])
        coded = [name for name in _CODED if name in columns]
        details = details.with_columns(
            pl.col(coded).cast(pl.String), folder=pl.col("folder") + first[int(str(number))]
        )
        frames.append(pl.concat([here, details], how="horizontal"))
    return pl.concat(frames)


def _with_others(task: Shard, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that were merged into others, as emit is told of them; turns are those of all."""
    rows = rows.with_columns(turns=pl.coalesce("merged_turns", "turns")).drop("merged_turns")
    each = rows.select("order", "others").explode("others", empty_as_null=False, keep_nulls=False)
    if each.is_empty():
        return rows.drop("others")
    each = each.unnest("others").with_row_index("number")
    columns = _OTHERS + _masked(task)
    found = _look_up(task, each, columns).sort("number")
    others = found.group_by("order", maintain_order=True).agg(others=pl.struct(columns))
    return rows.drop("others").join(others, on="order", how="left", maintain_order="left")


def _firsts(counts: Sequence[int] | _Ints) -> _Ints:
    return np.concatenate([[0], np.cumsum(counts)])


def _with_media(task: Shard, rows: pl.DataFrame) -> tuple[pa.Table, pa.Table]:
    """(rows, media): only the media that rows of the shard name, renumbered from 0."""
    counts = rows["media"].list.len().to_numpy().astype(np.int64)
    flat = rows["media"].explode(empty_as_null=False).to_numpy().astype(np.int64)
    owner = np.repeat(rows["part"].to_numpy().astype(np.int64), counts)
    tables, local, start = [], np.empty(len(flat), np.int64), 0
    first = _firsts([len(part.media_folders) for part in task.parts])
    for number in np.unique(rows["part"].to_numpy()).tolist():
        mine = owner == number
        used, places = np.unique(flat[mine], return_inverse=True)
        local[mine] = places + start
        start += len(used)
        table = as_media(read_batch(media_path(task.facts, number)).take(pa.array(used)))
        folder = pa.array(table["folder"].to_numpy() + first[number], pa.int32())
        at = table.schema.get_field_index("folder")
        tables.append(table.set_column(at, "folder", folder))
    offsets = pa.array(_firsts(counts), pa.int32())
    column = pa.ListArray.from_arrays(offsets, pa.array(local, pa.int64()))
    plain = rows.drop("media", "order", "part", "at", "hi", "lo", "key", "leaf")
    table = plain.to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.append_column("media", column), pa.concat_tables(tables)
