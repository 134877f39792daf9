"""Downloads that tasks read from: whole remote files in one folder, shared by processes, capped.

    FOLDER/<key>-<size>-<name>        a whole file, checked; its time of change is its last use
    FOLDER/<key>-<size>-<name>.part   one under way, continued after a kill
    FOLDER/.lock                      held while room is made

The key is a digest of address, size and etag, so a file that upstream replaces is another entry.
Who reads holds a shared lock (flock) on the file, who downloads an exclusive one on the part; what
is locked is never removed. Locks end with their process.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from manifests.errors import SourceError, without_secrets
from manifests.ids import key_digest
from sources.ranges import RemoteFacts
from sources.remote import LONGEST_BYTES, RemoteFile

_PART = ".part"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_ENTRY = re.compile(r"[0-9a-f]{16}-(\d+)-.*")
# Never taken of a disk: the store's packs and the temporary files of tasks need room beside.
_SPARE_BYTES = 2 << 30
_MD5 = partial(hashlib.md5, usedforsecurity=False)
_STATES: dict[str, Callable[[], Any]] = {
    "sha256": hashlib.sha256,
    "git": partial(hashlib.sha1, usedforsecurity=False),
    "md5": _MD5,
    "s3": _MD5,
}
# Wrong bytes may be a fault on the way: fetched once more, then given up.
_CHECKS = 2


@dataclass(frozen=True, slots=True)
class DownloadCache:
    """At most `max_bytes` of downloads in `folder`; a picklable description, nothing is open."""

    folder: str
    max_bytes: int

    def open(self, facts: RemoteFacts) -> IO[bytes] | None:
        """The whole file, downloaded first where it is not here; None where it has no room.

        The handle holds the lock: the file stays until it is closed.
        """
        if facts.size > self.max_bytes:
            return None
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        entry = Path(self.folder) / entry_name(facts)
        while True:
            handle = _open_whole(entry)
            if handle is not None:
                return handle
            part = self._begin(entry, facts.size)
            if part is None:
                return None
            with part:
                # Another process may be at it: wait for it, then look again.
                fcntl.flock(part, fcntl.LOCK_EX)
                path = entry.with_name(entry.name + _PART)
                if _is_at(part, path) and not entry.exists():
                    _download(part, entry, facts)
                elif _is_at(part, path):  # begun just when the other one had ended
                    path.unlink()

    def drop(self, facts: RemoteFacts) -> None:
        """Remove a whole file that is no longer needed, unless somebody reads it."""
        _remove_unlocked(Path(self.folder) / entry_name(facts))

    def _begin(self, entry: Path, size: int) -> IO[bytes] | None:
        """The part, new or as an earlier process left it; None where no room can be made."""
        part = entry.with_name(entry.name + _PART)
        with self._locked():
            if not part.exists() and not self._make_room(size):
                return None
            return part.open("a+b")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (Path(self.folder) / ".lock").open("ab") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _make_room(self, size: int) -> bool:
        """Remove entries in nobody's use, the longest unused first, until `size` more fit."""
        entries = sorted(_entries(Path(self.folder)))
        total = sum(taken for _, taken, _ in entries)
        while not self._fits(total, size):
            if not entries:
                return False
            _, taken, path = entries.pop(0)
            if _remove_unlocked(path):
                total -= taken
        return True

    def _fits(self, total: int, size: int) -> bool:
        free = shutil.disk_usage(self.folder).free
        return total + size <= self.max_bytes and size + _SPARE_BYTES <= free


def entry_name(facts: RemoteFacts) -> str:
    """`<16 hex>-<size>-<name>`: the name is for people."""
    key = key_digest("download", facts.address, facts.size, facts.etag)
    return f"{key}-{facts.size}-{_UNSAFE.sub('_', Path(facts.path).name)[-80:]}"


def _entries(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """(time of last use, bytes, path): a part counts as the file that it becomes."""
    for path in folder.iterdir():
        found = _ENTRY.fullmatch(path.name)
        try:
            if found:
                yield path.stat().st_mtime_ns, int(found[1]), path
        except FileNotFoundError:
            continue


def _open_whole(entry: Path) -> IO[bytes] | None:
    try:
        handle = entry.open("rb")
    except FileNotFoundError:
        return None
    fcntl.flock(handle, fcntl.LOCK_SH)
    if not _is_at(handle, entry):  # removed between both calls
        handle.close()
        return None
    os.utime(entry)
    return handle


def _is_at(handle: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove_unlocked(path: Path) -> bool:
    """Remove a file unless a process holds it; True where it is gone."""
    try:
        with path.open("r+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True


def _download(part: IO[bytes], entry: Path, facts: RemoteFacts) -> None:
    """Fill the part from where it ends, check it, and give it its name."""
    if not facts.etag:  # nothing says that what is there is of the same file
        part.truncate(0)
    found = ""
    for _ in range(_CHECKS):
        part.seek(0, os.SEEK_END)
        with RemoteFile(facts) as remote:
            remote.seek(part.tell())
            while data := remote.read(LONGEST_BYTES):
                part.write(data)
        part.flush()
        before, found = found, _checksum(part, facts)
        # S3 gives no MD5 for what it encrypts: what comes the same twice is the file.
        is_twice = facts.checksum.startswith("s3:") and found == before
        if part.tell() == facts.size and (found == facts.checksum or is_twice):
            os.fsync(part.fileno())
            os.rename(entry.with_name(entry.name + _PART), entry)
            return
        part.truncate(0)
    raise SourceError(
        f"{without_secrets(facts.address)}: {_CHECKS} downloads do not have the size and checksum "
        "that upstream gives; run the same command again later"
    )


def _checksum(part: IO[bytes], facts: RemoteFacts) -> str:
    """Of what is in the part, of the kind that upstream gives; empty where it gives none."""
    algorithm = facts.checksum.partition(":")[0]
    if not algorithm:
        return ""
    state = _STATES[algorithm]()
    if algorithm == "git":
        state.update(f"blob {facts.size}\0".encode())
    part.seek(0)
    while data := part.read(1 << 20):
        state.update(data)
    return f"{algorithm}:{state.hexdigest()}"
