"""Small JPEGs of stored pictures as data URIs, for as long as the page has room for them."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from manifests.images import ImageError, open_image

IMAGE_EDGE = 240
FRAME_EDGE = 128
_QUALITY = 62


@dataclass(slots=True)
class Room:
    """Characters that pictures may still take; what has no more room is told without a picture."""

    left: int

    def take(self, data: bytes | None, edge: int) -> str:
        """The picture as a data URI; empty where it cannot be read, or nothing is left."""
        if data is None or self.left <= 0:
            return ""
        small = thumbnail(data, edge)
        uri = "" if small is None else f"data:image/jpeg;base64,{base64.b64encode(small).decode()}"
        if len(uri) > self.left:
            self.left = 0
            return ""
        self.left -= len(uri)
        return uri


def thumbnail(data: bytes, edge: int) -> bytes | None:
    """A JPEG, upright, no edge longer than `edge`; None of bytes that are no picture."""
    try:
        with warnings.catch_warnings():
            # Of palettes, profiles and sizes, which curate has judged.
            warnings.simplefilter("ignore")
            return _small(open_image(data), edge)
    except (ImageError, OSError, ValueError, SyntaxError):
        return None


def _small(image: Image.Image, edge: int) -> bytes:
    if image.format == "JPEG":
        image.draft(None, (2 * edge, 2 * edge))
    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        # On white, as a page of paper shows it.
        colours = upright.convert("RGBA")
        upright = Image.new("RGBA", colours.size, "white")
        upright.alpha_composite(colours)
    upright = upright.convert("RGB")
    upright.thumbnail((edge, edge), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    upright.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return buffer.getvalue()
