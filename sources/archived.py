"""What flat upstreams share whose images lie in archives beside the rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from sources.base import ALL_SUBSETS, MediaItem, MediaShard
from sources.readers.archives import group_parts, read_archive, to_item
from sources.readers.members import Member, Want, want_media
from sources.root import FileRef, Root
from sources.tables import TableSource


class ArchiveTableSource(TableSource):
    """A table source whose rows name images by path, in archives that belong to no one subset.

    Archives are the card's `media_files`. Media are keyed `<archive's stem>/<member path>` and
    looked up by suffix.
    """

    media_lookup: ClassVar[Literal["exact", "suffix"]] = "suffix"

    def media(self, root: Root) -> list[MediaShard]:
        archives = group_parts(root.glob(*self.card.media_files))
        return [MediaShard(self.name, ALL_SUBSETS, files) for files in archives]

    def read_media(self, root: Root, shard: MediaShard, spool: Path) -> Iterator[MediaItem]:
        members = read_archive(root, shard.files, self.wants_member, spool)
        for member in islice(members, shard.stop):
            yield self.item(member, shard.files[-1])

    def wants_member(self, name: str) -> Want | None:
        """Whether a media task reads this member, and how."""
        return want_media(name)

    def item(self, member: Member, archive: FileRef) -> MediaItem:
        stem = PurePosixPath(archive.path).stem.removesuffix(".tar")
        return to_item(member, stem, archive, "image")
