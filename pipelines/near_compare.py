"""Tasks of near duplicates among media: what is known of each, codes in blocks, pairs of blocks.

    seen-00000.arrow    media with a measure: `wanted` with their nodes and facts
    codes-00000.arrow   a block: nodes with their codes, in batches, which readers map
    pairs-00000.arrow   pairs of two blocks

Memory: a block's hashes and sums, 140 bytes a node, and the lookup's; means stay on disk, of which
those of candidates alone are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from manifests.storage import open_ipc, parquet_batches, read_parquet, write_ipc
from pipelines.measures import find
from pipelines.near_sorts import PAIRS, Sort
from pipelines.scratch import frame, read_batch, write_frame, write_table
from pipelines.store import measure_path

# Nodes of a block: at 8 hashes each two millions, and 1.3 GB for a task over two of them.
BLOCK_NODES = 1 << 18
_BATCH_ROWS = 4096


@dataclass(frozen=True, slots=True)
class MediaRange:
    """Rows [start, stop) of a scratch table of media that is sorted by (folder, place)."""

    sort: Sort
    path: str
    start: int
    stop: int
    out: str

    def folders(self) -> Iterator[tuple[str, pl.DataFrame]]:
        rows = frame([read_batch(self.path)]).slice(self.start, self.stop - self.start)
        for (folder,), mine in rows.group_by("folder", maintain_order=True):
            yield str(folder), mine


def run_seen_task(task: MediaRange) -> dict[str, Any]:
    """Task: which of these media have codes, with what kept copies are chosen by."""
    found = [_seen(task.sort, folder, rows) for folder, rows in task.folders()]
    write_frame(task.out, pl.concat(found))
    return {"path": task.out}


def _seen(sort: Sort, folder: str, rows: pl.DataFrame) -> pl.DataFrame:
    names = [*sort.facts, *([sort.node] if sort.node else [])]
    path = measure_path(folder, find(sort.measure))
    table = read_parquet(path, ["is_measured", *names]).take(rows["place"].to_arrow())
    node = table[sort.node] if sort.node else rows["digest"].to_arrow()
    width, height, *rest = (pc.cast(table[name], pa.int64()) for name in sort.facts)
    return rows.with_columns(
        node=pl.Series(pc.cast(node, pa.binary())),
        pixels=pl.Series(pc.multiply(width, height)),
        duration_ms=pl.Series(rest[0]) if rest else pl.lit(0, pl.Int64),
        is_measured=pl.Series(table["is_measured"]),
    ).filter("is_measured")


def run_codes_task(task: MediaRange) -> dict[str, Any]:
    """Task: the block of these nodes, copied from the measures."""
    scores = find(task.sort.measure).scores
    names = [name for name in scores.names if name not in ("kind_code", "is_measured")]
    schema = pa.schema([("node", pa.binary()), *map(scores.field, names)])

    def write(ipc: pa.ipc.RecordBatchFileWriter) -> None:
        for folder, rows in task.folders():
            for nodes, codes in _codes(task.sort, folder, rows):
                arrays = [nodes, *(codes.column(name) for name in names)]
                ipc.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))

    write_ipc(task.out, write, schema)
    return {"path": task.out}


def _codes(
    sort: Sort, folder: str, rows: pl.DataFrame
) -> Iterator[tuple[pa.Array, pa.RecordBatch]]:
    """(nodes, their rows of the measure) of rows sorted by place."""
    places = rows["place"].to_numpy()
    nodes = rows["node"].to_arrow().cast(pa.binary())
    path = measure_path(folder, find(sort.measure))
    start = 0
    for first, batch in parquet_batches(path, _BATCH_ROWS, int(places[0]), int(places[-1])):
        stop = int(np.searchsorted(places, first + batch.num_rows))
        if stop > start:
            taken = batch.take(pa.array(places[start:stop] - first))
            yield nodes.slice(start, stop - start), taken
        start = stop


@dataclass(frozen=True, slots=True)
class BlockPair:
    """Two blocks, or one with itself (`other` is null)."""

    sort: Sort
    one: str
    other: str | None
    out: str


def run_pairs_task(task: BlockPair) -> dict[str, Any]:
    """Task: pairs of their nodes, each once."""
    one = read_block(task.one)
    other = read_block(task.other) if task.other is not None else None
    write_table(task.out, first_pairs([task.sort.pairs(one, other)]))
    return {"path": task.out}


def read_block(path: str) -> pa.Table:
    """A block's table, mapped."""
    return open_ipc(path).read_all()


def first_pairs(tables: Sequence[pa.Table]) -> pa.Table:
    """Sorted by their nodes, each once: of several ways in which two are alike the first by rule
    and value, so that it does not matter which of them was found first."""
    rows = pl.DataFrame(pl.from_arrow(pa.concat_tables([PAIRS.empty_table(), *tables])))
    rank = pl.col("rule").replace_strict({"tiles": 0, "hashes": 1}, default=2)
    rows = rows.sort("one", "other", rank, "value").unique(
        ["one", "other"], keep="first", maintain_order=True
    )
    return rows.to_arrow().cast(PAIRS)
