"""What JSON rows of upstreams share: an unpacked stream, an object, media paths, and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa

from sources.conversations import RowError
from sources.readers.json_array import JsonRow
from sources.root import FileRef, Root

_PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}


@contextmanager
def open_rows(root: Root, file: FileRef) -> Iterator[IO[bytes]]:
    """The file's text as a stream, unpacked by its suffix."""
    codec = next((name for suffix, name in _PACKED.items() if file.path.endswith(suffix)), None)
    with root.open(file.path) as handle:
        if codec is None:
            yield handle
        else:
            with pa.CompressedInputStream(handle, codec) as unpacked:
                yield unpacked


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
    paths = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
        raise RowError("row_malformed", f"{field} is no path and no list of paths")
    return paths


def without(row: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The columns that have no place in a draft; nulls are left out."""
    return {key: value for key, value in row.items() if key not in fields and value is not None}
