"""Names of the files of a part, and reading the turns of some of its rows."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests.storage import join
from pipelines.flat import Ints, ranges, starts
from pipelines.ids import as_bytes, bytes_table, hex_digits
from pipelines.scratch import column, read_batch
from pipelines.turn_units import TurnUnits

_MEDIA = [
    *("kind", "pack", "offsets", "lengths", "timestamps_ms", "frame_sizes", "duration_ms"),
    *("folder", "place"),
]


def part_path(scratch: str, number: int) -> str:
    return join(scratch, f"part-{number:05d}.arrow")


def media_path(scratch: str, number: int) -> str:
    return join(scratch, f"media-{number:05d}.arrow")


def open_path(scratch: str, number: int) -> str:
    return join(scratch, f"open-{number:05d}.arrow")


def turns_path(scratch: str, number: int) -> str:
    return join(scratch, f"turns-{number:05d}.arrow")


def media_rows(media: pa.Table) -> pa.Table:
    """What a part keeps of its media: what emit needs, digests as bytes (null: not usable)."""
    table = media.select(_MEDIA).append_column("digest", as_bytes(media["digest"]))
    at = table.schema.get_field_index("kind")
    return table.set_column(at, "kind", table["kind"].dictionary_encode())


def as_media(batch: pa.RecordBatch) -> pa.Table:
    """Rows of `media_rows` with kinds and digests as text again."""
    table = pa.Table.from_batches([batch])
    texts = {
        "kind": table["kind"].cast(pa.string()),
        "digest": hex_digits(bytes_table(table["digest"])),
    }
    for name, values in texts.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    return table


def turn_columns() -> list[str]:
    return [field.name for field in fields(TurnUnits)]


def read_turn_rows(scratch: str, rows: pl.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Turns of these rows (part, first_turn, num_turns), row after row, by column."""
    counts = rows["num_turns"].to_numpy().astype(np.int64)
    first = rows["first_turn"].to_numpy().astype(np.int64)
    target, part = starts(counts)[:-1], rows["part"].to_numpy()
    found: dict[str, npt.NDArray[Any]] = {}
    for number in np.unique(part).tolist():
        mine = np.flatnonzero(part == number)
        batch = read_batch(turns_path(scratch, number))
        taken = batch.take(pa.array(ranges(first[mine], counts[mine])))
        places: Ints = ranges(target[mine], counts[mine])
        for name in batch.schema.names:
            values = column(taken, name)
            kind = values.dtype if values.dtype == np.uint64 else np.int64
            whole = found.setdefault(name, np.empty(int(counts.sum()), kind))
            whole[places] = values
    return found
