"""Metadata out of TIFF: entries leave their directory, their values become zeros.

Nothing moves, for offsets point everywhere. Gone are the EXIF and GPS directories, XMP, IPTC,
Photoshop, texts, dates and GeoTIFF's places, of all pages. Not touched: tags that no list here
names (some decide pixels), bytes that no tag points to, and segments inside JPEG-coded strips.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from manifests.image_edits import ORIENTATION_TAG, MetadataError, find_orientation

# TIFF 6.0, EXIF 2.3, XMP, Adobe's notes, GeoTIFF 1.1, DNG 1.7.
_EXIF, _GPS, _INTEROP, _SUB_IMAGES, _XMP = 34665, 34853, 40965, 330, 700
_METADATA = frozenset(
    # Names, description, maker, page, software, date, artist, host, copyright.
    [269, 270, 271, 272, 285, 305, 306, 315, 316, 33432]
    + [_XMP, 33723, 34377, 37724, _EXIF, _GPS, _INTEROP, 37500, 50341]
    + [33550, 33920, 33922, 34264, 34735, 34736, 34737, 42112, 42113]
    # Windows' titles and authors; DNG's camera, serial number, lens, private data and file name.
    + [*range(40091, 40096), 50708, 50735, 50736, 50740, 50781, 50827]
)
# Bytes of a value of each field type, with BigTIFF's.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TYPE_BYTES |= {16: 8, 17: 8, 18: 8}
_WHOLE = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
# Where coded data lies: (offsets, lengths) of strips, tiles and old-style JPEG.
_DATA_TAGS = ((273, 279), (324, 325), (513, 514))
_MAX_DIRECTORIES = 10_000

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Entry:
    """`raw` is the entry itself; `value` the range of what it holds, `is_inline` inside of it."""

    tag: int
    kind: int
    raw: bytes
    value: Range
    is_inline: bool


def strip_tiff(data: bytes) -> bytes:
    """The same pages without metadata, of the same length; MetadataError where that is not sound:

    directories that run in circles or out of the file, values that overlap what is kept.
    """
    walk = _Walk(data)
    walk.run()
    return walk.result()


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data = data
        order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
        version = data[2:4] if order == "<" else data[3:1:-1]
        if not order or version not in (b"\x2a\0", b"\x2b\0"):
            raise MetadataError("the TIFF header is broken")
        is_big = version[0] == 0x2B
        # BigTIFF: longer counts and offsets.
        self._count, self._offset = (order + "Q",) * 2 if is_big else (order + "H", order + "I")
        self._order, self._head = order, 16 if is_big else 8
        self._kept: list[Range] = [(0, self._head)]
        self._blank: list[Range] = []
        self._written: list[tuple[int, bytes]] = []
        self._seen: set[int] = set()
        self._sub_images: list[int] = []

    def _number(self, form: str, at: int) -> int:
        try:
            value: int = struct.unpack_from(form, self._data, at)[0]
        except struct.error as error:
            raise MetadataError("the TIFF ends inside a directory") from error
        return value

    def run(self) -> None:
        """All pages, and the smaller images that they have."""
        self._sub_images = [self._number(self._offset, self._head - struct.calcsize(self._offset))]
        while self._sub_images:
            self._chain(self._sub_images.pop())

    def _chain(self, offset: int) -> None:
        while offset:
            if offset in self._seen or len(self._seen) == _MAX_DIRECTORIES:
                raise MetadataError("the TIFF's directories run in circles")
            self._seen.add(offset)
            entries, end = self._directory(offset)
            for entry in entries:
                self._keep_or_blank(entry)
            self._keep_data(entries)
            kept = self._kept_entries(entries)
            following = self._number(self._offset, end)
            end += struct.calcsize(self._offset)
            self._kept.append((offset, end))
            table = struct.pack(self._count, len(kept)) + b"".join(kept)
            table += struct.pack(self._offset, following)
            self._written.append((offset, table.ljust(end - offset, b"\0")))
            offset = following

    def _directory(self, offset: int) -> tuple[list[_Entry], int]:
        """(entries, where the offset of the next directory stands)."""
        count = self._number(self._count, offset)
        wide = struct.calcsize(self._offset)
        size = 4 + 2 * wide
        begin = offset + struct.calcsize(self._count)
        end = begin + count * size
        if end > len(self._data):
            raise MetadataError("the TIFF ends inside a directory")
        entries = []
        for at in range(begin, end, size):
            tag, kind = struct.unpack_from(self._order + "HH", self._data, at)
            length = self._number(self._offset, at + 4) * _TYPE_BYTES.get(kind, 0)
            is_inline = length <= wide
            place = at + 4 + wide if is_inline else self._number(self._offset, at + 4 + wide)
            value = (place, min(place + length, len(self._data)))
            entries.append(_Entry(tag, kind, self._data[at : at + size], value, is_inline))
        return entries, end

    def _kept_entries(self, entries: list[_Entry]) -> list[bytes]:
        """As they are; an orientation that only XMP gave takes a place that XMP leaves."""
        kept = [entry for entry in entries if entry.tag not in _METADATA]
        raw = [entry.raw for entry in kept]
        by_tag = {entry.tag: entry for entry in entries}
        if ORIENTATION_TAG not in by_tag and _XMP in by_tag:
            turn = find_orientation(b"", self._data[slice(*by_tag[_XMP].value)])
            if turn is not None:
                entry = struct.pack(self._order + "HH", ORIENTATION_TAG, 3)
                entry += struct.pack(self._offset, 1) + struct.pack(self._order + "H", turn)
                before = sum(other.tag < ORIENTATION_TAG for other in kept)
                raw.insert(before, entry.ljust(len(by_tag[_XMP].raw), b"\0"))
        return raw

    def _keep_or_blank(self, entry: _Entry) -> None:
        if entry.tag in (_EXIF, _GPS, _INTEROP):
            self._blank_directories(list(self._values(entry)))
        elif entry.tag == _SUB_IMAGES:
            self._sub_images += self._values(entry)
        if not entry.is_inline:
            (self._blank if entry.tag in _METADATA else self._kept).append(entry.value)

    def _blank_directories(self, offsets: list[int]) -> None:
        """Those at `offsets`, and those inside of them; what is not in the file needs none."""
        while offsets:
            offset = offsets.pop()
            if offset in self._seen or offset >= len(self._data):
                continue
            self._seen.add(offset)
            entries, end = self._directory(offset)
            self._blank.append((offset, end + struct.calcsize(self._offset)))
            self._blank += [entry.value for entry in entries if not entry.is_inline]
            for entry in entries:
                if entry.tag in (_EXIF, _GPS, _INTEROP):
                    offsets += self._values(entry)

    def _values(self, entry: _Entry) -> tuple[int, ...]:
        form = _WHOLE.get(entry.kind)
        if form is None:
            return ()
        begin, end = entry.value
        number = (end - begin) // struct.calcsize(form)
        if number < 1:
            return ()
        return struct.unpack_from(f"{self._order}{number}{form}", self._data, begin)

    def _keep_data(self, entries: list[_Entry]) -> None:
        by_tag = {entry.tag: entry for entry in entries}
        for offsets, lengths in _DATA_TAGS:
            if offsets in by_tag and lengths in by_tag:
                pairs = zip(
                    self._values(by_tag[offsets]), self._values(by_tag[lengths]), strict=False
                )
                self._kept += [(begin, begin + length) for begin, length in pairs]

    def result(self) -> bytes:
        if any(_overlaps(self._kept, self._blank)):
            raise MetadataError("the TIFF's metadata overlaps what is kept")
        made = bytearray(self._data)
        for begin, end in self._blank:
            made[begin:end] = bytes(max(min(end, len(made)) - begin, 0))
        for begin, table in self._written:
            made[begin : begin + len(table)] = table
        return self._data if made == self._data else bytes(made)


def _overlaps(kept: list[Range], blank: list[Range]) -> Iterator[bool]:
    """One True for each neighbour in order of place, one kept and one blank, that share a byte."""
    places = [(*place, True) for place in kept] + [(*place, False) for place in blank]
    ends = {True: 0, False: 0}
    for begin, end, is_kept in sorted(places):
        if end > begin:
            yield begin < ends[not is_kept]
            ends[is_kept] = max(ends[is_kept], end)
