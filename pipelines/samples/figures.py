"""Figures of plane geometry, drawn with Pillow, with a description and a question each."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from pipelines.samples.charts import INK, SCALE, font

Point = tuple[float, float]


class Figure(NamedTuple):
    """`steps` lead to `answer`, which is one of `choices`."""

    description: str
    question: str
    choices: tuple[str, ...]
    steps: str
    answer: str


def make_figure(rng: random.Random, number: int) -> tuple[Figure, Image.Image]:
    """Figure `number` of a series: the three kinds take turns. Between 200 and 280 pixels wide."""
    size = rng.choice([200, 224, 256, 280])
    image = Image.new("RGB", (size * SCALE, size * SCALE), "white")
    figure = _KINDS[number % len(_KINDS)](ImageDraw.Draw(image), rng, size * SCALE)
    return figure, image.reduce(SCALE)


def _choices(rng: random.Random, value: int, unit: str) -> tuple[str, ...]:
    values = {value}
    while len(values) < 4:
        values.add(max(1, value + rng.choice([-30, -20, -10, -5, 5, 10, 15, 25])))
    return tuple(f"{one}{unit}" for one in sorted(values))


def _triangle(draw: ImageDraw.ImageDraw, rng: random.Random, size: int) -> Figure:
    a, b, c = rng.sample("ABCDEFGHKLMNPQRS", 3)
    left, right = rng.randrange(30, 75, 5), rng.randrange(35, 80, 5)
    top = 180 - left - right
    x0, x1, y = 0.12 * size, 0.88 * size, rng.uniform(0.75, 0.88) * size
    tans = math.tan(math.radians(left)), math.tan(math.radians(right))
    high = min((x1 - x0) * tans[0] * tans[1] / (tans[0] + tans[1]), y - 0.12 * size)
    apex = x0 + (x1 - x0) * tans[1] / (tans[0] + tans[1]), y - high
    _polygon(draw, [(x0, y), (x1, y), apex], (a, b, c))
    _label(draw, (x0 + 0.12 * size, y - 0.05 * size), f"{left}\u00b0")
    _label(draw, (x1 - 0.12 * size, y - 0.05 * size), f"{right}\u00b0")
    return Figure(
        f"The figure shows triangle {a}{b}{c}. The angle at {a} is {left} degrees and the angle at "
        f"{b} is {right} degrees.",
        f"In triangle {a}{b}{c}, angle {a} is {left} degrees and angle {b} is {right} degrees. "
        f"What is the size of angle {c}?",
        _choices(rng, top, " degrees"),
        f"The angles of a triangle add up to 180 degrees, so angle {c} is 180 - {left} - {right} = "
        f"{top} degrees.",
        f"{top} degrees",
    )


def _rectangle(draw: ImageDraw.ImageDraw, rng: random.Random, size: int) -> Figure:
    names = "".join(rng.sample("ABCDEFGHKLMNPQRS", 4))
    wide, high = rng.randint(6, 19), rng.randint(3, 12)
    unit = 0.7 * size / max(wide, high)
    x, y = (size - wide * unit) / 2, (size - high * unit) / 2
    corners = [(x, y), (x + wide * unit, y), (x + wide * unit, y + high * unit)]
    _polygon(draw, [*corners, (x, y + high * unit)], tuple(names))
    draw.line((*corners[0], *corners[2]), INK, SCALE)
    _label(draw, (size / 2, y - 0.05 * size), str(wide))
    _label(draw, (x + wide * unit + 0.05 * size, size / 2), str(high))
    area = wide * high // 2 if wide * high % 2 == 0 else wide * high
    what = "triangle " + names[:3] if wide * high % 2 == 0 else "rectangle " + names
    return Figure(
        f"Rectangle {names} is {wide} wide and {high} high. Its diagonal {names[0]}{names[2]} "
        "divides it into two triangles.",
        f"Rectangle {names} has sides of {wide} and {high}. What is the area of {what}?",
        _choices(rng, area, ""),
        f"The rectangle has an area of {wide} x {high} = {wide * high}; {what} has {area}.",
        str(area),
    )


def _circle(draw: ImageDraw.ImageDraw, rng: random.Random, size: int) -> Figure:
    o, a, b, c = rng.sample("ABCDEFGHKLMNPQRS", 4)
    center, radius = size / 2, rng.uniform(0.3, 0.38) * size
    half, turn = rng.randrange(20, 75, 5), rng.uniform(0, 360)
    places = [_on(center, radius, turn + angle) for angle in (0, 2 * half, 180 + half)]
    draw.ellipse((center - radius,) * 2 + (center + radius,) * 2, outline=INK, width=2 * SCALE)
    for begin, end in ((0, 2), (1, 2)):
        draw.line((*places[begin], *places[end]), INK, SCALE)
    for place in places[:2]:
        draw.line((center, center, *place), INK, SCALE)
    for name, place in zip((a, b, c), places, strict=True):
        _label(draw, _on(center, radius + 0.07 * size, _angle(center, place)), name)
    _label(draw, (center, center + 0.06 * size), o)
    return Figure(
        f"Points {a}, {b} and {c} lie on a circle with centre {o}. The central angle {a}{o}{b} is "
        f"{2 * half} degrees.",
        f"{a}, {b} and {c} lie on the circle with centre {o}, and angle {a}{o}{b} is {2 * half} "
        f"degrees. Find angle {a}{c}{b}.",
        _choices(rng, half, " degrees"),
        f"The inscribed angle {a}{c}{b} is half of the central angle over the same arc, so it is "
        f"{half} degrees.",
        f"{half} degrees",
    )


def _on(center: float, radius: float, angle: float) -> Point:
    x = center + radius * math.cos(math.radians(angle))
    return x, center + radius * math.sin(math.radians(angle))


def _angle(center: float, place: Point) -> float:
    return math.degrees(math.atan2(place[1] - center, place[0] - center))


def _polygon(draw: ImageDraw.ImageDraw, corners: Sequence[Point], names: Sequence[str]) -> None:
    draw.polygon([tuple(corner) for corner in corners], outline=INK, width=2 * SCALE)
    middle = [sum(values) / len(corners) for values in zip(*corners, strict=True)]
    for name, (x, y) in zip(names, corners, strict=True):
        away = math.hypot(x - middle[0], y - middle[1])
        far = 1 + 12 * SCALE / away
        _label(draw, (middle[0] + (x - middle[0]) * far, middle[1] + (y - middle[1]) * far), name)


def _label(draw: ImageDraw.ImageDraw, place: Point, text: str) -> None:
    draw.text(place, text, INK, font(12), anchor="mm")


_KINDS = (_triangle, _rectangle, _circle)
