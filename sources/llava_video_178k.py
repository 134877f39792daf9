"""LLaVA-Video-178K (lmms-lab): annotation JSON and mp4 in tar.gz, one folder a config.

`<config>/<config>_cap_processed.json` and the like hold JSON arrays of LLaVA rows, one file a task
(cap, oe, mc; it goes to `extra`); `<config>/<config>_videos_<n>.tar.gz` hold the clips. The subset
is the folder's name: upstream's configs say `*_activitynet` where its folders say
`*_activitynetqa`. The marker for a video is `<image>`. Ids are absent or repeat across tasks, so a
row is known by its place alone. llava_hound's clips are folders of frames in another repository:
see readers/frames.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from sources.base import Draft, MediaItem, MediaRef, MediaShard, Rejected, RowShard, Source
from sources.conversations import RowError, draft_or_rejected, parse_conversation
from sources.readers.archives import read_archive, to_item
from sources.readers.frames import REPO as FRAMES_REPO
from sources.readers.frames import frame_shards, read_frame_clips
from sources.readers.json_array import JsonRow, read_json_rows
from sources.readers.members import CLIP, Want, clean_name, media_kind
from sources.readers.rows import media_paths, row_object, without
from sources.root import FileRef, Root

_HOUND = "llava_hound"
_ANNOTATIONS = re.compile(r"(?P<folder>[^/]+)/[^/]+\.json")
_VIDEOS = re.compile(r"(?P<folder>[^/]+)/[^/]+_videos_(?P<number>\d+)\.(?:tar\.gz|tgz|tar)")
_TASKS = ("cap", "oe", "mc")


class LlavaVideo178k(Source):
    name: ClassVar[str] = "llava_video_178k"
    version: ClassVar[int] = 1
    media_lookup: ClassVar[Literal["exact", "suffix"]] = "suffix"

    def rows(self, root: Root) -> list[RowShard]:
        found = []
        for file in root.glob("*.json") if root.repo == self.card.repo else []:
            match = _ANNOTATIONS.fullmatch(file.path)
            subset = self._subset(match["folder"]) if match else None
            if subset and _task(file):
                found.append(RowShard(self.name, subset, file))
        return found

    def media(self, root: Root) -> list[MediaShard]:
        if root.repo == FRAMES_REPO:
            return frame_shards(self.name, _HOUND, root)
        found = []
        for file in root.glob("*_videos_*"):
            match = _VIDEOS.fullmatch(file.path)
            subset = self._subset(match["folder"]) if match else None
            if match and subset:
                found.append(((subset, int(match["number"])), file))
        found.sort(key=lambda item: item[0])
        return [MediaShard(self.name, subset, (file,)) for (subset, _), file in found]

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        with root.open(shard.file) as handle:
            for row in read_json_rows(handle, shard.start, shard.stop):
                yield draft_or_rejected(row.row, shard.subset, _draft, shard, row)

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        if root.repo == FRAMES_REPO:
            yield from read_frame_clips(root, shard, _HOUND, spool)
            return
        folder = _folder(shard.files[0])
        members = read_archive(root, shard.files, _want_clip, spool)
        for number, member in enumerate(members):
            if shard.stop is not None and number >= shard.stop:
                return
            yield to_item(member, folder, shard.files[0], "video")

    def _subset(self, folder: str) -> str | None:
        """The folder's subset, were it also named as the card's configs are; None for others."""
        names = {subset.name for subset in self.card.subsets}
        return next((name for name in (folder, f"{folder}qa") if name in names), None)


SOURCE = LlavaVideo178k()


def _folder(file: FileRef) -> str:
    return file.path.split("/", 1)[0]


def _task(file: FileRef) -> str | None:
    """By the card's own globs; the hound's one file, which they miss, is open-ended."""
    if _folder(file) == _HOUND:
        return "oe"
    stem = PurePosixPath(file.path).stem.removeprefix(_folder(file))
    return next((task for task in _TASKS if task in stem), None)


def _want_clip(name: str) -> Want | None:
    return CLIP if media_kind(name) == "video" else None


def _draft(shard: RowShard, row: JsonRow) -> Draft:
    values = row_object(row)
    paths = media_paths(values, "video")
    if not paths:
        raise RowError("row_malformed", "the row has no video")
    messages = parse_conversation(values.get("conversations"), "video", len(paths))
    refs = [MediaRef("video", _key(shard, path)) for path in paths]
    extra = {**without(values, "conversations", "video"), "task": _task(shard.file)}
    return Draft(row.row, shard.subset, messages, refs, extra=extra)


def _key(shard: RowShard, path: str) -> str:
    """A folder of frames is known by its own name: rows and archives disagree on what is above."""
    path = clean_name(path)
    if shard.subset == _HOUND:
        return f"{_HOUND}/{PurePosixPath(path).name}"
    return f"{_folder(shard.file)}/{path}"
