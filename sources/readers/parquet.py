"""Parquet in ranges: shards on row-group borders, nested columns projected, damage kept local.

A leaf is named without the levels that writers put between a list and its items:
`images.list.element.path`, `images.list.item.path` and `images.bag.array_element.path` are all
`images[].path`. Memory: one row group is open at a time, read page by page into small batches.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.errors import SchemaDriftError, SourceError
from manifests.storage import is_local
from sources.conversations import RowError
from sources.root import FileRef, Root

# A task reads about this much (uncompressed, all columns): seconds of work, and a file of 450 MB,
# as The Cauldron has them, makes two.
SHARD_BYTES = 256 * 1024 * 1024
BATCH_BYTES = 8 * 1024 * 1024
_MAX_BATCH_ROWS = 256
_PAGE_BUFFER_BYTES = 1024 * 1024
_NUM_FOOTER_THREADS = 8
_LIST_LEVELS = re.compile(r"\.(?:list|bag)\.(?:element|item|array|array_element)(?=\.|$)")

Wanted = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's footer: its leaf names, and (rows, uncompressed bytes) of each row group."""

    leaves: tuple[str, ...]
    groups: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows of a file; `start` is the first one's number in it."""

    start: int
    records: pa.RecordBatch

    @property
    def stop(self) -> int:
        return self.start + int(self.records.num_rows)


@dataclass(frozen=True, slots=True)
class Damage:
    """Rows [start, stop) that the footer promises and that cannot be read, and why."""

    start: int
    stop: int
    detail: str


def parquet_shards(
    root: Root,
    files: Iterable[FileRef],
    *required: Sequence[str],
    target_bytes: int = SHARD_BYTES,
) -> list[tuple[FileRef, int, int]]:
    """(file, start, stop) row ranges of about `target_bytes` on row-group borders; reads footers.

    Files keep their order, and empty ones have no range. A file must have all leaves of at least
    one of `required`, or it is a SchemaDriftError. A footer that cannot be read is a SourceError:
    nobody could say how many rows would be missing from the ledger.
    """
    listed = list(files)
    layouts = _layouts(root, listed)
    shards = []
    for file, layout in zip(listed, layouts, strict=True):
        if not any(set(leaves) <= set(layout.leaves) for leaves in required):
            _raise_drift(root, file, layout, required)
        shards += [(file, start, stop) for start, stop in _ranges(layout.groups, target_bytes)]
    return shards


def _layouts(root: Root, files: Sequence[FileRef]) -> list[Layout]:
    """Footers, where they are far away several at a time."""
    read = partial(read_layout, root)
    if is_local(root.uri) or len(files) < 2:
        return list(map(read, files))
    with ThreadPoolExecutor(min(len(files), _NUM_FOOTER_THREADS)) as pool:
        return list(pool.map(read, files))


def _raise_drift(
    root: Root, file: FileRef, layout: Layout, required: Sequence[Sequence[str]]
) -> None:
    looked_for = ", or ".join(" with ".join(leaves) for leaves in required)
    raise SchemaDriftError(
        f"{root.uri}/{file.path} has the columns {', '.join(layout.leaves)}; looked for "
        f"{looked_for}: upstream has changed or this is another file; use the revision that the "
        f"source's card names, or teach its module the new columns"
    )


@lru_cache(maxsize=4096)
def read_layout(root: Root, file: FileRef) -> Layout:
    """Cached for the life of the process: rows and media are listed from the same footers."""
    with _open(root, file) as (parquet, paths):
        meta = parquet.metadata
        groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
        return Layout(
            leaves=tuple(leaf_name(path) for path in paths),
            groups=tuple((group.num_rows, group.total_byte_size) for group in groups),
        )


def leaf_name(path: str) -> str:
    """A Parquet leaf's path with `[]` for each list in it."""
    return _LIST_LEVELS.sub("[]", path)


def column_of(leaf: str) -> str:
    """The top-level column that a leaf belongs to."""
    return re.split(r"[.\[]", leaf, maxsplit=1)[0]


def read_batches(
    root: Root,
    file: FileRef,
    start: int,
    stop: int | None,
    wanted: Wanted,
    batch_bytes: int = BATCH_BYTES,
) -> Iterator[Batch | Damage]:
    """Rows [start, stop) in order, with the leaves that `wanted` accepts, and no others read.

    Batches hold about `batch_bytes` of whole rows, or one row, and their borders do not depend on
    the range: a damaged row group fails at the same row whoever reads it. It costs the rows that
    follow in that group; the next group is read again. Errors of the store itself are raised.
    """
    with _open(root, file) as (parquet, paths):
        meta = parquet.metadata
        columns = [path for path in paths if wanted(leaf_name(path))]
        end = sys.maxsize if stop is None else stop
        first = 0
        for number in range(meta.num_row_groups):
            group = meta.row_group(number)
            if first < end and first + group.num_rows > start:
                stream = parquet.iter_batches(
                    batch_size=_batch_rows(group.num_rows, group.total_byte_size, batch_bytes),
                    row_groups=[number],
                    columns=columns,
                    use_threads=False,
                )
                for piece in _read_group(stream, first, first + group.num_rows, number):
                    yield from _clip(piece, start, end)
                    if piece.stop >= end:
                        return
            first += group.num_rows


def read_rows(
    root: Root, file: FileRef, start: int, stop: int | None, wanted: Wanted
) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    """(row number, row as a dict) in order; an unreadable row is a `row_malformed` error."""
    for piece in read_batches(root, file, start, stop, wanted):
        yield from decode(piece)


def decode(piece: Batch | Damage) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    """A piece's rows as `read_rows` gives them."""
    if isinstance(piece, Batch):
        yield from enumerate(_dicts(piece.records), piece.start)
    else:
        for row in range(piece.start, piece.stop):
            yield row, RowError("row_malformed", piece.detail)


def _read_group(
    stream: Iterator[pa.RecordBatch], first: int, last: int, number: int
) -> Iterator[Batch | Damage]:
    at, detail = first, "it holds fewer rows than the footer says"
    try:
        for records in stream:
            yield Batch(at, records.slice(0, max(0, last - at)))
            at += records.num_rows
    except (pa.ArrowException, OSError) as error:
        if not is_damage(error):
            raise
        detail = " ".join(str(error).split())
    if at < last:
        yield Damage(at, last, f"row group {number} cannot be read: {detail}")


def _batch_rows(num_rows: int, num_bytes: int, batch_bytes: int) -> int:
    """By all columns' bytes: asking for a column's own aborts the process where a footer lies."""
    return max(1, min(_MAX_BATCH_ROWS, batch_bytes * num_rows // max(1, num_bytes)))


def _clip(piece: Batch | Damage, start: int, stop: int) -> Iterator[Batch | Damage]:
    low, high = max(piece.start, start), min(piece.stop, stop)
    if low >= high:
        return
    if isinstance(piece, Batch):
        yield Batch(low, piece.records.slice(low - piece.start, high - low))
    else:
        yield Damage(low, high, piece.detail)


def _dicts(records: pa.RecordBatch) -> list[dict[str, Any] | RowError]:
    """Rows as dicts; what is not UTF-8 or no date there is costs its own row, not its batch."""
    try:
        return list(records.to_pylist())
    except (ValueError, OverflowError) as error:
        if records.num_rows == 1:
            return [RowError("row_malformed", f"a value cannot be read: {error}")]
    return [row for at in range(records.num_rows) for row in _dicts(records.slice(at, 1))]


def _ranges(groups: Sequence[tuple[int, int]], target_bytes: int) -> Iterator[tuple[int, int]]:
    start = stop = size = 0
    for num_rows, num_bytes in groups:
        if size and size + num_bytes > target_bytes:
            yield start, stop
            start, size = stop, 0
        stop += num_rows
        size += num_bytes
    if stop > start:
        yield start, stop


def is_damage(error: BaseException) -> bool:
    """True for what Arrow says of bytes; False for want of memory, a disk's error, the network's.

    Arrow raises its own classes or a bare OSError without a number, and passes on a file object's
    exceptions as they are.
    """
    if isinstance(error, OSError):
        return type(error) is OSError and error.errno is None
    return not isinstance(error, MemoryError)


@contextmanager
def _open(root: Root, file: FileRef) -> Iterator[tuple[pq.ParquetFile, list[str]]]:
    """The open file and the paths of its leaves."""
    with root.open(file) as handle:
        # Arrow reads a local file itself: through Python a page of hundreds of megabytes, as clips
        # make them, would be in memory once more (measured: 3.1 row groups against 2.2).
        native = isinstance(handle, io.BufferedReader)
        try:
            parquet = pq.ParquetFile(
                pa.OSFile(handle.name) if native else handle,
                buffer_size=_PAGE_BUFFER_BYTES,
                pre_buffer=False,
                page_checksum_verification=True,
            )
            schema = parquet.metadata.schema
            paths = [schema.column(i).path for i in range(parquet.metadata.num_columns)]
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise
            raise SourceError(
                f"{root.uri}/{file.path} ({file.size} bytes) is not a whole Parquet file "
                f"({' '.join(str(error).split())}); fetch it again"
            ) from error
        yield parquet, paths
