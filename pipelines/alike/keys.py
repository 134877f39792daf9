"""A part's open rows by the classes of their media: what merging puts together.

keyed-00012.arrow   as open-*.arrow, with the keys of what stands for a row's media; `copied`: these
                    are other media than its own
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from pipelines.alike.files import near_path
from pipelines.alike.media import Classes, row_media
from pipelines.engine import Task
from pipelines.flat import Lists
from pipelines.mergeable import media_halves
from pipelines.part_files import open_path, part_path
from pipelines.parts import Part
from pipelines.scratch import frame, read_batch, write_frame

_MEMORY = 1 << 30


def keyed_path(scratch: str, number: int) -> str:
    return near_path(scratch, f"keyed-{number:05d}.arrow")


def keys_tasks(scratch: str, parts: Sequence[Part], classes: Classes, merging: bool) -> list[Task]:
    return [
        Task(
            name=f"media classes of part {part.number}",
            group="rows",
            function=run_keys_task,
            args=(scratch, part.number, classes, merging),
            memory_bytes=_MEMORY,
            weight=part.num_open,
        )
        for part in parts
    ]


def run_keys_task(scratch: str, number: int, classes: Classes, merging: bool) -> dict[str, Any]:
    """Task: write keyed-*.arrow; returns its path. `merging`: keys are of media."""
    rows = frame([read_batch(open_path(scratch, number))])
    rows = rows.with_columns(copied=pl.lit(False))
    if merging and classes.path is not None:
        rows = _by_classes(rows, scratch, number, classes)
    write_frame(keyed_path(scratch, number), rows.sort("key", maintain_order=True))
    return {"number": number, "path": keyed_path(scratch, number)}


def _by_classes(rows: pl.DataFrame, scratch: str, number: int, classes: Classes) -> pl.DataFrame:
    # Rows of equal keys stand by their places.
    rows = rows.sort("at")
    media = read_batch(part_path(scratch, number), ["media"]).column("media")
    lists = Lists(pa.chunked_array([media.take(pa.array(rows["at"].to_numpy()))]))
    hi, lo = (
        pl.Series(h) for h in media_halves(lists, row_media(scratch, number, classes, "same"))
    )
    has = pl.Series(lists.counts > 0)
    copied = (rows["media_half"] != hi) | (rows["media_key"] != lo)
    return rows.with_columns(
        key=pl.when(has).then(hi).otherwise("key"),
        media_half=pl.when(has).then(hi),
        media_key=pl.when(has).then(lo).otherwise("media_key"),
        copied=(copied & has).fill_null(False),
    )
