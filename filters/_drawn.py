"""Pictures that a case file describes in words, drawn the same each time, as encoded bytes.

A picture is base64 of an encoded file, or a description:

    {"draw": "solid", "size": [64, 48], "color": "#808080"}
    {"draw": "noise", "seed": 3, "ops": [{"blur": 2.5}, {"brightness": 0.3}]}
    {"draw": "text", "text": "No image\\navailable", "font_px": 24, "format": "JPEG"}

`draw` is one of

    solid     `color` alone
    noise     each sample of each pixel by itself, by `seed`
    clouds    noise of all scales, coarse ones strongest, as photos have it
    ramp      from `color` at the left to `ink` at the right
    stripes   upright, `ink` on `color`, each `period_px` / 2 wide
    text      lines of `text` in `ink`, centred on `color`

and `ops` change it in their order, one a mapping: `blur` (radius in pixels), `brightness` and
`contrast` (factors), `rotate` (degrees, what is laid open is black), `shift` ([right, down] in
pixels, around the edge), `alpha` (0 to 255, for all pixels).
"""

from __future__ import annotations

import base64
import io
import json
import random
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from pydantic import BaseModel, ConfigDict, Field

_ORIENTATION_TAG = 0x0112
# Edges of the coarsest and of the finest grid of clouds; each counts twice the next.
_CLOUD_EDGES = (4, 8, 16, 32, 64, 128)


class Drawing(BaseModel):
    """One description of a picture; sizes in pixels, before EXIF `orientation` is applied."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    draw: Literal["solid", "noise", "clouds", "ramp", "stripes", "text"]
    size: tuple[int, int] = (160, 120)
    color: str = "#ffffff"
    ink: str = "#000000"
    seed: int = 0
    period_px: int = Field(default=8, ge=2)
    text: str = ""
    font_px: int = 16
    ops: list[dict[str, Any]] = []
    format: str = "PNG"
    quality: int = 90
    orientation: int | None = None


def _noise(size: tuple[int, int], seed: int) -> Image.Image:
    # Python promises these bytes for a seed; NumPy's generators may change with its versions.
    data = random.Random(seed).randbytes(size[0] * size[1] * 3)
    return Image.frombytes("RGB", size, data)


def _clouds(drawing: Drawing) -> Image.Image:
    clouds = Image.new("RGB", drawing.size, "#808080")
    for place, edge in reversed(list(enumerate(_CLOUD_EDGES))):
        grid = _noise((edge, edge), drawing.seed + place)
        grid = grid.resize(drawing.size, Image.Resampling.BICUBIC)
        clouds = Image.blend(clouds, grid, 0.5)
    return clouds


def _ramp(drawing: Drawing) -> Image.Image:
    mask = Image.linear_gradient("L").rotate(90).resize(drawing.size)
    ink, color = (Image.new("RGB", drawing.size, name) for name in (drawing.ink, drawing.color))
    return Image.composite(ink, color, mask)


def _stripes(drawing: Drawing) -> Image.Image:
    image = Image.new("RGB", drawing.size, drawing.color)
    pen = ImageDraw.Draw(image)
    width = drawing.period_px // 2
    for left in range(0, drawing.size[0], drawing.period_px):
        pen.rectangle((left, 0, left + width - 1, drawing.size[1]), fill=drawing.ink)
    return image


def _text(drawing: Drawing) -> Image.Image:
    image = Image.new("RGB", drawing.size, drawing.color)
    centre = (drawing.size[0] / 2, drawing.size[1] / 2)
    font = ImageFont.load_default(drawing.font_px)
    pen = ImageDraw.Draw(image)
    pen.text(centre, drawing.text, fill=drawing.ink, font=font, anchor="mm", align="center")
    return image


_DRAW: Mapping[str, Callable[[Drawing], Image.Image]] = {
    "solid": lambda drawing: Image.new("RGB", drawing.size, drawing.color),
    "noise": lambda drawing: _noise(drawing.size, drawing.seed),
    "clouds": _clouds,
    "ramp": _ramp,
    "stripes": _stripes,
    "text": _text,
}


def _transparent(image: Image.Image, alpha: int) -> Image.Image:
    image = image.copy()
    image.putalpha(alpha)
    return image


_OPS: Mapping[str, Callable[[Image.Image, Any], Image.Image]] = {
    "blur": lambda image, radius: image.filter(ImageFilter.GaussianBlur(radius)),
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "rotate": lambda image, degrees: image.rotate(degrees, Image.Resampling.BICUBIC, True),
    "shift": lambda image, offset: ImageChops.offset(image, *offset),
    "alpha": _transparent,
}


@lru_cache(maxsize=256)
def _drawn(description: str) -> bytes:
    drawing = Drawing.model_validate_json(description)
    image = _DRAW[drawing.draw](drawing)
    for op in drawing.ops:
        [(name, value)] = op.items()
        image = _OPS[name](image, value)
    options: dict[str, Any] = {}
    if drawing.orientation is not None:
        exif = Image.Exif()
        exif[_ORIENTATION_TAG] = drawing.orientation
        options["exif"] = exif
    out = io.BytesIO()
    image.save(out, drawing.format, quality=drawing.quality, **options)
    return out.getvalue()


def picture_bytes(picture: bytes | str | Mapping[str, Any] | None) -> bytes | None:
    """Encoded bytes of a picture as a case file gives it; bytes and null stay what they are.

    Raises ValueError (pydantic's, or of base64) for what is neither base64 nor a description.
    """
    if picture is None or isinstance(picture, bytes):
        return picture
    if isinstance(picture, str):
        return base64.b64decode(picture, validate=True)
    return _drawn(json.dumps(picture, sort_keys=True))
