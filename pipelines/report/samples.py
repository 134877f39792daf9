"""The samples that the page shows, read whole: one row group of the build at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests.storage import join, parquet_batches
from pipelines.report.chat import Medium, Turn, turns_of
from pipelines.report.thumbs import Room

_COLUMNS = [
    *("id", "source", "subset", "modality", "category", "component", "messages", "images"),
    *("media", "num_tokens", "license", "origins"),
]
# Rows are decoded so many at a time: pictures of a sample may have megabytes.
_BATCH_ROWS = 16


@dataclass(frozen=True, slots=True)
class Shown:
    """A sample as a card of the contact sheet."""

    id: str
    source: str
    subset: str
    modality: str
    category: str
    component: str
    license: str
    num_tokens: int
    num_media: int
    place: str  # file of the build and row in it
    num_origins: int
    turns: list[Turn]


def read_samples(build: str, picks: pl.DataFrame, room: Room) -> list[Shown]:
    """In the order of `picks`; each is read alone, so that memory is that of a row group."""
    return [_read(build, path, row, room) for path, row in picks.select("path", "row").iter_rows()]


def _read(build: str, path: str, row: int, room: Room) -> Shown:
    for first, batch in parquet_batches(join(build, path), _BATCH_ROWS, row, row, _COLUMNS):
        if first <= row < first + batch.num_rows:
            (sample,) = batch.slice(row - first, 1).to_pylist()
            return _shown(sample, f"{path} row {row}", room)
    raise AssertionError(f"{path} has no row {row}, where it was scanned")


def _shown(sample: dict[str, Any], place: str, room: Room) -> Shown:
    media = [
        Medium(
            file["bytes"],
            info["kind"] == "frame",
            info["width"],
            info["height"],
            info["timestamp_ms"],
        )
        for info, file in zip(sample["media"], sample["images"], strict=True)
    ]
    said = ("id", "source", "subset", "modality", "category", "component", "license", "num_tokens")
    return Shown(
        **{name: sample[name] for name in said},
        num_media=len(media),
        place=place,
        num_origins=len(sample["origins"]),
        turns=turns_of(sample["messages"], media, room),
    )
