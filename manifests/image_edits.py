"""Cuts in the bytes of an image, and its orientation, for the modules that take metadata out.

Nothing here decodes: each format's module walks the file's structure, says which bytes go, and all
other bytes stay as they are.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

ORIENTATION_TAG = 0x0112
# EXIF 2.3, tag 274: 1 is upright, so there is nothing to keep; above 8 is nothing at all.
_TURNED = range(2, 9)
_ORDERS = {b"II\x2a\0": "<", b"MM\0\x2a": ">"}
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
# TIFF 6.0 field types that hold whole numbers: byte, short, long, and their signed kin.
_WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}


class MetadataError(Exception):
    """Metadata cannot be taken out: the file's structure breaks its format's rules.

    Like an image that cannot be decoded it costs its row, which is why it is outside the tree of
    `manifests.errors`: the caller turns it into a reason. The message is for the detail.
    """


class Edits:
    """Replacements of ranges of `data`, made all at once by `result`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._edits: list[tuple[int, int, bytes]] = []

    def replace(self, begin: int, end: int, new: bytes = b"") -> None:
        """`new` in place of data[begin:end]; no edit where they are equal."""
        if self.data[begin:end] != new:
            self._edits.append((begin, end, new))

    def blank(self, begin: int, end: int) -> None:
        """Zeros, as many as there were bytes: offsets elsewhere in the file stay right."""
        self.replace(begin, end, bytes(end - begin))

    @property
    def growth(self) -> int:
        """Bytes that the edits so far add; negative where they take away."""
        return sum(len(new) - (end - begin) for begin, end, new in self._edits)

    def result(self) -> bytes:
        """The edited bytes; `data` itself, the same object, where there was nothing to edit."""
        if not self._edits:
            return self.data
        pieces: list[bytes] = []
        here = 0
        # The same range may be asked for twice: two tracks can share a block of metadata.
        for begin, end, new in sorted(set(self._edits)):
            if begin < here or end > len(self.data):
                raise MetadataError("parts of the file overlap, or lie beyond its end")
            pieces += [self.data[here:begin], new]
            here = end
        return b"".join([*pieces, self.data[here:]])


def replace_carriers(edits: Edits, places: Sequence[tuple[int, int]], carrier: bytes) -> None:
    """Cuts `places`, where EXIF and XMP were; `carrier`, if any, stands where the first was."""
    for number, (begin, end) in enumerate(places):
        edits.replace(begin, end, b"" if number else carrier)


def find_orientation(exif: bytes, xmp: bytes) -> int | None:
    """2 to 8 where EXIF, or XMP in want of a tag in EXIF, turns the image; else None.

    The order is Pillow's, by which sizes as shown are measured; broken EXIF turns nothing.
    """
    tiff = re.sub(rb"^(Exif\0\0){1,2}", b"", exif)
    if tiff and tiff[:4] not in _ORDERS:
        return None
    turn = _exif_orientation(tiff)
    if turn is None and (found := _XMP_ORIENTATION.search(xmp)):
        turn = int(found[1])
    return turn if turn in _TURNED else None


def _exif_orientation(tiff: bytes) -> int | None:
    """The tag's value, whatever it is; None without one. What is broken has none."""
    if len(tiff) < 8:
        return None
    order, value = _ORDERS[tiff[:4]], None
    offset = struct.unpack_from(order + "I", tiff, 4)[0]
    count = struct.unpack(order + "H", tiff[offset : offset + 2].ljust(2, b"\0"))[0]
    for entry in range(offset + 2, min(offset + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", tiff, entry)
        if tag == ORIENTATION_TAG and kind in _WHOLE and number == 1:
            value = struct.unpack_from(order + _WHOLE[kind], tiff, entry + 8)[0]
    return value


def minimal_exif(orientation: int | None) -> bytes:
    """A TIFF structure with the one tag, 26 bytes; empty for None."""
    if orientation is None:
        return b""
    entry = struct.pack(">HHIHH", ORIENTATION_TAG, 3, 1, orientation, 0)
    return b"MM\0\x2a" + struct.pack(">IH", 8, 1) + entry + bytes(4)
