"""Members of zip archives, in the order in which they lie: one pass forward over the parts."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

from sources.readers.members import Member, Want, Wanted, clean_name, is_unsafe, take, too_large
from sources.readers.zip_directory import (
    LOCAL,
    LOCAL_MAGIC,
    Damaged,
    Entry,
    Parts,
    read_directory,
    walk_members,
)

ZIP_MAGIC = b"PK"
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1


def read_zip(parts: Parts, wanted: Wanted, spool: Path, by_name: bool = False) -> Iterator[Member]:
    """Wanted members, as they lie or sorted; a damaged one is `archive_damaged` and costs itself.

    Where the directory at the end is lost, members are found by their own headers from the start,
    and what follows the last of them is one more `archive_damaged` without a name.
    """
    loss = ""
    try:
        entries = sorted(read_directory(parts), key=lambda entry: entry.offset)
    except Damaged as error:
        entries, loss = list(walk_members(parts)), str(error)
    for entry, is_overlap in _ordered(entries, by_name):
        want = None if entry.name.endswith("/") else wanted(clean_name(entry.name))
        if want is not None:
            yield _member(parts, entry, want, spool, is_overlap)
    if loss:
        yield Member("", reason="archive_damaged", detail=loss)


def _ordered(entries: list[Entry], by_name: bool) -> Iterator[tuple[Entry, bool]]:
    """Entries, which come by their offsets, each with whether it lies inside another."""
    overlaps, free = [], 0
    for entry in entries:
        overlaps.append(entry.offset < free)
        free = max(free, entry.offset + LOCAL.size + entry.packed)
    found = list(zip(entries, overlaps, strict=True))
    return iter(sorted(found, key=lambda item: clean_name(item[0].name)) if by_name else found)


def _member(parts: Parts, entry: Entry, want: Want, spool: Path, is_overlap: bool) -> Member:
    name = clean_name(entry.name)
    if entry.is_special or is_unsafe(name):
        return Member(
            name, reason="member_unsafe", detail=f"a link, or a path that leads out: {name}"
        )
    if entry.size > want.max_bytes:
        return too_large(name, want)
    try:
        if is_overlap:
            raise Damaged("it lies inside another member")
        return take(name, _Unpacked(parts, entry).read, want, spool)
    except (Damaged, zlib.error) as error:
        return Member(name, reason="archive_damaged", detail=str(error))


class _Unpacked:
    """A member's bytes, checked against the size and the checksum that the archive states."""

    def __init__(self, parts: Parts, entry: Entry) -> None:
        if entry.flags & _ENCRYPTED:
            raise Damaged("it is encrypted")
        if entry.method not in (_STORED, _DEFLATED):
            raise Damaged(f"compression method {entry.method} is not supported")
        header = parts.read(entry.offset, LOCAL.size)
        if len(header) < LOCAL.size or not header.startswith(LOCAL_MAGIC):
            raise Damaged(f"no member begins at byte {entry.offset}")
        *_, name_length, extra_length = LOCAL.unpack(header)
        self._parts = parts
        self._entry = entry
        self._place = entry.offset + LOCAL.size + name_length + extra_length
        self._left = entry.packed
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method else None
        self._packed = b""
        self._size = 0
        self._crc = 0

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, empty at the checked end; Damaged or zlib.error where it fails."""
        data = self._inflated(size) if self._inflate else self._raw(size)
        self._size += len(data)
        self._crc = zlib.crc32(data, self._crc)
        if not data and (self._size, self._crc) != (self._entry.size, self._entry.crc):
            raise Damaged(f"{self._size} of {self._entry.size} bytes, or the checksum is wrong")
        return data

    def _raw(self, size: int) -> bytes:
        data = self._parts.read(self._place, min(size, self._left))
        self._place += len(data)
        self._left -= len(data)
        return data

    def _inflated(self, size: int) -> bytes:
        assert self._inflate is not None
        data = b""
        while not data and not self._inflate.eof:
            packed = self._packed or self._raw(size)
            data = self._inflate.decompress(packed, size) if packed else self._inflate.flush()
            self._packed = self._inflate.unconsumed_tail
            if not packed and not data:
                raise Damaged("its compressed data are cut")
        return data
