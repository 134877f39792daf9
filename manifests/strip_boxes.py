"""Metadata out of AVIF and JPEG 2000: its bytes are overwritten, and nothing moves.

In AVIF the items `Exif`, `mime` (XMP) and `uri ` become an empty EXIF, spaces and zeros of equal
length; so the offsets in `iloc` and `stco` hold. Boxes of metadata become `free` ones of zeros. In
JPEG 2000 comments in codestreams become zeros. Orientation is no matter of EXIF or XMP in either:
AVIF turns by `irot` and `imir`, which stay. (Pillow turns by an AVIF's XMP; after this it does not,
so sizes are to be measured afterwards.) Not touched: names of items, dates of an AVIF sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from manifests.image_edits import Edits, MetadataError

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf"}
# ISO 14496-12: users' data and extensions; ISO 15444-1 and -2: XML, labels, rights.
_METADATA = {b"uuid", b"udta", b"xml ", b"bxml", b"uinf", b"asoc", b"lbl ", b"jp2i"}
_METADATA_ITEMS = {b"Exif", b"mime", b"uri "}
# ISO 23008-12, A.2.1: how far the header is (0); then TIFF with a directory of no entries.
_EMPTY_EXIF = bytes(4) + b"MM\0\x2a\0\0\0\x08" + bytes(6)
# ISO 15444-1, table A.2.
_SOC, _SOT, _SOD, _EOC, _COM = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9, 0xFF64

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Box:
    """`begin` is where its size stands, `body` where its content begins, `end` where it ends."""

    kind: bytes
    begin: int
    body: int
    end: int


def strip_avif(data: bytes) -> bytes:
    """The same image without metadata, of the same length; MetadataError where boxes are broken."""
    edits = Edits(data)
    open_boxes = [(0, len(data))]
    while open_boxes:
        for box in _boxes(data, *open_boxes.pop()):
            if box.kind in _METADATA:
                _free(box, edits)
            elif box.kind in _CONTAINERS:
                open_boxes.append((box.body, box.end))
            elif box.kind == b"meta":
                _strip_items(data, box, edits)
    return edits.result()


def strip_jpeg2000(data: bytes) -> bytes:
    """As `strip_avif`, of boxes or of a bare codestream."""
    edits = Edits(data)
    if data.startswith(_SOC.to_bytes(2, "big")):
        _blank_comments(data, 0, len(data), edits)
        return edits.result()
    for box in _boxes(data, 0, len(data)):
        if box.kind in _METADATA:
            _free(box, edits)
        elif box.kind == b"jp2c":
            _blank_comments(data, box.body, box.end, edits)
    return edits.result()


def _boxes(data: bytes, here: int, end: int) -> Iterator[_Box]:
    while here < end:
        size, head = int.from_bytes(data[here : here + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[here + 8 : here + 16], "big"), 16
        elif size == 0:
            size = end - here
        if size < head or here + size > end:
            raise MetadataError(f"the box at byte {here} is broken")
        yield _Box(data[here + 4 : here + 8], here, here + head, here + size)
        here += size


def _free(box: _Box, edits: Edits) -> None:
    edits.replace(box.begin + 4, box.begin + 8, b"free")
    edits.blank(box.body, box.end)


def _strip_items(data: bytes, meta: _Box, edits: Edits) -> None:
    """Overwrites what the metadata items of a `meta` box point to."""
    boxes = list(_boxes(data, meta.body + 4, meta.end))
    for box in boxes:
        if box.kind in _METADATA:
            _free(box, edits)
    found = {box.kind: box for box in boxes}
    if b"iinf" not in found or b"iloc" not in found:
        return
    kinds = dict(_items(data, found[b"iinf"]))
    store = found.get(b"idat")
    extents = list(_Locations(data, found[b"iloc"], store.body if store else None).read())
    kept = [place for item, place in extents if kinds.get(item) not in _METADATA_ITEMS]
    for item, (begin, end) in extents:
        kind = kinds.get(item)
        if kind in _METADATA_ITEMS and begin < end:
            if end > len(data) or any(begin < last and first < end for first, last in kept):
                raise MetadataError(f"metadata item {item} overlaps another, or the file's end")
            edits.replace(begin, end, _empty(kind, end - begin))


def _empty(kind: bytes, size: int) -> bytes:
    if kind == b"Exif" and size >= len(_EMPTY_EXIF):
        return _EMPTY_EXIF.ljust(size, b"\0")
    return (b" " if kind == b"mime" else b"\0") * size


def _items(data: bytes, iinf: _Box) -> Iterator[tuple[int, bytes]]:
    """(id, type) of each item."""
    body = iinf.body + (6 if data[iinf.body : iinf.body + 1] == b"\0" else 8)
    for box in _boxes(data, body, iinf.end):
        wide = {b"\2": 2, b"\3": 4}.get(data[box.body : box.body + 1])
        if box.kind != b"infe" or wide is None:
            raise MetadataError("an AVIF item has no type")
        number = int.from_bytes(data[box.body + 4 : box.body + 4 + wide], "big")
        yield number, data[box.body + 6 + wide : box.body + 10 + wide]


class _Locations:
    """Reads an `iloc` box, number after number."""

    def __init__(self, data: bytes, iloc: _Box, store: int | None) -> None:
        self._data, self._here, self._end, self._store = data, iloc.body, iloc.end, store

    def _next(self, size: int) -> int:
        self._here += size
        if self._here > self._end:
            raise MetadataError("the AVIF's iloc box is too short")
        return int.from_bytes(self._data[self._here - size : self._here], "big")

    def read(self) -> Iterator[tuple[int, Range]]:
        """(item, range of bytes in the file) of each extent."""
        version = self._next(1)
        self._next(3)
        sizes = self._next(2)
        offset_size, length_size, base_size, index_size = (sizes >> n & 15 for n in (12, 8, 4, 0))
        wide = 4 if version == 2 else 2
        for _ in range(self._next(wide)):
            item = self._next(wide)
            method = self._next(2) & 15 if version else 0
            if self._next(2) or method > 1 or (method == 1 and self._store is None):
                raise MetadataError(f"AVIF item {item} lies in another file or item")
            base = self._next(base_size) + ((self._store or 0) if method else 0)
            for _ in range(self._next(2)):
                self._next(index_size if version else 0)
                begin = base + self._next(offset_size)
                length = self._next(length_size)
                # ISO 14496-12, 8.11.3: without a length it is all of the file.
                yield item, (begin, begin + length if length else len(self._data))


def _blank_comments(data: bytes, here: int, end: int, edits: Edits) -> None:
    """Zeros for the comments of a codestream's main header and those of its tile-parts."""
    here += 2
    tile_end = None
    while here + 2 <= end:
        marker = int.from_bytes(data[here : here + 2], "big")
        if marker == _EOC:
            return
        if marker == _SOD:
            # Without a length the tile-part is the last.
            if tile_end is None or tile_end >= end:
                return
            here = max(tile_end, here + 2)
            continue
        size = int.from_bytes(data[here + 2 : here + 4], "big")
        if marker < 0xFF00 or size < 2 or here + 2 + size > end:
            raise MetadataError(f"the JPEG 2000 segment at byte {here} is broken")
        if marker == _SOT:
            length = int.from_bytes(data[here + 6 : here + 10], "big")
            tile_end = here + length if length else None
        elif marker == _COM and size > 4:
            edits.blank(here + 6, here + 2 + size)
        here += 2 + size
