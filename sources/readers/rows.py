"""What JSON rows of upstreams share: an unpacked stream, an object, media paths, and the rest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import orjson
import pyarrow as pa

from sources.conversations import RowError
from sources.readers.json_array import DamagedStream, JsonRow
from sources.readers.parquet import is_damage
from sources.root import FileRef, Root

_PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
# Arrow gives nothing of a read in which it meets damage: so much is lost before it, at most.
_PIECE_BYTES = 1024


@contextmanager
def open_rows(root: Root, file: FileRef) -> Iterator[IO[bytes]]:
    """The file's text as a stream, unpacked by its suffix; several frames or members are one text.

    Where a packed file is cut or damaged, `read` gives what lies before and then DamagedStream.
    """
    codec = next((name for suffix, name in _PACKED.items() if file.path.endswith(suffix)), None)
    with root.open(file) as handle:
        if codec is None:
            yield handle
        else:
            with pa.CompressedInputStream(handle, codec) as unpacked:
                yield _Unpacked(unpacked)  # type: ignore[misc]  # `read` is all that rows need


class _Unpacked:
    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self._damage: DamagedStream | None = None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; fewer, or none, only where the text ends or is damaged."""
        pieces: list[bytes] = []
        while size > 0 and self._damage is None and (piece := self._piece(size)):
            pieces.append(piece)
            size -= len(piece)
        if self._damage and not pieces:
            raise self._damage
        return b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        try:
            return bytes(self._stream.read(min(size, _PIECE_BYTES)))
        except (pa.ArrowException, OSError) as error:
            if not is_damage(error):
                raise
            self._damage = DamagedStream(" ".join(str(error).split()))
            return b""


def rows_by_subset(
    rows: Iterable[JsonRow], subset_of: Callable[[JsonRow], str], start: int, stop: int | None
) -> Iterator[tuple[JsonRow, str]]:
    """Rows of a file of several subsets, each with its own; [start, stop) counts within each."""
    seen: Counter[str] = Counter()
    for row in rows:
        subset = subset_of(row)
        number = seen[subset]
        seen[subset] += 1
        if start <= number and (stop is None or number < stop):
            yield row, subset


def json_document(data: bytes) -> Any:
    """The value of a file that is one JSON document; RowError `json_malformed` where it is none.

    A byte order mark is read over; NaN and Infinity, which Python writes, become null.
    """
    try:
        return orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        strict = str(error)
    try:
        lenient = json.loads(data.decode("utf-8-sig"), parse_constant=lambda _: None)
        # There and back: lone surrogates, which no file holds, fail.
        return orjson.loads(orjson.dumps(lenient))
    except (ValueError, RecursionError, TypeError) as error:
        raise RowError("json_malformed", strict) from error


def row_object(row: JsonRow) -> dict[str, Any]:
    """The row's object; RowError where it did not parse or is something else."""
    if row.reason is not None:
        raise RowError(row.reason, row.detail)
    if not isinstance(row.value, dict):
        raise RowError("row_malformed", f"the row is of type {type(row.value).__name__}")
    return row.value


def media_paths(row: dict[str, Any], field: str) -> list[str]:
    """The paths under `field`: one text, or a list of them; none where it is null or absent."""
    value = row.get(field)
    if value and isinstance(value, str):
        return [value]
    paths = [] if value is None else value
    if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
        raise RowError("row_malformed", f"{field} is no path and no list of paths")
    return paths


def without(row: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The columns that have no place in a draft; nulls are left out."""
    rest = {key: value for key, value in row.items() if value is not None}
    for field in fields:
        rest.pop(field, None)
    return rest
