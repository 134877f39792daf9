"""Metadata out of PNG: chunks that decide no pixel, and what lies after the end, go.

Kept are all critical chunks, the ancillary ones of colour, transparency, density and animation, and
the orientation. So text, time, EXIF, ImageMagick's raw profiles, C2PA and makers' own chunks go.
"""

from __future__ import annotations

import zlib

from manifests.image_edits import (
    Edits,
    MetadataError,
    find_orientation,
    minimal_exif,
    replace_carriers,
)

# PNG, third edition, 11.3; the last line is of its animation.
_KEPT = frozenset(
    "tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT oFFs sTER "
    "acTL fcTL fdAT".split()
)
# What Pillow reads of a compressed text at most: a bomb is no metadata to look for.
_MAX_TEXT_BYTES = 1 << 20


def strip_png(data: bytes) -> bytes:
    """The same image without metadata; MetadataError where chunks do not follow each other."""
    edits = Edits(data)
    exif = raw_exif = xmp = b""
    carriers: list[tuple[int, int]] = []
    here = 8
    while here < len(data):
        kind, end = _chunk(data, here)
        if kind == "IEND":
            edits.replace(end, len(data))
            break
        if kind[0].islower() and kind not in _KEPT:
            body = data[here + 8 : end - 4]
            key, text = _text(kind, body)
            is_exif = kind == "eXIf"
            if is_exif or key in (b"Raw profile type exif", b"XML:com.adobe.xmp"):
                carriers.append((here, end))
                exif = body if is_exif else exif
                raw_exif = _raw_profile(text) if key.startswith(b"Raw") else raw_exif
                xmp = text if key.startswith(b"XML") else xmp
            else:
                edits.replace(here, end)
        here = end
    carrier = minimal_exif(find_orientation(exif or raw_exif, xmp))
    replace_carriers(edits, carriers, _made_chunk(carrier) if carrier else b"")
    return edits.result()


def _chunk(data: bytes, here: int) -> tuple[str, int]:
    """(its four letters, where it ends)."""
    name = data[here + 4 : here + 8]
    end = here + 12 + int.from_bytes(data[here : here + 4], "big")
    if len(name) < 4 or not name.isalpha() or end > len(data):
        raise MetadataError(f"the PNG chunk at byte {here} is broken")
    return name.decode("ascii"), end


def _made_chunk(exif: bytes) -> bytes:
    named = b"eXIf" + exif
    return len(exif).to_bytes(4, "big") + named + zlib.crc32(named).to_bytes(4, "big")


def _text(kind: str, body: bytes) -> tuple[bytes, bytes]:
    """(keyword, text) of a chunk of text; empty where it is none or cannot be read."""
    if kind not in ("tEXt", "zTXt", "iTXt"):
        return b"", b""
    key, _, rest = body.partition(b"\0")
    if kind == "tEXt":
        return key, rest
    if kind == "zTXt":
        return key, _inflate(rest[1:])
    # Flag, method; then language and translated keyword, each up to a zero.
    text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return key, _inflate(text) if rest[:1] != b"\0" else text


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MAX_TEXT_BYTES)
    except zlib.error:
        return b""


def _raw_profile(text: bytes) -> bytes:
    """ImageMagick's form: an empty line, the name, the length, and then hexadecimal digits."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""
