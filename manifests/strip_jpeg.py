"""Metadata out of JPEG: what no decoder needs goes, segment by segment.

Kept are the frame, table and scan segments with all coded data, JFIF (density; its thumbnail goes),
ICC profiles, Adobe's colour transform and the orientation. All other application segments, comments
and the bytes after the first image go: EXIF with maker notes, XMP, IPTC, C2PA, and the further
images of an MPO, which have EXIF of their own (a second view, a preview, a gain map).
"""

from __future__ import annotations

import re
import struct

from manifests.image_edits import (
    Edits,
    MetadataError,
    find_orientation,
    minimal_exif,
    replace_carriers,
)

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
# ITU-T T.81, table B.1.
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_ALONE = {0x01, *range(0xD0, 0xD8)}
_PIXELS = {*range(0xC0, 0xD0), *range(0xDB, 0xE0)}
_APPS = range(0xE0, 0xF0)
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
# In a scan 0xFF is coded as 0xFF00, and restart markers belong to it.
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# JFIF 1.02: identifier, version, units, densities; then the thumbnail's two sides.
_JFIF_BYTES = 14
_ADOBE_BYTES = 12


def strip_jpeg(data: bytes) -> bytes:
    """The same image without metadata; MetadataError where segments do not follow each other."""
    walk = _Walk(data)
    here: int | None = 2
    while here is not None:
        here = walk.step(here)
    return walk.finish()


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._edits = Edits(data)
        self._exif = b""
        self._xmp = b""
        self._carriers: list[tuple[int, int]] = []
        self._has_scan = False

    def step(self, here: int) -> int | None:
        """Handle what begins at `here`; where the next begins, or None at the end."""
        found = _MARKER.search(self._data, here)
        begin = found.start() if found else len(self._data)
        if self._data[here:begin].strip(b"\xff"):
            # Decoders pass over what is between segments, and so nobody would see it.
            self._edits.replace(here, begin)
        if found is None:
            return None
        marker = self._data[begin + 1]
        if marker == _EOI:
            self._edits.replace(begin + 2, len(self._data))
            return None
        if marker in _ALONE:
            return begin + 2
        end = self._segment_end(begin, marker)
        if marker == _SOS:
            self._has_scan = True
            scan_end = _SCAN_END.search(self._data, end)
            return scan_end.start() if scan_end else len(self._data)
        if marker in _APPS or marker == _COM:
            self._application(begin, end, marker)
        return end

    def _segment_end(self, begin: int, marker: int) -> int:
        if marker not in _PIXELS and marker not in _APPS and marker not in (_SOS, _COM):
            raise MetadataError(f"JPEG marker 0x{marker:02x} at byte {begin} is unknown")
        length = int.from_bytes(self._data[begin + 2 : begin + 4], "big")
        end = begin + 2 + length
        if length < 2 or end > len(self._data):
            raise MetadataError(f"the JPEG segment at byte {begin} has no end")
        return end

    def _application(self, begin: int, end: int, marker: int) -> None:
        body = self._data[begin + 4 : end]
        if marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            return
        if marker == 0xE0 and body.startswith(b"JFIF\0"):
            if len(body) > _JFIF_BYTES:
                self._edits.replace(begin, end, _segment(marker, body[: _JFIF_BYTES - 2] + b"\0\0"))
        elif marker == 0xEE and body.startswith(b"Adobe"):
            if len(body) > _ADOBE_BYTES:
                self._edits.replace(begin, end, _segment(marker, body[:_ADOBE_BYTES]))
        elif marker == 0xE1 and body.startswith(_EXIF):
            # Longer than a segment it goes on in the next.
            self._exif += body[len(_EXIF) :]
            self._carriers.append((begin, end))
        elif marker == 0xE1 and body.startswith(_XMP):
            self._xmp = body
            self._carriers.append((begin, end))
        else:
            self._edits.replace(begin, end)

    def finish(self) -> bytes:
        if not self._has_scan:
            raise MetadataError("the JPEG has no scan")
        exif = minimal_exif(find_orientation(self._exif, self._xmp))
        segment = _segment(0xE1, _EXIF + exif) if exif else b""
        replace_carriers(self._edits, self._carriers, segment)
        return self._edits.result()


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
