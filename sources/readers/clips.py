"""Clips of video sources, in archives or unpacked beside them: one shape for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from sources.base import MediaItem, MediaShard
from sources.readers.archives import read_archive, to_item
from sources.readers.folders import folder_shards, read_folder
from sources.readers.members import CLIP, Want, media_kind
from sources.root import FileRef, Root


def clip_shards(
    source: str, subset: str, root: Root, archives: list[FileRef], below: str
) -> list[MediaShard]:
    """One shard an archive, in their order, then the clips that lie unpacked in folder `below`."""
    shards = [MediaShard(source, subset, (file,)) for file in archives]
    return shards + folder_shards(source, subset, root, ("video",), below)


def read_clips(
    root: Root, shard: MediaShard, spool: Path, key: Callable[[str], str]
) -> Iterator[MediaItem]:
    """The shard's clips in order; `key` makes a clip's key of its path in the archive or the root.

    What an archive lost without a name keeps the archive's own path as its key.
    """
    if media_kind(shard.files[0].path):
        items = read_folder(root, shard, "", spool)
    else:
        items = islice(_members(root, shard, spool), shard.stop)
    for item in items:
        if media_kind(item.key):
            item.key = key(item.key)
        yield item


def _members(root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
    for member in read_archive(root, shard.files, _want, spool):
        item = to_item(member, "", shard.files[0], "video")
        item.key = item.key.removeprefix("/")
        yield item


def _want(name: str) -> Want | None:
    return CLIP if media_kind(name) == "video" else None
