"""The Cauldron (HuggingFaceM4/the_cauldron): 50 vision-language sets as `images` and `texts`.

A folder is a config: `<config>/train-NNNNN-of-NNNNN-<16 hex>.parquet`. A row is an image, or a set
of them, with all its question-answer turns, and becomes one sample. The texts hold no marker: the
images stand in list order before the first question. Folders that the card does not name are not
read. Columns beside `images` and `texts` go to `extra`, and so do the turns' own `source` names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from manifests.errors import SourceError
from sources.base import Draft, MediaItem, MediaRef, MediaShard, Rejected, RowShard, Source
from sources.conversations import RowError, build_chat, json_columns
from sources.readers.parquet import (
    Batch,
    Damage,
    decode,
    parquet_shards,
    read_batches,
    read_rows,
)
from sources.root import FileRef, Root

_LEAVES = ("images[].bytes", "images[].path", "texts[].user", "texts[].assistant")
_MEDIA_BATCH_BYTES = 16 * 1024 * 1024
_UPLOAD = re.compile(r"(?P<shard>.*/train-\d+-of-\d+)-[0-9a-f]{16}\.parquet")


class TheCauldron(Source):
    name: ClassVar[str] = "the_cauldron"
    version: ClassVar[int] = 1
    media_in_rows: ClassVar[bool] = True

    def rows(self, root: Root) -> list[RowShard]:
        return [RowShard(self.name, _config(f), f, a, b) for f, a, b in self._shards(root)]

    def media(self, root: Root) -> list[MediaShard]:
        return [MediaShard(self.name, _config(f), (f,), a, b) for f, a, b in self._shards(root)]

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        rows = read_rows(root, shard.file, shard.start, shard.stop, _is_not_bytes)
        for row, values in rows:
            try:
                yield _draft(shard, row, values)
            except RowError as error:
                yield Rejected(row, shard.subset, error.reason, error.detail)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        (file,) = shard.files
        pieces = read_batches(
            root, file, shard.start, shard.stop, _is_image, batch_bytes=_MEDIA_BATCH_BYTES
        )
        for piece in pieces:
            if isinstance(piece, Batch):
                yield from _items(file, piece)
            else:
                yield from _lost_items(root, file, piece)

    def _shards(self, root: Root) -> list[tuple[FileRef, int, int]]:
        names = [subset.name for subset in self.card.subsets]
        files = root.glob(*(f"{name}/train-*.parquet" for name in names))
        _refuse_two_uploads(root, files)
        return parquet_shards(root, files, _LEAVES)


SOURCE = TheCauldron()


def _config(file: FileRef) -> str:
    return file.path.split("/", 1)[0]


def _is_image(leaf: str) -> bool:
    return leaf in ("images[].bytes", "images[].path")


def _is_path(leaf: str) -> bool:
    return leaf == "images[].path"


def _is_not_bytes(leaf: str) -> bool:
    return leaf != "images[].bytes"


def _refuse_two_uploads(root: Root, files: Iterable[FileRef]) -> None:
    """Configs were deleted and pushed again with other rows: a mirror may hold both generations."""
    seen: dict[str, FileRef] = {}
    for file in files:
        match = _UPLOAD.fullmatch(file.path)
        shard = match["shard"] if match else file.path
        if shard in seen:
            raise SourceError(
                f"{root.uri} holds two uploads of one shard, {seen[shard].path} and {file.path}; "
                f"keep the one of the revision that you mean to read"
            )
        seen[shard] = file


def _draft(shard: RowShard, row: int, values: dict[str, Any] | RowError) -> Draft:
    if isinstance(values, RowError):
        raise values
    images, texts = _images(values), _turns(values)
    pairs = [_pair(number, turn) for number, turn in enumerate(texts)]
    refs = [MediaRef("image", f"{shard.file.path}#{row}/{i}") for i in range(len(images))]
    extra = {name: value for name, value in values.items() if name not in ("images", "texts")}
    sources = [turn.get("source") for turn in texts]
    if any(source is not None for source in sources):
        extra["turn_sources"] = sources
    messages = build_chat(pairs, "image", len(refs))
    return Draft(row, shard.subset, messages, refs, extra=json_columns(extra))


def _images(values: dict[str, Any]) -> list[Any]:
    """Null is no image; rows of text alone have either."""
    images = values["images"]
    if images is not None and not isinstance(images, list):
        raise RowError("row_malformed", "images is not a list")
    return images or []


def _turns(values: dict[str, Any]) -> list[Any]:
    texts = values["texts"]
    if not isinstance(texts, list):
        raise RowError("row_malformed", "texts is not a list")
    if not texts:
        raise RowError("no_turns", "texts is empty")
    return texts


def _pair(number: int, turn: Any) -> tuple[str, str]:
    for side in ("user", "assistant"):
        if not isinstance(turn, dict) or not isinstance(turn[side], str):
            raise RowError("row_malformed", f"texts[{number}].{side} is not a string")
    return turn["user"], turn["assistant"]


def _readable(piece: Batch | Damage) -> Iterator[tuple[int, list[Any]]]:
    """(row, images) of a piece; a row whose images cannot be listed is rejected by the row task."""
    for row, values in decode(piece):
        if not isinstance(values, RowError) and isinstance(values["images"], list):
            yield row, values["images"]


def _items(file: FileRef, batch: Batch) -> Iterator[MediaItem]:
    for row, images in _readable(batch):
        for number, image in enumerate(images):
            key = f"{file.path}#{row}/{number}"
            cell = image if isinstance(image, dict) else {"bytes": None, "path": None}
            if isinstance(cell["bytes"], bytes):
                yield MediaItem(key, "image", data=cell["bytes"])
            else:
                # clevr_math and okvqa name files of a private disk instead (Hub discussion 8).
                detail = f"path {cell['path']!r}" if cell["path"] else ""
                yield MediaItem(key, "image", reason="image_bytes_null", detail=detail)


def _lost_items(root: Root, file: FileRef, damage: Damage) -> Iterator[MediaItem]:
    """Images whose bytes cannot be read; their number may still be known from their paths."""
    for piece in read_batches(root, file, damage.start, damage.stop, _is_path):
        for row, images in _readable(piece):
            for number in range(len(images)):
                key = f"{file.path}#{row}/{number}"
                yield MediaItem(key, "image", reason="archive_damaged", detail=damage.detail)
