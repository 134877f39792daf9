"""VISTA-400K (TIGER-Lab): questions on spliced videos, twelve subsets of JSON and tars.

`<subset>.json` in the root is an array of LLaVA rows without any marker, whose key `image` holds
the path of a video (`video` is read too); `<subset>/<subset>_<n>.tar` hold the mp4 alone. Paths in
rows and tars are relative to the subset's folder. What is spatiotemporal in one place is called
spatialtemporal in another, so both are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from sources.base import Draft, MediaItem, MediaRef, MediaShard, RowShard
from sources.conversations import RowError, json_columns, parse_conversation
from sources.readers.clips import clip_shards, read_clips
from sources.readers.members import clean_name
from sources.readers.rows import media_paths, without
from sources.root import FileRef, Root
from sources.tables import TableSource

_PATHS = ("image", "video")
_TAR = re.compile(r".*_(?P<number>\d+)\.tar(?:\.gz)?")
_SPELLINGS = ("spatiotemporal", "spatialtemporal")


class Vista400k(TableSource):
    name: ClassVar[str] = "vista_400k"
    version: ClassVar[int] = 1
    media_lookup: ClassVar[Literal["exact", "suffix"]] = "suffix"

    def files(self, root: Root) -> dict[str, list[FileRef]]:
        """Of the root alone: patterns cross folders."""
        found = super().files(root)
        return {name: [f for f in files if "/" not in f.path] for name, files in found.items()}

    def media(self, root: Root) -> list[MediaShard]:
        """Tars by their number, then clips that were unpacked beside them."""
        shards = []
        for subset in (subset.name for subset in self.card.subsets):
            for folder in dict.fromkeys(subset.replace(_SPELLINGS[0], s) for s in _SPELLINGS):
                tars = [(m, f) for f in root.glob(f"{folder}/*") if (m := _TAR.fullmatch(f.path))]
                tars.sort(key=lambda item: int(item[0]["number"]))
                files = [file for _, file in tars]
                shards += clip_shards(self.name, subset, root, files, folder)
        return shards

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        return read_clips(root, shard, spool, lambda path: _key(shard.subset, path))

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        used = next((name for name in _PATHS if values.get(name)), None)
        if used is None:
            raise RowError("row_malformed", "the row has no video, neither as image nor as video")
        paths = media_paths(values, used)
        messages = parse_conversation(values.get("conversations"), "video", len(paths))
        refs = [MediaRef("video", _key(shard.subset, path)) for path in paths]
        extra = json_columns(without(values, "conversations", used))
        return Draft(row, shard.subset, messages, refs, extra=extra)


SOURCE = Vista400k()


def _key(subset: str, path: str) -> str:
    """The path below the subset's folder, whether it names that folder or not."""
    parts = clean_name(path).replace(_SPELLINGS[1], _SPELLINGS[0]).strip("/").split("/")
    if subset in parts[:-1]:
        parts = parts[parts.index(subset) + 1 :]
    return "/".join([subset, *parts])
