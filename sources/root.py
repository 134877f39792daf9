"""A read-only view of where upstream files lie: a mirror folder, a bucket, or the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import IO, Any

from manifests.errors import SourceError
from manifests.storage import filesystem, is_local, join, local_path


@dataclass(frozen=True, slots=True)
class FileRef:
    """An upstream file: path relative to its root, size in bytes, etag where one is known."""

    path: str
    size: int
    etag: str = ""


def _entries(uri: str, files: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    fs, base = filesystem(uri)
    try:
        if files:
            return {f"{base}/{name}": fs.info(f"{base}/{name}") for name in files}
        return dict(fs.find(base, detail=True))
    except FileNotFoundError:
        return {}


@lru_cache(maxsize=64)
def _listing(uri: str, files: tuple[str, ...]) -> tuple[FileRef, ...]:
    _, base = filesystem(uri)
    prefix = base.rstrip("/") + "/"
    refs = []
    for name, info in _entries(uri, files).items():
        etag = info.get("ETag") or info.get("etag") or info.get("blob_id") or ""
        path = str(name).removeprefix(prefix)
        refs.append(FileRef(path=path, size=int(info["size"] or 0), etag=str(etag).strip('"')))
    return tuple(sorted(refs, key=lambda ref: ref.path))


@dataclass(frozen=True, slots=True)
class Root:
    """The folder URI that holds one upstream repository's files exactly as upstream lays them out.

    `repo` is the upstream's own id of it, `revision` the version that `uri` holds. `files` names
    the files where a server cannot list them. The listing is cached for the life of the process.
    Picklable, so tasks carry it.
    """

    uri: str
    repo: str
    revision: str = "main"
    files: tuple[str, ...] = ()

    def glob(self, *patterns: str) -> list[FileRef]:
        """Files whose path fits any shell pattern, sorted; `*` also crosses folders.

        `[` is taken literally: upstream folder names hold brackets, parentheses and commas.
        """
        fixed = [pattern.replace("[", "[[]") for pattern in patterns]
        listing = _listing(self.uri, self.files)
        return [ref for ref in listing if any(fnmatchcase(ref.path, p) for p in fixed)]

    def open(self, path: str) -> IO[bytes]:
        """A seekable binary file; remote ones read ahead in blocks."""
        if is_local(self.uri):
            try:
                return local_path(join(self.uri, path)).open("rb")
            except OSError as error:
                raise SourceError(f"{join(self.uri, path)}: {error.strerror}") from error
        fs, base = filesystem(self.uri)
        handle: Any = fs.open(f"{base}/{path}", "rb")
        return handle  # type: ignore[no-any-return]
