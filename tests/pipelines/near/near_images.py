"""Photos, pages and blanks, and their copies, for tests of near duplicates."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from functools import cache

from PIL import Image

from filters._drawn import picture_bytes
from filters.pixels import Pixels, pixels_of, read_pixels
from pipelines.near.image_codes import ImageCode, image_code
from pipelines.near.image_columns import ImageColumns
from pipelines.samples.pages import make_page
from tests.filters.pictures import picture

PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "coins", "rocket")
GROUNDS = ("moon", "cell", "gravel", "grass")


@cache
def photos() -> tuple[Image.Image, ...]:
    """scikit-image's, and some of clouds, which have a photo's scales."""
    drawn = [
        picture_bytes({"draw": "clouds", "seed": 100 * seed, "size": [320, 240]})
        for seed in range(4)
    ]
    clouds = [Image.open(io.BytesIO(data)).convert("RGB") for data in drawn if data]
    return (*(picture(name).convert("RGB") for name in PHOTOS), *clouds)


@cache
def grounds() -> Mapping[str, Image.Image]:
    """Photos of a sky, of cells on glass, and of stones and grass from near."""
    box = (100, 100, 356, 356)
    near = {name: picture(name).convert("L").crop(box) for name in ("gravel", "grass")}
    return {"moon": picture("moon"), "cell": picture("cell"), **near}


@cache
def pages() -> tuple[Image.Image, ...]:
    """Letters, receipts, forms and tables: three of each."""
    return tuple(make_page(random.Random(number), number)[0] for number in range(12))


def blank(level: int = 200, size: tuple[int, int] = (120, 90)) -> Image.Image:
    return Image.new("L", size, level)


def saved(image: Image.Image, form: str = "JPEG", quality: int = 85) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, form, quality=quality)
    return read_pixels(buffer.getvalue()).image


def cut(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Without these parts of its sides."""
    width, height = image.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return image.crop(tuple(map(round, box)))  # type: ignore[arg-type]


def seen(image: Image.Image) -> Pixels:
    return pixels_of(image)


def columns(images: Sequence[Image.Image]) -> ImageColumns:
    return ImageColumns.of_codes(codes(images))


def codes(images: Sequence[Image.Image]) -> list[ImageCode]:
    return [image_code(pixels_of(image)) for image in images]
