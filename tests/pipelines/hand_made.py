"""Store folders written by hand: few media and chats, every fact in sight."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

import sources
from filters.base import Filter
from manifests.ids import content_id, turn_digest
from manifests.schema import MEDIA_SCHEMA, REJECTED_SCHEMA, STORE_SCHEMA, TURNS_SCHEMA
from manifests.storage import join, write_ipc, write_parquet
from pipelines.curate import CuratedSource
from pipelines.measures import measure_folder, missing

Row = dict[str, Any]
# Rows in a batch of samples.arrow: small, so that what is written here spans several.
_BATCH_ROWS = 2


@dataclass(frozen=True)
class Chat:
    """`text` is asked and `answer` given; `media` are keys, each an image or a video.

    `more` are further questions, each with the same answer.
    """

    row: int
    text: str = "What is it?"
    answer: str = "A cat."
    media: tuple[str, ...] = ()
    kind: str = "image"
    subset: str = "ai2d"
    group: int = 0
    extra: str | None = None
    more: tuple[str, ...] = ()

    @property
    def turns(self) -> list[list[tuple[str, str, str]]]:
        """(role, type, text) of every content item of each turn."""
        later = [[("user", "text", q), ("assistant", "text", self.answer)] for q in self.more]
        return [self.items, *later]

    @property
    def items(self) -> list[tuple[str, str, str]]:
        """(role, type, text) of every content item of the first turn."""
        asked = [("user", self.kind, "") for _ in self.media] + [("user", "text", self.text)]
        return [*asked, ("assistant", "text", self.answer)] if self.answer else asked

    @property
    def content_id(self) -> str:
        turns = [turn_digest(items) for items in self.turns]
        return content_id(turns, [digest_of(key) for key in self.media])

    def as_row(self) -> Row:
        messages = [
            {"role": role, "content": [{"type": kind, "text": text} for _, kind, text in said]}
            for items in self.turns
            for role, said in itertools.groupby(items, key=lambda item: item[0])
        ]
        return {
            "row": self.row,
            "group": self.group,
            "subset": self.subset,
            "category": "vqa",
            "kind": "chat",
            "messages": messages,
            "media": [{"kind": self.kind, "key": key} for key in self.media],
            "license": "MIT",
            "extra": self.extra,
        }

    def as_turns(self, sample: int) -> list[Row]:
        return [self._turn(sample, number, items) for number, items in enumerate(self.turns)]

    def _turn(self, sample: int, number: int, items: list[tuple[str, str, str]]) -> Row:
        return {
            "sample": sample,
            "turn": number,
            "digest": turn_digest(items),
            "num_messages": 2 if self.answer else 1,
            "num_answers": 1 if self.answer else 0,
            "num_media": 0 if number else len(self.media),
            "system_bytes": 0,
            "user_bytes": sum(len(text.encode()) for role, _, text in items if role == "user"),
            "assistant_bytes": len(self.answer.encode()),
        }


def digest_of(key: str) -> str:
    """The digest of the media that `image` and `clip` make of a key, unless told otherwise."""
    return hashlib.sha256(key.encode()).hexdigest()


def image(key: str, size: tuple[int, int] = (64, 48), **more: Any) -> Row:
    row: Row = dict.fromkeys(MEDIA_SCHEMA.names)
    row |= {"key": key, "kind": "image", "digest": digest_of(key), "pack": 0}
    row |= {"offsets": [512], "lengths": [1000], "timestamps_ms": []}
    row |= {"width": size[0], "height": size[1], "frame_sizes": list(size)}
    return row | more


def clip(key: str, times_ms: Sequence[int], **more: Any) -> Row:
    """A clip of 64x48 pixels, its frames 1000 bytes each."""
    count = len(times_ms)
    return image(
        key,
        kind="video",
        offsets=[512 + 2048 * n for n in range(count)],
        lengths=[1000] * count,
        timestamps_ms=list(times_ms),
        frame_sizes=[64, 48] * count,
        **more,
    )


def broken(key: str, reason: str, detail: str = "") -> Row:
    row: Row = dict.fromkeys(MEDIA_SCHEMA.names)
    return row | {"key": key, "kind": "image", "reason": reason, "detail": detail}


def write_media(folder: Path, *rows: Row) -> str:
    table = pa.Table.from_pylist(list(rows), schema=MEDIA_SCHEMA)
    write_parquet(join(str(folder), "media.parquet"), table)
    return str(folder)


def write_chats(
    folder: Path, *chats: Chat, rejected: Sequence[Row] = (), category: str = "vqa"
) -> str:
    rows = [chat.as_row() | {"category": category} for chat in chats]

    def write(ipc: pa.ipc.RecordBatchFileWriter) -> None:
        for start in range(0, len(rows), _BATCH_ROWS):
            part = rows[start : start + _BATCH_ROWS]
            ipc.write_batch(pa.RecordBatch.from_pylist(part, schema=STORE_SCHEMA))

    write_ipc(join(str(folder), "samples.arrow"), write, STORE_SCHEMA)
    turns = [turn for place, chat in enumerate(chats) for turn in chat.as_turns(place)]
    tables = {"turns": (turns, TURNS_SCHEMA), "rejected": (list(rejected), REJECTED_SCHEMA)}
    for name, (values, schema) in tables.items():
        table = pa.Table.from_pylist(values, schema=schema)
        write_parquet(join(str(folder), f"{name}.parquet"), table)
    return str(folder)


def reject(row: int, reason: str, detail: str = "", group: int = 0) -> Row:
    return {"row": row, "group": group, "subset": "ai2d", "reason": reason, "detail": detail}


def curated(
    media: Sequence[str] = (), rows: Sequence[tuple[str, str]] = (), name: str = "the_cauldron"
) -> CuratedSource:
    """A source whose folders hold these facts; `rows` are (folder, upstream file)."""
    suffix = sources.get(name).media_lookup == "suffix"
    return CuratedSource(name, suffix, None, tuple(media), tuple(rows))


def measure(source: CuratedSource, wanted: Sequence[Filter]) -> None:
    """Write the measures of all of a source's folders."""
    for level, folders in (("media", source.media), ("sample", [f for f, _ in source.rows])):
        for folder in folders:
            names = [f.name for f in missing(folder, [f for f in wanted if f.level == level])]
            if names:
                measure_folder(folder, names)
