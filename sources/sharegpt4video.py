"""ShareGPT4Video: 40 thousand videos with captions by GPT-4V, in one JSON Lines file for all.

A row of `sharegpt4video_40k.jsonl` has `video_id`, `video_path`, `zip_folder` (a zip's file name)
and `captions`. The one with `idx` "-1" is of the whole video: it answers one of PROMPTS, chosen by
its text. A row without it is `label_missing`: each of the others tells what is new since the
frame before, and none stands for the video. They are left out; other columns go to `extra`.

The subset is the site that the video is from, by `zip_folder`, else by `video_path`. Loaders
disagree on where videos lie below `zip_folder/`, so a video is known by its site and its file name,
wherever it lies: in a zip, unpacked, or in a folder of the user's (`--media`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from sources.base import (
    ALL_SUBSETS,
    Draft,
    MediaItem,
    MediaRef,
    MediaShard,
    Rejected,
    RowShard,
    Source,
)
from sources.conversations import (
    RowError,
    build_chat,
    choose_prompt,
    draft_or_rejected,
    json_columns,
)
from sources.readers.clips import read_clips
from sources.readers.folders import folder_shards
from sources.readers.json_array import JsonRow, read_json_rows
from sources.readers.members import clean_name
from sources.readers.rows import row_object, without
from sources.root import FileRef, Root

PROMPTS = (
    "Describe this video in detail.",
    "What happens in this video? Tell it in the order in which it happens.",
    "Write a detailed caption for this video.",
    "Describe what this video shows, how it changes, and how the camera moves.",
)
_WHOLE = "-1"
_OTHER = "other"
# Upstream's folder of mixkit is called mixit.
_SITE = re.compile(r"(panda|pexels|pixabay|mixkit|mixit|bdd100k|ego4d)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")


class ShareGpt4Video(Source):
    name: ClassVar[str] = "sharegpt4video"
    version: ClassVar[int] = 1

    def rows(self, root: Root) -> list[RowShard]:
        """One shard a site, each of which reads the whole file: ranges count its lines."""
        files = root.glob(*self.card.row_files) if root.repo == self.card.repo else []
        return [RowShard(self.name, s.name, file) for file in files for s in self.card.subsets]

    def media(self, root: Root) -> list[MediaShard]:
        """Zips by site and number, then loose videos by site."""
        zips = sorted(root.glob("zip_folder/*.zip"), key=_order)
        shards = [MediaShard(self.name, _site(file.path), (file,)) for file in zips]
        for loose in folder_shards(self.name, ALL_SUBSETS, root, ("video",)):
            for site in sorted({_site(file.path) for file in loose.files}):
                files = tuple(file for file in loose.files if _site(file.path) == site)
                shards.append(MediaShard(self.name, site, files, 0, len(files)))
        return shards

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        with root.open(shard.file) as handle:
            for row in read_json_rows(handle, shard.start, shard.stop):
                if _subset(row) == shard.subset:
                    yield draft_or_rejected(row.row, shard.subset, _draft, row, shard.subset)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        return read_clips(root, shard, spool, lambda path: _key(shard.subset, path))


SOURCE = ShareGpt4Video()


def _site(text: str) -> str:
    match = _SITE.search(text)
    return match[1].lower().replace("mixit", "mixkit") if match else _OTHER


def _order(file: FileRef) -> tuple[str, list[int]]:
    """Zips are numbered without leading zeros."""
    name = PurePosixPath(file.path).name
    return _NUMBER.sub("#", file.path), [int(digits) for digits in _NUMBER.findall(name)]


def _key(subset: str, path: str) -> str:
    return f"{subset}/{PurePosixPath(clean_name(path)).name}"


def _subset(row: JsonRow) -> str:
    values = row.value if isinstance(row.value, dict) else {}
    sites = (_site(str(values.get(name) or "")) for name in ("zip_folder", "video_path"))
    return next((site for site in sites if site != _OTHER), _OTHER)


def _draft(row: JsonRow, subset: str) -> Draft:
    values = row_object(row)
    path = values.get("video_path")
    if not isinstance(path, str) or not path:
        raise RowError("row_malformed", "the row has no video_path")
    caption = _caption(values.get("captions"))
    messages = build_chat([(choose_prompt(PROMPTS, caption), caption)], "video", 1)
    refs = [MediaRef("video", _key(subset, path))]
    extra = json_columns(without(values, "captions", "video_path"))
    return Draft(row.row, subset, messages, refs, extra=extra)


def _caption(captions: Any) -> str:
    """The content of the caption of the whole video; its index is a string."""
    if not isinstance(captions, list):
        raise RowError("row_malformed", "captions is not a list")
    for caption in captions:
        if isinstance(caption, dict) and str(caption.get("idx")) == _WHOLE:
            if isinstance(caption.get("content"), str):
                return str(caption["content"])
            raise RowError("row_malformed", "the caption of the whole video is no text")
    raise RowError("label_missing", f"none of {len(captions)} captions has idx {_WHOLE}")
