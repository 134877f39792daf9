"""Members of zip archives, whole or split into .z01, .z02 ... .zip, zip64 or not.

The standard library refuses zip64 archives of several parts and takes offsets in the smaller ones
for offsets in the last part, so the records are read here (PKWARE APPNOTE 6.3.10, sections 4.3 to
4.5). Members come in the order in which they lie, which is one pass forward over the parts.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sources.readers.members import Member, Want, Wanted, clean_name, is_unsafe, take, too_large

ZIP_MAGIC = b"PK"
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64_PLACE = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_SPLIT_MAGIC = b"PK\7\x08"
_MAX_COMMENT = 0xFFFF
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
# About 5 M members; more is no dataset of images.
_MAX_DIRECTORY_BYTES = 512 * 1024 * 1024
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 0x1, 0x8, 0x800
_UNIX, _TYPE_BITS, _REGULAR = 3, 0xF000, (0, 0x8000)


class Damaged(Exception):
    """A part of the archive cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """`offset` of the local header counts from the first part's first byte."""

    name: str
    offset: int
    packed: int
    size: int
    crc: int
    method: int
    flags: int
    is_special: bool = False


class Parts:
    """Files that follow each other, read as one; `starts` are the offsets where they begin."""

    def __init__(self, handles: Sequence[IO[bytes]], sizes: Sequence[int]) -> None:
        self._handles = handles
        self._sizes = sizes
        self.starts = [sum(sizes[:i]) for i in range(len(sizes))]
        self.size = sum(sizes)

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes at `offset`; fewer at the end."""
        found = []
        for handle, start, length in zip(self._handles, self.starts, self._sizes, strict=True):
            inside = offset - start
            if 0 <= inside < length and size > 0:
                handle.seek(inside)
                found.append(handle.read(min(size, length - inside)))
                offset += len(found[-1])
                size -= len(found[-1])
        return b"".join(found)


def read_zip(parts: Parts, wanted: Wanted, spool: Path) -> Iterator[Member]:
    """Wanted members; a damaged one is `archive_damaged` and costs itself.

    Where the directory at the end is lost, members are found by their own headers from the start,
    and what follows the last of them is one more `archive_damaged` without a name.
    """
    loss = ""
    try:
        entries = sorted(_directory(parts), key=lambda entry: entry.offset)
    except Damaged as error:
        entries, loss = list(_walk(parts)), str(error)
    free = 0
    for entry in entries:
        want = None if entry.name.endswith("/") else wanted(clean_name(entry.name))
        if want is not None:
            yield _member(parts, entry, want, spool, is_overlap=entry.offset < free)
        free = max(free, entry.offset + _LOCAL.size + entry.packed)
    if loss:
        yield Member("", reason="archive_damaged", detail=loss)


def _member(parts: Parts, entry: _Entry, want: Want, spool: Path, is_overlap: bool) -> Member:
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

    def __init__(self, parts: Parts, entry: _Entry) -> None:
        if entry.flags & _ENCRYPTED:
            raise Damaged("it is encrypted")
        if entry.method not in (_STORED, _DEFLATED):
            raise Damaged(f"compression method {entry.method} is not supported")
        header = parts.read(entry.offset, _LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
            raise Damaged(f"no member begins at byte {entry.offset}")
        *_, name_length, extra_length = _LOCAL.unpack(header)
        self._parts = parts
        self._entry = entry
        self._place = entry.offset + _LOCAL.size + name_length + extra_length
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


def _directory(parts: Parts) -> list[_Entry]:
    """All entries of the central directory, offsets made absolute."""
    begin, size, count, shift = _directory_place(parts)
    data = parts.read(begin, size)
    entries: list[_Entry] = []
    place = 0
    while place + _CENTRAL.size <= len(data) and len(entries) < count:
        entry, place = _central_entry(parts, data, place, shift)
        entries.append(entry)
    if len(entries) < count:
        raise Damaged(f"the directory names {len(entries)} of {count} members")
    return entries


def _directory_place(parts: Parts) -> tuple[int, int, int, int]:
    """Of the directory: first byte, size, number of entries; and by how much offsets are off."""
    tail_start = max(0, parts.size - _MAX_COMMENT - _END.size)
    tail = parts.read(tail_start, parts.size - tail_start)
    found = _find_end(tail)
    end = tail_start + found
    _, disk, first_disk, _, count, size, offset, _ = _END.unpack_from(tail, found)
    place64 = parts.read(end - _END64_PLACE.size, _END64_PLACE.size) if end else b""
    if place64.startswith(b"PK\6\7"):
        end, disk, first_disk, count, size, offset = _end64(parts, place64)
    if disk + 1 != len(parts.starts) or first_disk > disk:
        raise Damaged(f"the archive has {disk + 1} parts; {len(parts.starts)} are here")
    begin = parts.starts[first_disk] + offset
    # A program or a note may stand before an archive of one part: its offsets do not count it.
    shift = end - size - begin if disk == 0 else 0
    if shift < 0 or size > _MAX_DIRECTORY_BYTES:
        raise Damaged(f"a directory of {size} bytes at {begin} cannot end at {end}")
    return begin + shift, size, count, shift


def _find_end(tail: bytes) -> int:
    """Where the end record begins: the last one whose comment fills the rest, for comments may
    hold anything; else the last one, for anything may follow an archive.
    """
    places = [match.start() for match in re.finditer(b"PK\5\6", tail[: -_END.size + 4])]
    if not places:
        raise Damaged("no directory at the end: the archive is cut, or its last part is missing")
    for place in reversed(places):
        if place + _END.size + _END.unpack_from(tail, place)[-1] == len(tail):
            return place
    return places[-1]


def _end64(parts: Parts, place: bytes) -> tuple[int, int, int, int, int, int]:
    """(where it lies, disk, disk of the directory, entries, size, offset) of the zip64 end."""
    _, disk, offset, _ = _END64_PLACE.unpack(place)
    begin = parts.starts[disk] + offset if disk < len(parts.starts) else parts.size
    data = parts.read(begin, _END64.size)
    if len(data) < _END64.size or not data.startswith(b"PK\6\6"):
        raise Damaged("the zip64 directory is not where the archive says")
    _, _, _, _, disk, first_disk, _, count, size, offset = _END64.unpack(data)
    return begin, disk, first_disk, count, size, offset


def _central_entry(parts: Parts, data: bytes, place: int, shift: int) -> tuple[_Entry, int]:
    fields = _CENTRAL.unpack_from(data, place)
    magic, made_by, _, flags, method, _, _, crc, packed, size = fields[:10]
    name_length, extra_length, comment_length, disk, _, attributes, offset = fields[10:]
    if magic != b"PK\1\2":
        raise Damaged(f"the directory is damaged {place} bytes after its begin")
    name_end = place + _CENTRAL.size + name_length
    extra = data[name_end : name_end + extra_length]
    size, packed, offset, disk = _zip64(extra, size, packed, offset, disk)
    if disk >= len(parts.starts):
        raise Damaged(f"a member lies in part {disk + 1}; {len(parts.starts)} are here")
    kind = (attributes >> 16) & _TYPE_BITS if made_by >> 8 == _UNIX else 0
    name = _text(data[place + _CENTRAL.size : name_end], flags)
    absolute = parts.starts[disk] + offset + shift
    is_special = kind not in _REGULAR and not name.endswith("/")
    entry = _Entry(name, absolute, packed, size, crc, method, flags, is_special)
    return entry, name_end + extra_length + comment_length


def _zip64(extra: bytes, size: int, packed: int, offset: int, disk: int) -> tuple[int, ...]:
    """(size, packed, offset, disk); those too large for their fields are taken from `extra`."""
    values = [size, packed, offset, disk]
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind != 1:
            continue
        for index, (full, code) in enumerate([(_FULL32, "<Q")] * 3 + [(_FULL16, "<L")]):
            width = struct.calcsize(code)
            if values[index] == full and len(body) >= width:
                values[index], body = struct.unpack_from(code, body)[0], body[width:]
    return tuple(values)


def _text(name: bytes, flags: int) -> str:
    """UTF-8 where a flag says so, in practice elsewhere too; else the PC's old character set."""
    if flags & _UTF8:
        return name.decode("utf-8", "replace")
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp437")


def _walk(parts: Parts) -> Iterator[_Entry]:
    """Entries by their own headers, from the first part on, as far as these follow each other."""
    place = 4 if parts.read(0, 4) == _SPLIT_MAGIC else 0
    while len(header := parts.read(place, _LOCAL.size)) == _LOCAL.size:
        magic, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack(header)
        if magic != b"PK\3\4" or flags & _SIZES_FOLLOW:
            return
        rest = parts.read(place + _LOCAL.size, names + extras)
        size, packed, *_ = _zip64(rest[names:], size, packed, 0, 0)
        yield _Entry(_text(rest[:names], flags), place, packed, size, crc, method, flags)
        place += _LOCAL.size + names + extras + packed
