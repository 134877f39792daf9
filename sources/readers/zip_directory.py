"""Where the members of a zip lie: its directory, in one part or several, zip64 or not.

The standard library refuses zip64 archives of several parts, and in the smaller ones takes offsets
as if all members lay in the last part. So the records are read here (PKWARE APPNOTE 6.3.10,
sections 4.3 to 4.5).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

LOCAL = struct.Struct("<4s5H3L2H")
LOCAL_MAGIC = b"PK\3\4"
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64_PLACE = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_SPLIT_MAGIC = b"PK\7\x08"
_MAX_COMMENT = 0xFFFF
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
# About 5 M members; more is no dataset of images.
_MAX_DIRECTORY_BYTES = 512 * 1024 * 1024
_SIZES_FOLLOW, _UTF8 = 0x8, 0x800
_UNIX, _TYPE_BITS, _REGULAR = 3, 0xF000, (0, 0x8000)


class Damaged(Exception):
    """A part of the archive cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Entry:
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


def read_directory(parts: Parts) -> list[Entry]:
    """All entries of the central directory, offsets made absolute."""
    begin, size, count, shift = _directory_place(parts)
    data = parts.read(begin, size)
    entries: list[Entry] = []
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


def _central_entry(parts: Parts, data: bytes, place: int, shift: int) -> tuple[Entry, int]:
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
    entry = Entry(name, absolute, packed, size, crc, method, flags, is_special)
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


def walk_members(parts: Parts) -> Iterator[Entry]:
    """Entries by their own headers, from the first part on, as far as these follow each other."""
    place = 4 if parts.read(0, 4) == _SPLIT_MAGIC else 0
    while len(header := parts.read(place, LOCAL.size)) == LOCAL.size:
        magic, _, flags, method, _, _, crc, packed, size, names, extras = LOCAL.unpack(header)
        if magic != LOCAL_MAGIC or flags & _SIZES_FOLLOW:
            return
        rest = parts.read(place + LOCAL.size, names + extras)
        size, packed, *_ = _zip64(rest[names:], size, packed, 0, 0)
        yield Entry(_text(rest[:names], flags), place, packed, size, crc, method, flags)
        place += LOCAL.size + names + extras + packed
