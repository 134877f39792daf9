"""Rows of the JSON members of a zip: one object a member, or one array."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path, PurePosixPath

from sources.conversations import RowError
from sources.readers.archives import read_archive
from sources.readers.json_array import JsonRow, read_json_rows
from sources.readers.members import Member, Want
from sources.readers.rows import json_document
from sources.root import FileRef, Root

_MIB = 1024 * 1024
# Far above any of them (an array of 29,837 rows is 18 MB). Both bounds are the same, so that no
# member is ever spooled.
_MEMBER = Want(max_bytes=256 * _MIB, memory_bytes=256 * _MIB)
_BOM = b"\xef\xbb\xbf"


def read_zipped_rows(
    root: Root, file: FileRef, is_wanted: Callable[[str], bool]
) -> Iterator[JsonRow]:
    """Rows of all wanted members, numbered through in the order in which these lie.

    A member that cannot be read is one row, and so is the rest of an archive that is cut. The `._x`
    shadows that macOS packs are passed over.
    """

    def wanted(name: str) -> Want | None:
        shadow = PurePosixPath(name).name.startswith("._")
        return _MEMBER if is_wanted(name) and not shadow else None

    numbers = count()
    for member in read_archive(root, (file,), wanted, Path()):
        for row in _rows(member):
            yield row._replace(row=next(numbers))


def _rows(member: Member) -> Iterator[JsonRow]:
    if member.data is None:
        reason = "row_malformed" if member.name else "json_malformed"
        yield JsonRow(0, None, reason, f"{member.name or 'the archive'}: {member.detail}")
        return
    if member.data.removeprefix(_BOM).lstrip().startswith(b"["):
        yield from read_json_rows(io.BytesIO(member.data))
        return
    # A file of one object would be taken for an object around an array.
    try:
        yield JsonRow(0, json_document(member.data))
    except RowError as error:
        yield JsonRow(0, None, error.reason, f"{member.name}: {error.detail}")
