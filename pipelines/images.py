"""What an upstream image is, or why it cannot be used. Bytes are never changed here.

A file is read to its end, so that a truncated one is found now and not at step 101 of a training
run. Bombs are refused from the header, before anything is decoded.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

# design.md rule 7: 64 megapixels by default.
MAX_PIXELS = 64_000_000
_ORIENTATION_TAG = 0x0112
# EXIF orientations that lay the image on its side (EXIF 2.3, tag 274).
_SIDEWAYS = {5, 6, 7, 8}
# JPEG is decoded at an eighth: the whole entropy stream is still read, at a third of the cost.
_DRAFT_DIVISOR = 8


class ImageError(Exception):
    """An image that cannot be used: `reason` is image_undecodable, image_truncated or
    image_too_many_pixels."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Size in pixels as shown (EXIF orientation applied), Pillow's format name and mode."""

    width: int
    height: int
    format: str
    mode: str


def image_suffix(format_name: str) -> str:
    """A file ending for a Pillow format name: `.jpg` for JPEG, else the name in small letters."""
    return ".jpg" if format_name == "JPEG" else f".{format_name.lower()}"


def probe_image(data: bytes, max_pixels: int = MAX_PIXELS) -> ImageFacts:
    """Facts of the (first) image in `data`, decoded to its end; ImageError where that fails."""
    with warnings.catch_warnings():
        # Pillow warns of sizes, palettes and metadata that are judged here, or do not matter.
        warnings.simplefilter("ignore")
        image = _open(data)
        width, height = image.size
        if width * height > max_pixels:
            raise ImageError("image_too_many_pixels", f"{width}x{height}")
        facts = _facts(image)
        _decode(image)
    return facts


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise ImageError("image_too_many_pixels", str(error)) from error
    except UnidentifiedImageError as error:
        raise ImageError("image_undecodable", "no known image format") from error
    except Exception as error:
        # Pillow's format plugins raise of everything on hostile headers.
        raise ImageError("image_undecodable", f"{type(error).__name__}: {error}") from error


def _facts(image: Image.Image) -> ImageFacts:
    width, height = image.size
    try:
        sideways = image.getexif().get(_ORIENTATION_TAG) in _SIDEWAYS
    except Exception:
        sideways = False  # unreadable EXIF is ignored by every viewer too
    if sideways:
        width, height = height, width
    return ImageFacts(width, height, image.format or "", image.mode)


def _decode(image: Image.Image) -> None:
    try:
        if image.format == "JPEG":
            small = (max(image.width // _DRAFT_DIVISOR, 1), max(image.height // _DRAFT_DIVISOR, 1))
            image.draft(None, small)
        image.load()
    except (OSError, EOFError) as error:
        text = str(error)
        truncated = "truncated" in text or "EOF" in text or isinstance(error, EOFError)
        raise ImageError("image_truncated" if truncated else "image_undecodable", text) from error
    except Exception as error:
        raise ImageError("image_undecodable", f"{type(error).__name__}: {error}") from error
