"""Media files that lie in a plain folder: what a user fetched himself, or unpacked.

A media's key is its path below the folder, so that moving the folder changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from manifests.ids import key_digest
from manifests.storage import is_local, join, local_path
from sources.base import MediaItem, MediaShard
from sources.readers.members import (
    MediaKind,
    Member,
    clean_name,
    media_kind,
    take,
    too_large,
    want_media,
)
from sources.root import FileRef, Root

_SHARD_BYTES = 512 * 1024 * 1024


def folder_shards(
    source: str, subset: str, root: Root, kinds: tuple[MediaKind, ...], below: str = ""
) -> list[MediaShard]:
    """The media files of those kinds, sorted by path, in shards of about 512 MB.

    With `below`, only those in that folder (`a/b`). No shard holds files of two top folders. `stop`
    is the number of files, so that a limit knows when it has enough.
    """
    groups: list[list[FileRef]] = []
    size = 0
    for file in root.glob(f"{below}/*" if below else "*"):
        if media_kind(file.path) not in kinds:
            continue
        if not groups or size >= _SHARD_BYTES or _top(groups[-1][0]) != _top(file):
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += file.size
    return [MediaShard(source, subset, tuple(group), 0, len(group)) for group in groups]


def read_folder(root: Root, shard: MediaShard, prefix: str, spool: Path) -> Iterator[MediaItem]:
    """The shard's files in order, keyed by their paths, below `prefix` where it is not empty.

    A local clip is not copied: the file under `spool` is a link to it, which the caller removes.
    A file that cannot be opened any more is `file_unreadable`, and costs itself.
    """
    for file in shard.files[shard.start : shard.stop]:
        name = clean_name(file.path)
        kind = media_kind(name)
        assert kind is not None, f"{name} is no media"
        member = _member(root, file, name, kind, spool)
        key = f"{prefix}/{name}" if prefix else name
        yield MediaItem(
            key, kind, member.data, member.file, None, None, member.reason, member.detail
        )


def folder_ref(root: Root, folder: str, files: list[FileRef]) -> FileRef:
    """A folder of many small files as one: a shard for each of them would cost more than its rows.

    Its etag stands for all of them; local files, which have none, are read for it.
    """
    facts: list[object] = []
    for file in files:
        facts += [file.path, file.size, file.etag]
        if not file.etag and is_local(root.uri):
            with root.open(file) as handle:
                facts.append(hashlib.sha256(handle.read()).hexdigest())
    return FileRef(folder, sum(file.size for file in files), key_digest(*facts))


def _top(file: FileRef) -> str:
    return file.path.split("/", 1)[0] if "/" in file.path else ""


def _member(root: Root, file: FileRef, name: str, kind: MediaKind, spool: Path) -> Member:
    want = want_media(name)
    assert want is not None, f"{name} is no media"
    if file.size > want.max_bytes:
        return too_large(name, want)
    if not is_local(root.uri):
        with root.open(file) as handle:
            return take(name, handle.read, want, spool)
    path = local_path(join(root.uri, file.path)).absolute()
    if not path.is_file():  # to open a pipe would wait for ever
        return Member(name, reason="file_unreadable", detail="no file any more")
    try:
        with path.open("rb") as handle:
            if kind == "image":
                return take(name, handle.read, want, spool)
    except OSError as error:
        return Member(name, reason="file_unreadable", detail=error.strerror or "")
    link = spool / f"link-{key_digest(str(path))}"
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return Member(name, file=link)
