"""A samples mirror as its own sources read it, and its truth, for the tests of the mirror."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

import sources
from pipelines.upstream import make_root
from sources.base import Draft, MediaItem, Rejected

# The sources whose samples are written together; the others' are tested in test_sample_sets.py.
SOURCES = (
    "finevideo",
    "llava_video_178k",
    "m4_instruct",
    "magpie",
    "mathwriting",
    "the_cauldron",
)
Place = tuple[str, str, str, int, int]


def read_truth(mirror: Path) -> dict[Place, dict[str, Any]]:
    """What was planted in `SOURCES`."""
    planted = json.loads((mirror / "truth.json").read_text())["planted"]
    return {place_of(entry): entry for entry in planted if entry["source"] in SOURCES}


def place_of(entry: dict[str, Any]) -> Place:
    """The place that an entry of the truth, or what it matched, names."""
    return entry["source"], entry["subset"], entry["file"], entry["row"], entry["group"]


def settled(planted: Sequence[dict[str, Any]], ledger: pl.DataFrame) -> list[dict[str, Any]]:
    """The same; of two that are one, the one that went stands as the copy of the other.

    Which of them stays is decided by sources' preference, pixels, licences and ids.
    """
    fates = {place_of(row): row["fate"] for row in ledger.to_dicts()}
    found = []
    for entry in planted:
        other = entry["matched"]
        if other and fates[place_of(entry)] != "duplicate_of" == fates[place_of(other)]:
            places = {name: entry[name] for name in other}
            entry = {**entry, **other, "matched": places}
        found.append(entry)
    return found


def read_rows(mirror: Path, name: str) -> Iterator[tuple[Place, Draft | Rejected]]:
    source = sources.get(name)
    for repo in source.card.repos:
        root = make_root(source.card, repo, str(mirror))
        for shard in source.rows(root):
            for row in source.read_rows(root, shard):
                yield (name, row.subset, shard.file.path, row.row, row.group), row


def read_media(mirror: Path, name: str, spool: Path) -> Iterator[MediaItem]:
    source = sources.get(name)
    for repo in source.card.repos:
        root = make_root(source.card, repo, str(mirror))
        for shard in source.media(root):
            yield from source.read_media(root, shard, spool)


def media_digest(item: MediaItem) -> str | None:
    if item.reason is not None:
        return None
    if item.frames is not None:
        return hashlib.sha256(b"".join(data for _, data in item.frames)).hexdigest()
    data = item.data if item.data is not None else (item.file or Path()).read_bytes()
    return hashlib.sha256(data).hexdigest()
