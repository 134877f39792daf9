"""A read-only view of where upstream files lie: a mirror folder, a bucket, or the Hub."""

from __future__ import annotations

import re
from base64 import b64decode
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import IO, Any, cast

from manifests.errors import SourceError
from manifests.storage import filesystem, is_local, join, local_path
from sources.cache import DownloadCache
from sources.ranges import RemoteFacts, clean_etag
from sources.remote import RemoteFile
from sources.retries import with_retries


@dataclass(frozen=True, slots=True)
class FileRef:
    """An upstream file: path relative to its root, size in bytes, etag where one is known.

    `checksum` is what upstream says of its bytes: `<algorithm>:<hex>`, empty where nothing.
    """

    path: str
    size: int
    etag: str = ""
    checksum: str = ""


def _entries(uri: str, files: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    fs, base = filesystem(uri)
    if not files:
        yield from with_retries(partial(_find, fs, base), uri).items()
    for name in files:
        path = f"{base}/{name}"
        info = with_retries(partial(_info, fs, path), join(uri, name))
        if info is not None:
            yield path, info


def _find(fs: Any, base: str) -> dict[str, dict[str, Any]]:
    try:
        return dict(fs.find(base, detail=True))
    except FileNotFoundError:
        return {}


def _info(fs: Any, path: str) -> dict[str, Any] | None:
    try:
        return dict(fs.info(path))
    except FileNotFoundError:
        return None


def _path(ref: FileRef) -> str:
    return ref.path


def _fitting(listing: tuple[FileRef, ...], pattern: str) -> Iterator[FileRef]:
    """Only files that begin like the pattern are held to it: there are hundreds of patterns."""
    plain = re.split(r"[*?]", pattern, maxsplit=1)[0]
    fixed = pattern.replace("[", "[[]")
    for place in range(bisect_left(listing, plain, key=_path), len(listing)):
        if not listing[place].path.startswith(plain):
            return
        if fnmatchcase(listing[place].path, fixed):
            yield listing[place]


@lru_cache(maxsize=64)
def _listing(uri: str, files: tuple[str, ...]) -> tuple[FileRef, ...]:
    scheme = uri.partition("://")[0]
    prefix = filesystem(uri)[1].rstrip("/") + "/"
    refs = []
    for name, info in _entries(uri, files):
        etag, checksum = _etag(scheme, info)
        path = str(name).removeprefix(prefix)
        refs.append(FileRef(path, int(info["size"] or 0), etag, checksum))
    return tuple(sorted(refs, key=lambda ref: ref.path))


def _etag(scheme: str, info: dict[str, Any]) -> tuple[str, str]:
    """(etag, checksum) as the kinds of server give them; empty where they do not."""
    if scheme == "hf":
        large = info.get("lfs")
        if large is not None:
            return str(large["sha256"]), f"sha256:{large['sha256']}"
        blob = str(info.get("blob_id") or "")
        return blob, f"git:{blob}" if blob else ""
    etag = clean_etag(str(info.get("ETag") or info.get("etag") or ""))
    if scheme in ("s3", "s3a") and len(etag) == 32:  # one of several parts ends on -<parts>
        return etag, f"s3:{etag}"
    md5 = info.get("md5Hash")
    return etag, f"md5:{b64decode(md5).hex()}" if md5 else ""


@dataclass(frozen=True, slots=True)
class Root:
    """The folder URI that holds one upstream repository's files exactly as upstream lays them out.

    `repo` is the upstream's own id of it, `revision` the version that `uri` holds. `files` names
    the files where a server cannot list them. With `cache`, remote files other than Parquet are
    downloaded whole before they are read. The listing is cached for the life of the process.
    Picklable, so tasks carry it.
    """

    uri: str
    repo: str
    revision: str = "main"
    files: tuple[str, ...] = ()
    cache: DownloadCache | None = None

    def glob(self, *patterns: str) -> list[FileRef]:
        """Files whose path fits any shell pattern, sorted; `*` also crosses folders.

        `[` is taken literally: upstream folder names hold brackets, parentheses and commas.
        """
        listing = _listing(self.uri, self.files)
        return sorted({ref for p in patterns for ref in _fitting(listing, p)}, key=_path)

    def open(self, file: FileRef | str) -> IO[bytes]:
        """A seekable binary file; a path alone is looked up in the listing, which costs one.

        SourceError where it is not there, may not be read, or has changed since it was listed.
        """
        path = file if isinstance(file, str) else file.path
        if is_local(self.uri):
            try:
                return local_path(join(self.uri, path)).open("rb")
            except OSError as error:
                raise SourceError(f"{join(self.uri, path)}: {error.strerror}") from error
        facts = self.facts(self._listed(path) if isinstance(file, str) else file)
        if self.cache is not None and not path.endswith(".parquet"):
            handle = self.cache.open(facts)
            if handle is not None:
                return handle
        return cast(IO[bytes], RemoteFile(facts))

    def facts(self, file: FileRef) -> RemoteFacts:
        return RemoteFacts(self.uri, file.path, self.repo, file.size, file.etag, file.checksum)

    def _listed(self, path: str) -> FileRef:
        for ref in _listing(self.uri, self.files):
            if ref.path == path:
                return ref
        raise SourceError(f"{join(self.uri, path)} is not there")
