"""Media folders with codes and nothing else, for tests of near duplicates among media."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from manifests.storage import write_parquet
from pipelines.engine import Task
from pipelines.media_measures import MEASURES
from pipelines.near.clip_codes import ClipCode
from pipelines.near.image_codes import ImageCode
from pipelines.store import measure_path, media_folder

Code = ImageCode | ClipCode | None


def digest_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


@dataclass(frozen=True, slots=True)
class Medium:
    """`code` is None for one that could not be measured."""

    name: str
    kind: str
    code: Code
    priority: int = 0


def write_folder(store: Path, key: str, media: Sequence[Medium]) -> pl.DataFrame:
    """The measures of a folder, and its rows as `media_classes` asks for them."""
    folder = media_folder(str(store), "made", key)
    for measure in MEASURES.values():
        scores = [
            medium.code.row() if medium.code is not None and medium.kind == measure.on else None
            for medium in media
        ]
        batch = measure.scored([{"kind": medium.kind} for medium in media], scores)
        table = pa.Table.from_batches([batch])
        write_parquet(measure_path(folder, measure), table, measure.row_group_rows)
    rows = [
        {
            "digest": digest_of(medium.name),
            "kind": medium.kind,
            "folder": folder,
            "place": place,
            "priority": medium.priority,
        }
        for place, medium in enumerate(media)
    ]
    return pl.DataFrame(rows)


def run_inline(name: str, tasks: Sequence[Task]) -> list[dict[str, Any]]:
    return [task.function(*task.args) for task in tasks]


def by_name(classes: pl.DataFrame, media: Sequence[Medium]) -> dict[str, tuple[str, str, str]]:
    """(same, like, rule) of what does not stay."""
    names: Mapping[bytes, str] = {digest_of(medium.name): medium.name for medium in media}
    return {
        names[row["digest"]]: (names[row["same"]], names[row["like"]], row["rule"])
        for row in classes.iter_rows(named=True)
    }
