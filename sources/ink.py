"""InkML to strokes, and strokes to a PNG: black on white, antialiased, the same bytes every time.

An ink is untrusted XML: DTDs, entities and external references are refused, and so is whatever is
larger than any handwriting. How an ink is drawn is part of the version of the source that draws it.
"""

from __future__ import annotations

import io
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from PIL import ImageDraw

# How an ink is drawn, in pixels of the PNG. MathWriting's readme: coordinates are not normalised, y
# grows downward, "a stroke radius of about 1.5" is reasonable at one pixel a unit.
STROKE_WIDTH_PX = 3
PADDING_PX = 16
# Ours. The inks seen are 1,300 to 4,900 units wide: the longest edge is scaled down to one and a
# half of the encoder's 512 px tiles, which leaves letters of 50 px and more. The stroke is not
# scaled, so that it stays visible, and nothing is scaled up.
MAX_EDGE_PX = 768
# White is added around dots, dashes and long formulas: an encoder has no use for specks and strips.
MIN_EDGE_PX = 64
MAX_ASPECT = 8
SUPERSAMPLE = 3

# Bounds of what is read. The largest real inks are about 100 kB and a few thousand points.
MAX_INK_BYTES = 4 * 1024 * 1024
MAX_POINTS = 100_000
MAX_COORDINATE = 1e6

Stroke = list[tuple[float, float]]


class InkError(Exception):
    """The ink cannot be drawn: `reason` is `ink_malformed` or `ink_empty`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Ink:
    """Annotations by type (the first of each), and the traces as they are written, not parsed."""

    annotations: dict[str, str]
    traces: tuple[str, ...]


class _Frame(NamedTuple):
    """Where strokes go: scale in pixels a unit, the offset in pixels, and the size of the image."""

    scale: float
    left: float
    top: float
    width: int
    height: int


def parse_ink(data: bytes) -> Ink:
    """InkError `ink_malformed` for what is no InkML, or is not safe to read."""
    if len(data) > MAX_INK_BYTES:
        raise InkError("ink_malformed", f"more than {MAX_INK_BYTES} bytes")
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InkError("ink_malformed", f"not safe XML: {error or type(error).__name__}") from error
    if _tag(root) != "ink":
        raise InkError("ink_malformed", f"the root is <{_tag(root)[:40]}>, not <ink>")
    annotations: dict[str, str] = {}
    for element in root.iter():
        if _tag(element) == "annotation":
            annotations.setdefault(element.get("type", ""), (element.text or "").strip())
    traces = tuple(element.text or "" for element in root.iter() if _tag(element) == "trace")
    return Ink(annotations, traces)


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def strokes(ink: Ink) -> list[Stroke]:
    """X and Y of the points of each trace that has any; InkError where they are no numbers."""
    found = []
    num_points = 0
    for trace in ink.traces:
        points = [_point(text) for text in trace.split(",") if text.strip()]
        num_points += len(points)
        if num_points > MAX_POINTS:
            raise InkError("ink_malformed", f"more than {MAX_POINTS} points")
        if points:
            found.append(points)
    if not found:
        raise InkError("ink_empty", "no trace has a point")
    return found


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = map(float, text.split()[:2])
    except ValueError as error:
        raise InkError("ink_malformed", f"not a point: {text[:40]!r}") from error
    if not (abs(x) <= MAX_COORDINATE and abs(y) <= MAX_COORDINATE):
        raise InkError("ink_malformed", f"not a place on paper: {text[:40]!r}")
    return x, y


def render_ink(ink: Ink) -> bytes:
    """A grayscale PNG; about 4 ms an ink. InkError where there is nothing to draw."""
    from PIL import Image, ImageDraw

    drawn = strokes(ink)
    frame = _frame(drawn)
    size = (frame.width * SUPERSAMPLE, frame.height * SUPERSAMPLE)
    image = Image.new("L", size, 255)
    pen = ImageDraw.Draw(image)
    for stroke in drawn:
        _draw(pen, [_place(point, frame) for point in stroke])
    buffer = io.BytesIO()
    # Runs are nearly all there is on black and white: half the time of a search for matches, and
    # smaller; and what deflate makes of runs does not depend on the build of zlib.
    image.reduce(SUPERSAMPLE).save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def _frame(drawn: list[Stroke]) -> _Frame:
    xs = [x for stroke in drawn for x, _ in stroke]
    ys = [y for stroke in drawn for _, y in stroke]
    extent = max(max(xs) - min(xs), max(ys) - min(ys))
    margin = 2 * PADDING_PX + STROKE_WIDTH_PX
    scale = min(1.0, (MAX_EDGE_PX - margin) / extent) if extent else 1.0
    inner_width, inner_height = (max(xs) - min(xs)) * scale, (max(ys) - min(ys)) * scale
    width, height = (
        min(MAX_EDGE_PX, max(MIN_EDGE_PX, math.ceil(inner + margin)))
        for inner in (inner_width, inner_height)
    )
    height = max(height, math.ceil(width / MAX_ASPECT))
    width = max(width, math.ceil(height / MAX_ASPECT))
    left = (width - inner_width) / 2 - min(xs) * scale
    top = (height - inner_height) / 2 - min(ys) * scale
    return _Frame(scale, left, top, width, height)


def _place(point: tuple[float, float], frame: _Frame) -> tuple[int, int]:
    """In supersampled pixels, whole ones: the same on every machine."""
    x = (point[0] * frame.scale + frame.left) * SUPERSAMPLE
    y = (point[1] * frame.scale + frame.top) * SUPERSAMPLE
    return math.floor(x), math.floor(y)


def _draw(pen: ImageDraw.ImageDraw, points: list[tuple[int, int]]) -> None:
    """Lines with a round end at every point; a single point is a dot."""
    width = STROKE_WIDTH_PX * SUPERSAMPLE
    radius = width // 2
    if len(points) > 1:
        pen.line(points, fill=0, width=width)
    for x, y in dict.fromkeys(points):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
