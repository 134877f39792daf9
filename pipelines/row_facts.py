"""Row folders as columns: the small facts of all samples of some folders, and of their turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from manifests.schema import STORE_SCHEMA
from manifests.storage import join, open_ipc, read_parquet

_SMALL = ["row", "group", "subset", "category", "kind", "license", "media"]
_SMALL_SCHEMA = pa.schema([STORE_SCHEMA.field(name) for name in _SMALL])
TURN_SUMS = ("num_messages", "num_answers", "system_bytes", "user_bytes", "assistant_bytes")

Ints = npt.NDArray[np.int64]


def ints(column: pa.ChunkedArray | pa.Array) -> Ints:
    values: Ints = column.to_numpy().astype(np.int64, copy=False)
    return values


@dataclass(frozen=True, slots=True)
class Turns:
    """Turns of all samples, one sample's after another's.

    `digests` are 16 bytes a turn; `table` has TURNS_SCHEMA's columns.
    """

    counts: Ints  # of each sample
    digests: bytes
    table: pa.Table

    def sums(self) -> dict[str, Ints]:
        """Of each sample its turns' counts and bytes."""
        ends = np.cumsum(self.counts)
        found = {}
        for name in TURN_SUMS:
            totals = np.concatenate([[0], np.cumsum(ints(self.table[name]))])
            found[name] = totals[ends] - totals[ends - self.counts]
        return found

    def leading(self) -> npt.NDArray[np.bool_]:
        """Of each sample whether no turn after its first holds media."""
        later = ints(self.table["turn"]) > 0
        sample = np.repeat(np.arange(len(self.counts)), self.counts)
        media = np.where(later, ints(self.table["num_media"]), 0)
        none: npt.NDArray[np.bool_]
        none = np.bincount(sample, weights=media, minlength=len(self.counts)) == 0
        return none


@dataclass(frozen=True, slots=True)
class RowFacts:
    """Samples of several folders in order: `samples` has `folder` and `pos`; `media` their refs.

    `rejected` are the rows that no sample could be made of, with `folder`.
    """

    samples: pl.DataFrame
    media: pa.ListArray
    turns: Turns
    rejected: pl.DataFrame


def read_rows(folders: Sequence[str], subsets: frozenset[str] | None) -> RowFacts:
    """Facts of the rows of these subsets (None: all); a file of several subsets holds others."""
    tables, turns, rejected = [], [], []
    for number, folder in enumerate(folders):
        samples = _read_samples(folder)
        all_turns = read_parquet(join(folder, "turns.parquet"))
        keep = _wanted(samples["subset"], subsets)
        if keep is not None:
            all_turns = all_turns.filter(pa.array(keep[ints(all_turns["sample"])]))
        counts = np.bincount(ints(all_turns["sample"]), minlength=samples.num_rows)
        samples = samples.append_column("pos", pa.array(np.arange(samples.num_rows)))
        samples = samples.append_column("num_turns", pa.array(counts))
        samples = samples if keep is None else samples.filter(pa.array(keep))
        tables.append(_numbered(samples, number))
        turns.append(all_turns)
        lost = _numbered(read_parquet(join(folder, "rejected.parquet")), number)
        mine = _wanted(lost["subset"], subsets)
        rejected.append(lost if mine is None else lost.filter(pa.array(mine)))
    return _gather(pa.concat_tables(tables), pa.concat_tables(turns), pa.concat_tables(rejected))


def _gather(samples: pa.Table, turns: pa.Table, rejected: pa.Table) -> RowFacts:
    return RowFacts(
        samples=_frame(samples.drop_columns(["media"])),
        media=_one_array(samples["media"]),
        turns=Turns(
            counts=ints(samples["num_turns"]),
            digests=digest_bytes(turns["digest"]),
            table=turns,
        ),
        rejected=_frame(rejected),
    )


def _read_samples(folder: str) -> pa.Table:
    reader = open_ipc(join(folder, "samples.arrow"))
    batches = [reader.get_batch(n).select(_SMALL) for n in range(reader.num_record_batches)]
    return pa.Table.from_batches(batches, _SMALL_SCHEMA)


def _wanted(names: pa.ChunkedArray, subsets: frozenset[str] | None) -> Any:
    """Which rows are of these subsets; None where all are."""
    if subsets is None:
        return None
    keep = pc.is_in(names, pa.array(sorted(subsets))).to_numpy()
    return None if keep.all() else keep


def _numbered(table: pa.Table, number: int) -> pa.Table:
    return table.append_column("folder", pa.array(np.full(table.num_rows, number, np.int32)))


def _frame(table: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(table))


def _one_array(column: pa.ChunkedArray) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def digest_bytes(column: pa.ChunkedArray) -> bytes:
    digests = _one_array(column)
    start = 16 * digests.offset
    return bytes(digests.buffers()[1])[start : start + 16 * len(digests)] if len(digests) else b""
