"""Members of whatever archive an upstream ships: tar, tar.gz, zip, split zip.

The kind is told by the first bytes; what is named .zip and begins otherwise is read as a zip too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from sources.base import MediaItem
from sources.readers.members import MediaKind, Member, Wanted, media_kind
from sources.readers.tars import GZIP_MAGIC, read_tar
from sources.readers.zip_directory import Parts
from sources.readers.zips import ZIP_MAGIC, read_zip
from sources.root import FileRef, Root

_PART = re.compile(r"\.z(\d{2,})")
_ARCHIVE = re.compile(r".*\.(?:zip|z\d{2,}|tar|tgz|tar\.gz)")


def read_archive(
    root: Root, files: tuple[FileRef, ...], wanted: Wanted, spool: Path, by_name: bool = False
) -> Iterator[Member]:
    """Wanted members in the order in which they lie; `files` are the parts in order.

    `by_name` sorts those of a zip, so that their order outlives another packing.
    """
    with ExitStack() as stack:
        handles = [stack.enter_context(root.open(file)) for file in files]
        magic = handles[0].read(2)
        handles[0].seek(0)
        if magic == ZIP_MAGIC or (magic != GZIP_MAGIC and files[-1].path.endswith(".zip")):
            yield from read_zip(
                Parts(handles, [file.size for file in files]), wanted, spool, by_name
            )
        else:
            yield from read_tar(handles[0], wanted, spool)


def group_parts(files: Iterable[FileRef]) -> list[tuple[FileRef, ...]]:
    """The archives among files, each with its parts in order: `a.z01`, `a.z02`, `a.zip` are one."""
    groups: dict[str, list[FileRef]] = {}
    for file in files:
        if not _ARCHIVE.fullmatch(file.path):
            continue
        path = Path(file.path)
        is_part = path.suffix == ".zip" or _PART.fullmatch(path.suffix)
        groups.setdefault(str(path.with_suffix("")) if is_part else file.path, []).append(file)
    return [tuple(sorted(group, key=_part_number)) for _, group in sorted(groups.items())]


def _part_number(file: FileRef) -> float:
    match = _PART.fullmatch(Path(file.path).suffix)
    return int(match[1]) if match else float("inf")


def to_item(member: Member, prefix: str, archive: FileRef, default: MediaKind) -> MediaItem:
    """The member as a media item, its key below `prefix` where there is one.

    What an archive lost without a name is keyed by the archive's own path, as `default`.
    """
    return MediaItem(
        key="/".join(filter(None, (prefix, member.name))) if member.name else archive.path,
        kind=media_kind(member.name) or default,
        data=member.data,
        file=member.file,
        reason=member.reason,
        detail=member.detail,
    )
