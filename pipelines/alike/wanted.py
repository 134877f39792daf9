"""Which media a recipe's open rows name, and by what their copies are preferred.

wanted-00012.arrow  one row a distinct medium of the part's open rows
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipelines.alike.facts import Preference
from pipelines.alike.files import near_path
from pipelines.engine import Task
from pipelines.flat import Lists, owners
from pipelines.part_files import media_path, open_path, part_path
from pipelines.parts import EXCLUDED_LEAF, Part
from pipelines.scratch import frame, read_batch, write_frame

_MEMORY = 1 << 30


def wanted_path(scratch: str, number: int) -> str:
    return near_path(scratch, f"wanted-{number:05d}.arrow")


def wanted_tasks(scratch: str, parts: Sequence[Part], preference: Preference) -> list[Task]:
    return [
        Task(
            name=f"media of part {part.number}",
            group="rows",
            function=run_wanted_task,
            args=(scratch, part.number, part.media_folders, preference),
            memory_bytes=_MEMORY,
            weight=part.num_open,
        )
        for part in parts
    ]


def run_wanted_task(
    scratch: str, number: int, media_folders: Sequence[str], preference: Preference
) -> dict[str, Any]:
    """Task: write wanted-*.arrow. What is too long, or named by a list, wants nothing."""
    rows = frame([read_batch(open_path(scratch, number), ["at", "code", "leaf", "gated"])])
    rows = rows.filter(~pl.col("gated") & (pl.col("leaf") != EXCLUDED_LEAF))
    media = read_batch(part_path(scratch, number), ["media"]).column("media")
    lists = Lists(pa.chunked_array([media.take(pa.array(rows["at"].to_numpy()))]))
    priority = np.array(preference.priority, np.int64)[rows["code"].to_numpy()]
    used = pl.DataFrame({"medium": lists.values, "priority": priority[owners(lists.counts)]})
    used = used.group_by("medium").agg(pl.col("priority").min()).sort("medium")
    table = read_batch(media_path(scratch, number), ["digest", "kind", "folder", "place"])
    found = frame([table.take(pa.array(used["medium"].to_numpy()))])
    folders = pl.Series("folder", media_folders, dtype=pl.String)
    found = found.with_columns(
        pl.col("kind").cast(pl.String),
        folder=pl.lit(folders).gather(pl.col("folder").cast(pl.UInt32)),
        priority=used["priority"],
    )
    write_frame(wanted_path(scratch, number), _once(found))
    return {"number": number}


def _once(media: pl.DataFrame) -> pl.DataFrame:
    """Each digest once, at its first place, with the priority of the row that is preferred."""
    media = media.sort("digest", "folder", "place")
    lowest = pl.col("priority").min()
    first = [pl.col(name).first() for name in ("kind", "folder", "place")]
    return media.group_by("digest", maintain_order=True).agg(*first, lowest)


def read_wanted(scratch: str, parts: Sequence[Part]) -> pl.DataFrame:
    """Distinct media of all parts, as `near_media.media_classes` takes them."""
    return _once(pl.concat([frame([read_batch(wanted_path(scratch, p.number))]) for p in parts]))
