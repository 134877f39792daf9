"""Pairs of pictures that differ in something that can be told: drawn marks, or an edit."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from pipelines.samples.stock import Gallery, Scene, jpeg, photos
from pipelines.samples.words import seeded

# Scenes whose crops differ enough from one another to serve many times.
MANY_VIEWS = (
    "astronaut",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "motorcycle",
    "motorcycle_right",
    "rocket",
    "hubble",
    "ihc",
    "moon",
    "retina",
    "brick",
    "grass",
    "gravel",
)
_COLORS = (
    ("red", (214, 40, 40)),
    ("blue", (30, 96, 200)),
    ("yellow", (245, 200, 30)),
    ("green", (44, 150, 70)),
    ("white", (245, 245, 245)),
    ("violet", (130, 70, 170)),
)
_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "centre", "right")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two JPEGs, and a question about them with its answer."""

    first: bytes
    second: bytes
    question: str
    answer: str


def view(gallery: Gallery, name: str, number: int) -> tuple[Scene, Image.Image]:
    """Picture `number` of a series: the scenes with many views take turns."""
    scenes = {scene.name: scene for scene in photos()}
    scene = scenes[MANY_VIEWS[number % len(MANY_VIEWS)]]
    return scene, gallery.take(scene, name, number)


def marked_pair(gallery: Gallery, name: str, number: int) -> Pair:
    """The second picture has one or two drawn shapes more than the first."""
    rng = seeded(name, "marks", number)
    scene, image = view(gallery, name, number)
    changed = image.copy()
    cells = rng.sample([(row, column) for row in range(3) for column in range(3)], 2)
    said = [_mark(changed, rng, cell) for cell in cells[: rng.randint(1, 2)]]
    where = f"Both pictures show {scene.subject}."
    answer = f"{where} In the second one there is {' and '.join(said)}."
    return Pair(jpeg(image), jpeg(changed), "What is different?", answer)


def _mark(image: Image.Image, rng: random.Random, cell: tuple[int, int]) -> str:
    color, rgb = rng.choice(_COLORS)
    shape = rng.choice(["disc", "square", "triangle", "ring"])
    x = image.width * (cell[1] + 0.5) / 3
    y = image.height * (cell[0] + 0.5) / 3
    radius = min(image.size) * rng.uniform(0.07, 0.12)
    draw = ImageDraw.Draw(image)
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "disc":
        draw.ellipse(box, rgb, (20, 20, 20), 2)
    elif shape == "ring":
        draw.ellipse(box, None, rgb, 5)
    elif shape == "square":
        draw.rectangle(box, rgb, (20, 20, 20), 2)
    else:
        draw.regular_polygon((x, y, radius), 3, 0, rgb, (20, 20, 20))
    return f"a {color} {shape} in the {_ROWS[cell[0]]} {_COLUMNS[cell[1]]}"


def _frame(image: Image.Image, rng: random.Random) -> tuple[Image.Image, str]:
    color, rgb = rng.choice(_COLORS)
    width = rng.randint(8, 16)
    framed = ImageOps.expand(ImageOps.crop(image, width), width, rgb)
    return framed, f"a {color} frame of {width} pixels runs around the picture"


def _sun(image: Image.Image, rng: random.Random) -> tuple[Image.Image, str]:
    changed = image.copy()
    corner = rng.choice([(0, 0), (0, 2), (2, 0), (2, 2)])
    return changed, f"somebody has added {_mark(changed, rng, corner)}"


def _darker(image: Image.Image, rng: random.Random) -> tuple[Image.Image, str]:
    percent = rng.randrange(35, 60, 5)
    dark = ImageEnhance.Brightness(image).enhance(percent / 100)
    return dark, f"the light has gone down to about {percent} percent, as if evening had come"


def _gray(image: Image.Image, rng: random.Random) -> tuple[Image.Image, str]:
    tint = rng.choice(["#6b4a2a", "#2a3f6b", "#2f5a3a"])
    toned = ImageOps.colorize(image.convert("L"), "black", "white", tint)
    names = {"#6b4a2a": "brown", "#2a3f6b": "blue", "#2f5a3a": "green"}
    return toned, f"the natural colours have given way to shades of {names[tint]}"


def _mirrored(image: Image.Image, rng: random.Random) -> tuple[Image.Image, str]:
    if rng.random() < 0.5:
        return ImageOps.mirror(image), "left and right have changed places"
    return ImageOps.flip(image), "everything stands on its head"


def _blurred(image: Image.Image, rng: random.Random) -> tuple[Image.Image, str]:
    radius = rng.randint(3, 6)
    blurred = image.filter(ImageFilter.GaussianBlur(radius))
    return blurred, "all outlines are soft, as if seen through a wet window"


def _closer(image: Image.Image, rng: random.Random) -> tuple[Image.Image, str]:
    percent = rng.randrange(50, 75, 5)
    border = round(min(image.size) * (100 - percent) / 200)
    near = ImageOps.crop(image, border).resize(image.size, Image.Resampling.BICUBIC)
    return near, f"the camera has come closer and shows only the middle {percent} percent"


_EDITS: tuple[Callable[[Image.Image, random.Random], tuple[Image.Image, str]], ...] = (
    _frame,
    _darker,
    _sun,
    _gray,
    _mirrored,
    _blurred,
    _closer,
)
_ASKS = (
    "What's the detailed difference between the 2 images? Please list in detail.",
    "Compare the two images and say what was edited.",
    "How does the second image differ from the first?",
    "Describe the edit that leads from the first picture to the second.",
)


def edited_pair(gallery: Gallery, name: str, number: int) -> Pair:
    """The second picture is an edit of the whole first one; the kinds of edits take turns."""
    rng = seeded(name, "edit", number)
    scene, image = view(gallery, name, number)
    edit = _EDITS[(number + number // len(MANY_VIEWS)) % len(_EDITS)]
    changed, said = edit(image, rng)
    openings = (
        f"The first image shows {scene.subject} as it was taken.",
        f"Both images show {scene.subject}.",
        f"{scene.captions[number % len(scene.captions)]}",
    )
    answer = f"{rng.choice(openings)} In the second image {said}."
    return Pair(jpeg(image), jpeg(changed), _ASKS[number % len(_ASKS)], answer)
