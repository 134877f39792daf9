"""A decoded frame as a JPEG: upright, with square pixels, no side longer than asked, never larger."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from fractions import Fraction

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from PIL import Image

# Area averaging keeps thin strokes; the flags make the result the same on every processor.
_SCALING = (
    Interpolation.AREA
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
)
_MATRIX = struct.Struct("<9i")
# By a display matrix's signs: whether x and y change places, then whether x and y are mirrored.
_UPRIGHT = {
    (False, False, False): None,
    (False, True, False): Image.Transpose.FLIP_LEFT_RIGHT,
    (False, False, True): Image.Transpose.FLIP_TOP_BOTTOM,
    (False, True, True): Image.Transpose.ROTATE_180,
    (True, False, False): Image.Transpose.TRANSPOSE,
    (True, True, False): Image.Transpose.ROTATE_270,
    (True, False, True): Image.Transpose.ROTATE_90,
    (True, True, True): Image.Transpose.TRANSVERSE,
}
_SIDEWAYS = {turn for (is_sideways, _, _), turn in _UPRIGHT.items() if is_sideways}
# Pixel aspects beyond this are no camera's: taken for square.
_MAX_PIXEL_ASPECT = 10


@dataclass(frozen=True, slots=True)
class Picture:
    """JPEG bytes, their size in pixels, and the size before it was made smaller."""

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
    """The size with square pixels, made by shrinking the side that has too many."""
    if not Fraction(1, _MAX_PIXEL_ASPECT) <= pixel_aspect <= _MAX_PIXEL_ASPECT:
        return width, height
    if pixel_aspect < 1:
        return max(round(width * pixel_aspect), 1), height
    return width, max(round(height / pixel_aspect), 1)


def turn_of(frame: VideoFrame) -> Image.Transpose | None:
    """What makes the frame upright, by its display matrix; angles go to the nearest quarter."""
    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return None
    # x' = a x + c y, y' = b x + d y; y points down.
    a, b, _, c, d, *_ = _MATRIX.unpack(bytes(data))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _UPRIGHT[False, a < 0, d < 0]
    return _UPRIGHT[True, c < 0, b < 0]


def picture_of(frame: VideoFrame, pixel_aspect: Fraction, edge: int, quality: int) -> Picture:
    turn = turn_of(frame)
    full = square(frame.width, frame.height, pixel_aspect)
    width, height = fit(*full, edge)
    rgb = frame.reformat(
        width=width, height=height, format="rgb24", interpolation=_SCALING, threads=1
    )
    return _picture(Image.fromarray(rgb.to_ndarray()), full, turn, quality)


def _picture(
    image: Image.Image, full: tuple[int, int], turn: Image.Transpose | None, quality: int
) -> Picture:
    if turn is not None:
        image = image.transpose(turn)
    if turn in _SIDEWAYS:
        full = full[::-1]
    return Picture(jpeg(image, quality), *image.size, *full)


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
