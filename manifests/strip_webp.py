"""Metadata out of WebP: EXIF, XMP and unknown chunks go, and the flags say so.

Frames of an animation stay as they are, with any unknown chunk that a writer put inside one.
"""

from __future__ import annotations

from manifests.image_edits import (
    Edits,
    MetadataError,
    find_orientation,
    minimal_exif,
    replace_carriers,
)

# RFC 9649, 2.7.
_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04
_VP8X_BYTES = 10


def strip_webp(data: bytes) -> bytes:
    """The same image without metadata; MetadataError where chunks do not follow each other."""
    edits = Edits(data)
    carriers: list[tuple[int, int]] = []
    found: dict[bytes, bytes] = {}
    flags_at = None
    here, riff_end = 12, _riff_end(data)
    while here < riff_end:
        name = data[here : here + 4]
        size = int.from_bytes(data[here + 4 : here + 8], "little")
        end = min(here + 8 + size + size % 2, riff_end)
        if here + 8 + size > riff_end:
            raise MetadataError(f"the WebP chunk at byte {here} has no end")
        if name == b"VP8X" and size >= _VP8X_BYTES:
            flags_at = here + 8
        elif name in (b"EXIF", b"XMP "):
            found.setdefault(name, data[here + 8 : here + 8 + size])
            carriers.append((here, end))
        elif name not in _KEPT:
            edits.replace(here, end)
        here = end
    # Without its flag a chunk is not read (RFC 9649, 2.7.1): it has no say in the orientation.
    flags = 0 if flags_at is None else data[flags_at]
    exif = found.get(b"EXIF", b"") if flags & _EXIF_FLAG else b""
    xmp = found.get(b"XMP ", b"") if flags & _XMP_FLAG else b""
    carrier = minimal_exif(find_orientation(exif, xmp))
    chunk = b"EXIF" + len(carrier).to_bytes(4, "little") + carrier if carrier else b""
    replace_carriers(edits, carriers, chunk)
    if flags_at is not None:
        kept = flags & ~(_EXIF_FLAG | _XMP_FLAG) | (_EXIF_FLAG if carrier else 0)
        edits.replace(flags_at, flags_at + 1, bytes([kept]))
    if edits.growth:
        edits.replace(4, 8, (riff_end - 8 + edits.growth).to_bytes(4, "little"))
    edits.replace(riff_end, len(data))
    return edits.result()


def _riff_end(data: bytes) -> int:
    end = 8 + int.from_bytes(data[4:8], "little")
    if not 20 <= end <= len(data):
        raise MetadataError(f"the WebP file says that it ends at byte {end} of {len(data)}")
    return end
