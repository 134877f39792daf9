"""What an upstream image is, or why it cannot be used. Bytes are never changed here.

A file is read to its end, so that a truncated one is found now and not at step 101 of a training
run. Bombs are refused from the header, before anything is decoded. What is accepted opens with
`datasets.Image()`, orientation and all.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageOps, UnidentifiedImageError

# 64 megapixels, beyond which a file is a bomb rather than a picture.
MAX_PIXELS = 64_000_000
# Decoders that need more memory a pixel than others. OpenJPEG takes 27 bytes where there are four
# components: 64 megapixels would be 1.7 GiB, beyond rule 9.
_MAX_PIXELS_OF = {"JPEG2000": 32_000_000}
# What images are shipped in. Pillow knows more, but some run programs (EPS), some take anything for
# an image (TGA), some hide the real size (ICO).
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "JPEG2000": ".jp2"}
_ORIENTATION_TAG = 0x0112
# EXIF orientations that lay the image on its side (EXIF 2.3, tag 274).
_SIDEWAYS = {5, 6, 7, 8}
# JPEG is decoded at an eighth and grey: the whole entropy stream is read, at a third of the cost.
_DRAFT_DIVISOR = 8


class ImageError(Exception):
    """An image that cannot be used: `reason` is image_undecodable, image_truncated,
    image_too_many_pixels or image_metadata_unreadable."""

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
    """A file ending for a Pillow format name: `.jpg` for JPEG, `.png` for PNG."""
    return _SUFFIXES.get(format_name, f".{format_name.lower()}")


def probe_image(data: bytes, max_pixels: int = MAX_PIXELS) -> ImageFacts:
    """Facts of the (first) image in `data`, decoded to its end; ImageError where that fails."""
    return _decode(data, max_pixels, _draft_small)[0]


def decode_image(
    data: bytes, max_pixels: int = MAX_PIXELS, luma: bool = False
) -> tuple[ImageFacts, Image.Image]:
    """The same facts and errors, and all of the image's pixels: upright, in its own mode.

    With `luma` a JPEG's colours are not made, which saves a fifth: it holds its luma by itself.
    Memory: twice the pixels for a moment, where they turn.
    """
    return _decode(data, max_pixels, _draft_luma if luma else None)


def _draft_small(image: Image.Image) -> None:
    width, height = image.size
    image.draft("L", (max(width // _DRAFT_DIVISOR, 1), max(height // _DRAFT_DIVISOR, 1)))


def _draft_luma(image: Image.Image) -> None:
    if image.mode == "RGB":
        image.draft("L", image.size)


@cache
def _formats() -> list[str]:
    """Those of `_FORMATS` that this Pillow has."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def open_image(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The image, not yet decoded; ImageError where its header is bad or has too many pixels."""
    try:
        image = Image.open(io.BytesIO(data), formats=_formats())
    except Image.DecompressionBombError as error:
        raise ImageError("image_too_many_pixels", str(error)) from error
    except UnidentifiedImageError as error:
        raise ImageError("image_undecodable", "no known image format") from error
    except Exception as error:
        raise _image_error(data, error) from error
    if image.width * image.height > min(
        max_pixels, _MAX_PIXELS_OF.get(image.format or "", max_pixels)
    ):
        raise ImageError("image_too_many_pixels", f"{image.width}x{image.height}")
    return image


def orientation(image: Image.Image) -> int | None:
    """The EXIF orientation, 1 to 8, where there is one. May decode the image, and so raise."""
    value: int | None = image.getexif().get(_ORIENTATION_TAG)
    return value


def _decode(
    data: bytes, max_pixels: int, draft: Callable[[Image.Image], None] | None
) -> tuple[ImageFacts, Image.Image]:
    with warnings.catch_warnings():
        # Pillow warns of sizes, palettes and metadata that are judged here, or do not matter.
        warnings.simplefilter("ignore")
        image = open_image(data, max_pixels)
        (width, height), format, mode = image.size, image.format or "", image.mode
        try:
            if draft is not None and format == "JPEG":
                draft(image)
            image.load()
            turn = orientation(image)
            if turn is not None:
                image = ImageOps.exif_transpose(image)
        except Exception as error:
            # Pillow's plugins raise of everything on hostile files.
            raise _image_error(data, error) from error
    if turn in _SIDEWAYS:
        width, height = height, width
    return ImageFacts(width, height, format, mode), image


def _image_error(data: bytes, error: Exception) -> ImageError:
    text = f"{type(error).__name__}: {error}"
    # "image file is truncated", "Truncated File Read"; WebP's decoder does not say why it failed.
    is_cut = "truncated" in text.lower() or isinstance(error, EOFError)
    if data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        is_cut = True
    return ImageError("image_truncated" if is_cut else "image_undecodable", text)
