"""Texts that upstream names by id and does not ship: fetched from the Software Heritage bucket.

A row has the `blob_id` of a file; its bytes lie gzipped under `<contents>/<blob_id>`, where the
card says `contents`, and are read without credentials. A mirror holds them as
`DIR/softwareheritage/content/<blob_id>`. What is missing there costs its row. What cannot be had
for other reasons ends the task after some tries, and running the same command again continues:
a task covers few rows, so that a kill loses no more than one task's contents.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import fsspec
from fsspec.asyn import sync

from manifests.errors import SourceError
from manifests.storage import filesystem, join
from sources.base import RowShard
from sources.conversations import RowError
from sources.documents import DocumentSource
from sources.retries import Patience, final_error
from sources.root import Root

# One task's rows: about a minute at 32 requests at a time of some 50 ms each.
_ROWS_A_SHARD = 16_384
_NUM_REQUESTS = 32
# Rows that are asked for ahead of the one that is waited for.
_LOOKAHEAD = 2 * _NUM_REQUESTS
# Far above any source file; what unpacks to more is no text to learn from.
_MAX_CONTENT_BYTES = 32 * 1024 * 1024
_BLOB_ID = re.compile("[0-9a-f]{40}")
_CONTENT = "content"

Values = tuple[int, dict[str, Any] | RowError]


class ContentSource(DocumentSource):
    """A source whose subsets with a `blob_id` in the card's columns have their texts elsewhere."""

    def rows(self, root: Root) -> list[RowShard]:
        return [part for shard in super().rows(root) for part in self._parts(shard)]

    def take_text(self, values: dict[str, Any]) -> object:
        content = values.pop(_CONTENT, None)
        if not isinstance(content, bytes):
            return super().take_text(values)
        text, values["decoded_as"] = decode_content(content, values.get("src_encoding"))
        return text

    def _parts(self, shard: RowShard) -> list[RowShard]:
        if not self._by_id(shard.subset) or shard.stop is None:
            return [shard]
        starts = range(shard.start, shard.stop, _ROWS_A_SHARD)
        stops = [min(start + _ROWS_A_SHARD, shard.stop) for start in starts]
        return [replace(shard, start=a, stop=b) for a, b in zip(starts, stops, strict=True)]

    def _by_id(self, subset: str) -> bool:
        return "blob_id" in self.card.columns_of(self.card.subset(subset))

    def _values(self, root: Root, shard: RowShard) -> Iterator[Values]:
        rows = super()._values(root, shard)
        if not self._by_id(shard.subset):
            return rows
        assert self.card.contents is not None, "a card with blob ids says where contents lie"
        return with_contents(rows, contents_of(root, self.card.contents))


@dataclass(frozen=True, slots=True)
class Contents:
    """A folder of gzipped files named by id; `public` is read without credentials."""

    uri: str
    public: bool

    def fetch(self, blob_id: str) -> bytes | None:
        """The unpacked bytes, or None where there are none of that id.

        RowError `content_damaged` and `content_too_large`; SourceError after the last try, or at
        once where another try cannot help.
        """
        packed = self._packed(blob_id)
        return None if packed is None else _unpack(packed)

    def _packed(self, blob_id: str) -> bytes | None:
        patience = Patience()
        while True:
            try:
                return self._read(blob_id)
            except Exception as error:  # network libraries raise of everything
                if _is_missing(error):
                    return None
                if not patience.wait(error):
                    address = join(self.uri, blob_id)
                    raise final_error(error, address, patience=patience) from error

    def _read(self, blob_id: str) -> bytes:
        if self.public:
            fs = _public_buckets()
            return bytes(sync(fs.loop, _get_object, fs, f"{self.uri}/{blob_id}"))
        fs, path = filesystem(join(self.uri, blob_id))
        return bytes(fs.cat_file(path))


def contents_of(root: Root, address: str) -> Contents:
    """The contents at `address`; where the root lies in a mirror, those of the mirror."""
    mirror = root.uri.removesuffix("/" + root.repo)
    if mirror == root.uri:
        return Contents(address, public=True)
    found = Contents(join(mirror, address.split("://", 1)[-1]), public=False)
    fs, base = filesystem(found.uri)
    if not fs.exists(base):
        raise SourceError(
            f"the mirror has no folder {found.uri}, where the contents of {root.repo} belong, one "
            f"gzipped file for each blob_id, as they lie at {address}"
        )
    return found


def with_contents(rows: Iterator[Values], contents: Contents) -> Iterator[Values]:
    """The same rows in the same order, with the bytes as `content`, or the reason for none."""
    waiting: deque[tuple[int, dict[str, Any] | RowError, Future[bytes | None] | None]] = deque()
    pool = ThreadPoolExecutor(_NUM_REQUESTS, thread_name_prefix="contents")
    try:
        for row, values in rows:
            asked = _blob_id(values)
            future = None if isinstance(asked, RowError) else pool.submit(contents.fetch, asked)
            waiting.append((row, asked if isinstance(asked, RowError) else values, future))
            if len(waiting) > _LOOKAHEAD:
                yield _filled(*waiting.popleft())
        while waiting:
            yield _filled(*waiting.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def decode_content(content: bytes, encoding: object) -> tuple[str, str]:
    """The text and how it was read: as `encoding`, as utf-8, or as utf-8 with replacements."""
    for name in (encoding, "utf-8"):
        try:
            if isinstance(name, str):
                return content.decode(name), name
        except (LookupError, ValueError):  # no such encoding, or not in it
            continue
    return content.decode("utf-8", errors="replace"), "utf-8 with replacements"


@cache
def _public_buckets() -> Any:
    """S3 without credentials and tries of its own: `Patience` minds Retry-After."""
    config = {"retries": {"total_max_attempts": 1}, "max_pool_connections": _NUM_REQUESTS}
    fs = fsspec.filesystem("s3", anon=True, config_kwargs=config)
    fs.retries = 1
    return fs


async def _get_object(fs: Any, uri: str) -> bytes:
    """One request; s3fs's own `cat_file` makes two."""
    bucket, key, _ = fs.split_path(uri)
    reply = await fs._call_s3("get_object", Bucket=bucket, Key=key)
    async with reply["Body"] as body:
        return bytes(await body.read())


def _is_missing(error: Exception) -> bool:
    """Whether the store holds no such file; s3fs says the same of a bucket that is not there."""
    answer = getattr(error.__cause__, "response", None) or {}
    no_bucket = answer.get("Error", {}).get("Code") == "NoSuchBucket"
    return isinstance(error, FileNotFoundError) and not no_bucket


def _blob_id(values: dict[str, Any] | RowError) -> str | RowError:
    if isinstance(values, RowError):
        return values
    blob_id = values.get("blob_id")
    if isinstance(blob_id, str) and _BLOB_ID.fullmatch(blob_id):
        return blob_id
    return RowError("row_malformed", f"blob_id is {str(blob_id)[:60]!r}, not 40 hex digits")


def _filled(
    row: int, values: dict[str, Any] | RowError, future: Future[bytes | None] | None
) -> Values:
    if future is None or isinstance(values, RowError):
        return row, values
    try:
        content = future.result()
    except RowError as error:
        return row, error
    if content is None:
        return row, RowError("content_missing", f"there is no content {values['blob_id']}")
    return row, {**values, _CONTENT: content}


def _unpack(packed: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            content = stream.read(_MAX_CONTENT_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RowError("content_damaged", f"the content cannot be unpacked: {error}") from error
    if len(content) > _MAX_CONTENT_BYTES:
        raise RowError("content_too_large", f"it unpacks to more than {_MAX_CONTENT_BYTES} bytes")
    return content
