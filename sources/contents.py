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
import time
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import fsspec

from manifests.errors import SourceError
from manifests.storage import filesystem, join
from sources.base import RowShard
from sources.conversations import RowError
from sources.documents import DocumentSource
from sources.root import Root

# One task's rows: well under a minute at 32 requests of some 50 ms each.
_ROWS_A_SHARD = 16_384
_NUM_REQUESTS = 32
# Rows that are asked for ahead of the one that is waited for.
_LOOKAHEAD = 2 * _NUM_REQUESTS
_NUM_TRIES = 6
_FIRST_PAUSE = 0.5  # seconds; doubled after each try
_LONGEST_PAUSE = 60.0
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
        once where reading is not allowed.
        """
        packed = self._packed(blob_id)
        return None if packed is None else _unpack(packed)

    def _packed(self, blob_id: str) -> bytes | None:
        fs, base = _open(self.uri, self.public)
        for number in range(_NUM_TRIES):
            try:
                return bytes(fs.cat_file(f"{base}/{blob_id}"))
            except FileNotFoundError as error:
                if _code(error) != "NoSuchBucket":
                    return None
                raise SourceError(f"{self.uri}: there is no such bucket") from error
            except PermissionError as error:
                raise SourceError(f"{self.uri}/{blob_id} may not be read: {error}") from error
            except Exception as error:  # network libraries raise of everything
                last = error
            if number + 1 < _NUM_TRIES:
                time.sleep(_pause(last, number))
        raise SourceError(
            f"{self.uri}/{blob_id} cannot be fetched after {_NUM_TRIES} tries "
            f"({type(last).__name__}: {last}); what is finished is kept: run the same command again"
        ) from last


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
def _open(uri: str, public: bool) -> tuple[Any, str]:
    """The file system and the folder in it; tries are ours, since we keep to Retry-After."""
    if not public:
        return filesystem(uri)
    once = {"retries": {"total_max_attempts": 1}}
    fs = fsspec.filesystem("s3", anon=True, config_kwargs=once)
    fs.retries = 1
    return fs, uri.split("://", 1)[-1]


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


def _response(error: BaseException) -> dict[str, Any]:
    """What an S3 server answered, where the error is one of its."""
    cause: Any = error.__cause__ or error
    found = getattr(cause, "response", None)
    return found if isinstance(found, dict) else {}


def _code(error: BaseException) -> str:
    return str(_response(error).get("Error", {}).get("Code", ""))


def _pause(error: BaseException, number: int) -> float:
    """Seconds before the next try: as the server asks, else doubling."""
    headers = _response(error).get("ResponseMetadata", {}).get("HTTPHeaders", {})
    asked = str(headers.get("retry-after", ""))
    wanted = float(asked) if asked.isdigit() else _FIRST_PAUSE * 2**number
    return min(wanted, _LONGEST_PAUSE)
