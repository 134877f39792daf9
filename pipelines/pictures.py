"""Frames as JPEG: upright, square pixels, no edge longer than asked, never larger than before."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from PIL import Image, ImageOps

from manifests.images import open_image, orientation, probe_image

# Area averaging keeps thin strokes; the flags make the result the same on every processor.
_SCALING = (
    Interpolation.AREA
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
)
# A display matrix, rows a b u, c d v, x y w: x' = a x + c y, y' = b x + d y, and y points down.
_MATRIX = struct.Struct("<9i")
# By whether x and y change places, and whether x' and y' are then mirrored.
_TURNS = {
    (False, False, False): None,
    (False, True, False): Image.Transpose.FLIP_LEFT_RIGHT,
    (False, False, True): Image.Transpose.FLIP_TOP_BOTTOM,
    (False, True, True): Image.Transpose.ROTATE_180,
    (True, False, False): Image.Transpose.TRANSPOSE,
    (True, True, False): Image.Transpose.ROTATE_270,
    (True, False, True): Image.Transpose.ROTATE_90,
    (True, True, True): Image.Transpose.TRANSVERSE,
}
SIDEWAYS = {turn for (is_sideways, _, _), turn in _TURNS.items() if is_sideways}
# Pixels longer than this come from no camera: they are taken for square.
_MAX_PIXEL_ASPECT = 10


@dataclass(frozen=True, slots=True)
class Picture:
    """JPEG bytes, their size in pixels, and the size (as shown) of what they were made from."""

    data: bytes
    width: int
    height: int
    full_width: int
    full_height: int


def fit(width: int, height: int, longest_edge: int) -> tuple[int, int]:
    """The size with its longest edge at most `longest_edge`; never larger than it was."""
    edge = max(width, height)
    if edge <= longest_edge:
        return width, height
    return (
        max(round(width * longest_edge / edge), 1),
        max(round(height * longest_edge / edge), 1),
    )


def square(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """The size with square pixels, made by shrinking the edge that has too many."""
    if not Fraction(1, _MAX_PIXEL_ASPECT) <= pixel_aspect <= _MAX_PIXEL_ASPECT:
        return width, height
    if pixel_aspect < 1:
        return max(round(width * pixel_aspect), 1), height
    return width, max(round(height / pixel_aspect), 1)


def turn_of_frame(frame: VideoFrame) -> Image.Transpose | None:
    """What makes the frame upright by its display matrix; an angle goes to the nearest quarter."""
    side_data: Any = frame.side_data
    try:
        data = bytes(side_data["DISPLAYMATRIX"])
    except KeyError:
        return None
    a, b, _, c, d, *_ = _MATRIX.unpack(data[: _MATRIX.size])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _TURNS[False, a < 0, d < 0]
    return _TURNS[True, c < 0, b < 0]


def picture_of_frame(frame: VideoFrame, pixel_aspect: Fraction, edge: int, quality: int) -> Picture:
    full = square(frame.width, frame.height, pixel_aspect)
    width, height = fit(*full, edge)
    rgb = frame.reformat(width, height, "rgb24", interpolation=_SCALING, threads=1)
    image, turn = Image.fromarray(rgb.to_ndarray()), turn_of_frame(frame)
    if turn is not None:
        image = image.transpose(turn)
    if turn in SIDEWAYS:
        full = full[1], full[0]
    return Picture(jpeg(image, quality), *image.size, *full)


def picture_of_image(data: bytes, edge: int, quality: int) -> Picture:
    """A JPEG that any viewer shows as it is, and that is small enough, is kept byte for byte."""
    facts = probe_image(data)
    full = facts.width, facts.height
    size = fit(*full, edge)
    image = open_image(data)
    is_plain = facts.format == "JPEG" and facts.mode in ("L", "RGB") and orientation(image) is None
    if not is_plain or size != full:
        upright = ImageOps.exif_transpose(image).convert("RGB")
        data = jpeg(upright.resize(size, Image.Resampling.BOX), quality)
    return Picture(data, *size, *full)


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
