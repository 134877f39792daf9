"""A benchmark's index: a folder that says of a text or a picture whether the benchmark has it.

    items.parquet    place of each item upstream, its texts and pictures
    texts.parquet    hashes of the words of every distinct text, in order; no text
    codes.parquet    codes of whole questions
    images.parquet   codes of the items' images (near.image_codes)
    clips.parquet    codes of their clips (near.clip_codes)
    done.json        last: name, fingerprint, card, counts

It holds no plain text and no picture, so that it can be handed on. Hashes of words are no secret:
who knows a benchmark's words can find them. Numbers of n-grams follow from those of words, and are
made when an index is opened (ngrams.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from manifests.errors import IntegrityError, UsageError
from manifests.storage import (
    exists,
    join,
    read_json,
    read_parquet,
    write_json,
    write_parquet,
)
from pipelines.leaks.item_pictures import PictureWriter
from pipelines.leaks.item_texts import item_texts
from sources.benchmark_item import BenchmarkItem

# Bump it when the same items give other files.
VERSION = 2

ITEMS_SCHEMA = pa.schema(
    [
        ("place", pa.string()),
        ("question", pa.int32()),  # row of texts.parquet; -1: it has no word
        ("whole", pa.int32()),
        ("has_media", pa.bool_()),
        ("images", pa.list_(pa.int32())),  # rows of images.parquet
        ("clips", pa.list_(pa.int32())),  # rows of clips.parquet
    ]
)
_TABLES = ("items", "texts", "codes", "images", "clips")


@dataclass(frozen=True, slots=True)
class BenchmarkIndex:
    """`record` is what done.json says; rows of the tables are those of the schemas."""

    record: dict[str, Any]
    items: pa.Table
    texts: pa.Table
    codes: pa.Table
    images: pa.Table
    clips: pa.Table

    @property
    def name(self) -> str:
        return str(self.record["name"])


def write_index(
    folder: str,
    name: str,
    fingerprint: str,
    items: Iterable[BenchmarkItem],
    card: Mapping[str, Any],
) -> dict[str, Any]:
    """Write a benchmark's index; returns its record.

    `items` are taken once, and only their texts are held. `fingerprint` is of all that they follow
    from, but for VERSION; `card` is what the record is to say of the benchmark, as JSON. Pictures
    that cannot be decoded are named in it. About 5 MB of text a second, 100 images.
    """
    held: list[BenchmarkItem] = []
    media: list[tuple[bool, list[int], list[int]]] = []
    with PictureWriter(folder) as pictures:
        for item in items:
            shown = bool(item.images or item.videos)
            media.append((shown, pictures.images(item), pictures.clips(item)))
            held.append(replace(item, images=(), videos=()))
    _check_places(name, held)
    texts = item_texts(held)
    columns = [
        pa.array([item.place for item in held], pa.string()),
        *(pa.array(numbers, pa.int32()) for numbers in (texts.question, texts.whole)),
        *(pa.array([shown[n] for shown in media], ITEMS_SCHEMA.types[3 + n]) for n in range(3)),
    ]
    write_parquet(join(folder, "items.parquet"), pa.table(columns, schema=ITEMS_SCHEMA))
    write_parquet(join(folder, "texts.parquet"), texts.texts)
    write_parquet(join(folder, "codes.parquet"), texts.codes)
    record = {
        "version": VERSION,
        "name": name,
        "fingerprint": fingerprint,
        "card": dict(card),
        "items": len(held),
        "texts": texts.texts.num_rows,
        "words": len(texts.texts["words"].combine_chunks().flatten()),
        "images": pictures.counts["image"],
        "clips": pictures.counts["clip"],
        "unreadable": pictures.unreadable,
    }
    write_json(join(folder, "done.json"), record)
    return record


def read_record(folder: str) -> dict[str, Any]:
    """What done.json says; UsageError where there is no index, or one of another version."""
    if not exists(join(folder, "done.json")):
        raise UsageError(
            f"{folder} holds no benchmark's index; `mixture benchmarks build` makes one"
        )
    record: dict[str, Any] = read_json(join(folder, "done.json"))
    if record.get("version") != VERSION:
        raise UsageError(
            f"{folder} is a benchmark's index of version {record.get('version')}, this smolmix "
            f"reads version {VERSION}; make it again with `mixture benchmarks build`"
        )
    return record


def read_index(folder: str) -> BenchmarkIndex:
    """The whole index; errors as of `read_record`, and IntegrityError where a file is damaged."""
    record = read_record(folder)
    tables = {name: read_parquet(join(folder, f"{name}.parquet")) for name in _TABLES}
    if tables["items"].num_rows != record["items"]:
        raise IntegrityError(
            f"{folder} has {tables['items'].num_rows} items, not {record['items']}"
        )
    return BenchmarkIndex(record, **tables)


def _check_places(name: str, items: Iterable[BenchmarkItem]) -> None:
    seen: set[str] = set()
    for item in items:
        assert item.place not in seen, f"{name} has two items {item.place}"
        seen.add(item.place)
