"""Video-STaR (orrzohar/Video-STaR): a million questions on clips that upstream does not ship.

`ft_json/<set>_tune_.json` holds LLaVA rows with the marker `<video>`: `video` (a path or a list of
them; else `video_path`) and `conversations`; whatever else a row has goes to `extra` (id, label,
label_type, question, qa_type). The clips are those of Kinetics-700, Charades (STAR), FineDiving:
they are read from the user's folder (`--media`), or below the mirror's folder of this repository.
A clip is looked up by its path from the set's folder on where the row names one, else by all of it.

What the files look like inside was never documented, and `datasets` cannot read FineDiving's. Read
are: an array, an object around one, and an object that holds the rows by id (up to 64 MB); texts
that are numbers, as FineDiving's scores would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from sources.base import ALL_SUBSETS, Draft, MediaItem, MediaRef, MediaShard, Rejected, RowShard
from sources.conversations import RowError, json_columns, parse_conversation
from sources.readers.folders import folder_shards, read_folder
from sources.readers.members import clean_name
from sources.readers.rows import json_document, media_paths, without
from sources.root import Root
from sources.tables import TableSource

_BY_ID = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"[^"\\]*"\s*:\s*\{')
_HEAD_BYTES = 4096
_MAX_BY_ID_BYTES = 64 * 1024 * 1024


class VideoStar(TableSource):
    name: ClassVar[str] = "video_star"
    version: ClassVar[int] = 1
    media_lookup: ClassVar[Literal["exact", "suffix"]] = "suffix"

    def media(self, root: Root) -> list[MediaShard]:
        """Clips in a folder that is called as a subset belong to it, others to any."""
        names = {subset.name.casefold(): subset.name for subset in self.card.subsets}
        return [
            replace(shard, subset=names.get(_top(shard).casefold(), ALL_SUBSETS))
            for shard in folder_shards(self.name, ALL_SUBSETS, root, ("video",))
        ]

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        return read_folder(root, shard, "", spool)

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        rows = _rows_by_id(root, shard)
        if rows is None:
            yield from super().read_rows(root, shard)
            return
        for row, values in enumerate(rows):
            if shard.start <= row and (shard.stop is None or row < shard.stop):
                yield self._read(shard, row, values)

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        paths = media_paths(values, "video") or media_paths(values, "video_path")
        if not paths:
            raise RowError("row_malformed", "the row has no video")
        turns = _with_texts(values.get("conversations"))
        messages = parse_conversation(turns, "video", len(paths))
        refs = [MediaRef("video", _key(path, shard.subset)) for path in paths]
        used = "video" if values.get("video") else "video_path"
        extra = json_columns(without(values, "conversations", used))
        return Draft(row, shard.subset, messages, refs, extra=extra)

    def _read(self, shard: RowShard, row: int, values: Any) -> Draft | Rejected:
        try:
            if isinstance(values, RowError):
                raise values
            if not isinstance(values, dict):
                raise RowError("row_malformed", f"the row is of type {type(values).__name__}")
            return self.draft(shard, row, values)
        except RowError as error:
            return Rejected(row, shard.subset, error.reason, error.detail)


SOURCE = VideoStar()


def _top(shard: MediaShard) -> str:
    return shard.files[0].path.split("/", 1)[0]


def _rows_by_id(root: Root, shard: RowShard) -> list[Any] | None:
    """Rows of an object of objects in the file's order, each with its key as `id` where it has no
    other; None where the file is something else, or too large to be read at once.
    """
    with root.open(shard.file) as handle:
        head = handle.read(_HEAD_BYTES)
        if not _BY_ID.match(head) or shard.file.size > _MAX_BY_ID_BYTES:
            return None
        try:
            rows = json_document(head + handle.read())
        except RowError as error:
            return [error]
    if any(isinstance(row, list) for row in rows.values()):
        return None
    return [{"id": k, **row} if isinstance(row, dict) else row for k, row in rows.items()]


def _with_texts(turns: Any) -> Any:
    """The turns, with numbers as texts."""
    if not isinstance(turns, list):
        return turns
    return [
        {**turn, "value": str(turn["value"])}
        if isinstance(turn, dict) and type(turn.get("value")) in (int, float)
        else turn
        for turn in turns
    ]


def _key(path: str, subset: str) -> str:
    parts = [part for part in clean_name(path).split("/") if part not in ("", "..")]
    names = [part.casefold() for part in parts[:-1]]
    if subset.casefold() in names:
        parts = parts[names.index(subset.casefold()) :]
    return "/".join(parts)
