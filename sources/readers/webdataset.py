"""Tars of samples, as WebDataset lays them: members that follow each other and share a key.

A member's key is its path up to the first dot of the file name; what follows the dot is its
extension: `a/0001.png` and `a/0001.json` are one sample. Members of one sample lie together, which
is WebDataset's own rule; where they do not, each run of them is a sample. What is neither media nor
JSON nor text is passed over. Tar, tar.gz and zip are read alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from sources.base import MediaItem, MediaRef, MediaShard
from sources.readers.archives import read_archive, to_item
from sources.readers.members import Member, Want, media_kind, want_media
from sources.root import FileRef, Root

TEXT_EXTENSIONS = ("json", "txt")

# Far above the annotations of one image; a text is always held in memory.
_TEXT = Want(max_bytes=32 * 1024 * 1024, memory_bytes=32 * 1024 * 1024)
# Of a media, a row task needs the name: no size is small enough for the bytes to be read.
_NAME = Want(max_bytes=-1, memory_bytes=-1)


class TarSample(NamedTuple):
    """Sample `row`, counted from 0 in its tar.

    `texts` are the bytes of its JSON and text members by extension, the first of each; `media` name
    its images and clips in order, whose bytes are not read. With a `reason` a member of it, or the
    rest of the tar where `key` is empty, cannot be read.
    """

    row: int
    key: str
    texts: dict[str, bytes]
    media: list[MediaRef]
    reason: str | None = None
    detail: str = ""


def read_samples(
    root: Root, file: FileRef, start: int = 0, stop: int | None = None
) -> Iterator[TarSample]:
    """Samples [start, stop) in order. A damaged tar gives one last `archive_damaged`."""
    members = read_archive(root, (file,), _want, Path())
    groups = groupby(members, key=lambda member: split_name(member.name)[0])
    for row, (key, group) in enumerate(groups):
        if stop is not None and row >= stop:
            return
        if row >= start:
            yield _sample(row, key, file, group)


def read_sample_media(root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
    """The shard's media in order, by the keys that `TarSample.media` refers to."""
    (file,) = shard.files
    for member in islice(read_archive(root, shard.files, want_media, spool), shard.stop):
        yield to_item(member, file.path, file, "image")


def split_name(name: str) -> tuple[str, str]:
    """(key, extension in lower case) of a member's path."""
    path = PurePosixPath(name)
    stem, _, extension = path.name.partition(".")
    return name[: len(name) - len(path.name)] + stem, extension.lower()


def _want(name: str) -> Want | None:
    if media_kind(name):
        return _NAME
    is_shadow = PurePosixPath(name).name.startswith("._")
    return _TEXT if split_name(name)[1] in TEXT_EXTENSIONS and not is_shadow else None


def _sample(row: int, key: str, file: FileRef, members: Iterable[Member]) -> TarSample:
    texts: dict[str, bytes] = {}
    media: list[MediaRef] = []
    reason, detail = None, ""
    for member in members:
        kind = media_kind(member.name)
        if kind:
            media.append(MediaRef(kind, f"{file.path}/{member.name}"))
        elif member.data is not None:
            texts.setdefault(split_name(member.name)[1], member.data)
        else:
            reason, detail = member.reason, member.detail
    return TarSample(row, key, texts, media, reason, detail)
