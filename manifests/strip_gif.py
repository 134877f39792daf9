"""Metadata out of GIF: comments, applications' blocks and what lies after the end go.

Kept are images, timing, plain text (it is drawn), loops and ICC profiles. GIF has no orientation.
"""

from __future__ import annotations

from manifests.image_edits import Edits, MetadataError

# GIF89a: what a block begins with, and the labels of extensions.
_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_TIMING, _PLAIN_TEXT, _APPLICATION = 0xF9, 0x01, 0xFF
_KEPT_APPLICATIONS = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")


def strip_gif(data: bytes) -> bytes:
    """The same images without metadata; MetadataError where blocks do not follow each other."""
    edits = Edits(data)
    try:
        here = 13 + _palette_bytes(data[10])
        while here < len(data) and data[here] != _TRAILER:
            here = _block(data, here, edits)
    except IndexError as error:
        raise MetadataError("the GIF ends inside a block") from error
    edits.replace(min(here + 1, len(data)), len(data))
    return edits.result()


def _block(data: bytes, here: int, edits: Edits) -> int:
    """Where the block at `here` ends; it is cut where it is metadata."""
    if data[here] == _IMAGE:
        return _blocks_end(data, here + 11 + _palette_bytes(data[here + 9]))
    if data[here] == 0:
        # Some writers leave one terminator too many.
        return here + 1
    if data[here] != _EXTENSION:
        raise MetadataError(f"byte {here} of the GIF begins no block")
    end = _blocks_end(data, here + 2)
    label = data[here + 1]
    is_kept = label in (_TIMING, _PLAIN_TEXT)
    if label == _APPLICATION:
        is_kept = data[here + 3 : here + 14] in _KEPT_APPLICATIONS
    if not is_kept:
        edits.replace(here, end)
    return end


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks_end(data: bytes, here: int) -> int:
    """After the empty block that ends a run of them, each with its length before it."""
    while length := data[here]:
        here += length + 1
    return here + 1
