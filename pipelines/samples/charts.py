"""Charts drawn with Pillow, and questions about them whose answers are computed from the data.

Everything is drawn at twice its size and reduced, for smooth lines; the font is the one inside
Pillow, so that no machine draws other letters.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]

SCALE = 2
INK: Color = (40, 40, 46)
PALETTES: tuple[tuple[Color, ...], ...] = (
    ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75)),
    ((0, 63, 92), (122, 81, 149), (239, 86, 117), (255, 166, 0), (47, 143, 137), (101, 110, 70)),
    ((38, 70, 83), (42, 157, 143), (233, 196, 106), (244, 162, 97), (231, 111, 81), (90, 90, 150)),
)
_SUBJECTS = (
    ("Visitors of the town museum", "thousand", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")),
    ("Rain in the valley", "mm", ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug")),
    ("Exports of the harbour", "tonnes", ("Wool", "Salt", "Timber", "Fish", "Grain", "Wine")),
    ("Books lent by branch", "hundred", ("North", "South", "East", "West", "Centre", "Hill")),
    ("Electric power by source", "GWh", ("Wind", "Solar", "Hydro", "Gas", "Coal", "Biomass")),
    ("Bicycles counted at bridges", "per hour", ("Oak", "Mill", "King", "Rail", "Ferry", "Lake")),
    ("Harvest of the orchard", "crates", ("Apple", "Pear", "Plum", "Quince", "Cherry", "Peach")),
    ("Students by faculty", "hundred", ("Law", "Arts", "Physics", "Music", "History", "Medicine")),
    ("Height of sunflowers", "cm", ("Bed 1", "Bed 2", "Bed 3", "Bed 4", "Bed 5", "Bed 6")),
    ("Parcels by district", "per day", ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta")),
)


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont:
    loaded = ImageFont.load_default(size_px * SCALE)
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: a title, a unit, and values by label."""

    kind: str
    title: str
    unit: str
    labels: tuple[str, ...]
    values: tuple[int, ...]

    def questions(self, rng: random.Random) -> list[tuple[str, str]]:
        """Three questions of six kinds, answered as briefly as ChartQA does."""
        labels, values = self.labels, self.values
        first, second = rng.sample(range(len(labels)), 2)
        high, low = max(values), min(values)
        asked = [
            (f"What is the value of {labels[first]}?", f"{values[first]}"),
            ("Which category has the highest value?", labels[values.index(high)]),
            ("Which category has the lowest value?", labels[values.index(low)]),
            ("What is the difference between the highest and the lowest value?", f"{high - low}"),
            (
                f"What is the sum of {labels[first]} and {labels[second]}?",
                _sum(values, first, second),
            ),
            (
                f"How many categories are above {(high + low) // 2}?",
                _above(values, (high + low) // 2),
            ),
        ]
        return rng.sample(asked, 3)


def _sum(values: tuple[int, ...], first: int, second: int) -> str:
    return str(values[first] + values[second])


def _above(values: tuple[int, ...], limit: int) -> str:
    return str(sum(value > limit for value in values))


def make_chart(rng: random.Random, number: int) -> tuple[Chart, Image.Image]:
    """Chart `number` of a series: subjects and kinds take turns, the data are drawn from `rng`."""
    title, unit, names = _SUBJECTS[number % len(_SUBJECTS)]
    kind = tuple(_KINDS)[(number + number // len(_SUBJECTS)) % len(_KINDS)]
    kept = set(rng.sample(names, rng.randint(4, len(names))))
    labels = tuple(name for name in names if name in kept)
    values = tuple(rng.sample(range(8, 97), len(labels)))
    chart = Chart(kind, f"{title}, {rng.randint(1998, 2024)}", unit, labels, values)
    size = (rng.choice([320, 384, 416]), rng.choice([240, 288, 320]))
    image = Image.new("RGB", (size[0] * SCALE, size[1] * SCALE), "white")
    draw = ImageDraw.Draw(image)
    draw.text((image.width // 2, 8 * SCALE), chart.title, INK, font(13), anchor="ma")
    _KINDS[kind](draw, chart, image.size, rng.choice(PALETTES), rng)
    return chart, image.reduce(SCALE)


def _axes(draw: ImageDraw.ImageDraw, size: tuple[int, int], unit: str, top: int) -> _Plot:
    """Axes with five grid lines and the unit; `top` is the value at the upper end."""
    plot = _Plot(46 * SCALE, 46 * SCALE, size[0] - 14 * SCALE, size[1] - 34 * SCALE, top)
    for step in range(6):
        value = top * step // 5
        y = plot.y(value)
        draw.line((plot.left, y, plot.right, y), (218, 218, 224), SCALE)
        draw.text((plot.left - 5 * SCALE, y), str(value), INK, font(10), anchor="rm")
    draw.line((plot.left, plot.top, plot.left, plot.bottom), INK, SCALE)
    draw.line((plot.left, plot.bottom, plot.right, plot.bottom), INK, SCALE)
    draw.text((8 * SCALE, plot.top - 8 * SCALE), unit, INK, font(10), anchor="ld")
    return plot


@dataclass(frozen=True, slots=True)
class _Plot:
    left: int
    top: int
    right: int
    bottom: int
    limit: int

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * value / self.limit


def _limit(chart: Chart) -> int:
    return -(-max(chart.values) // 25) * 25


def _bars(
    draw: ImageDraw.ImageDraw,
    chart: Chart,
    size: tuple[int, int],
    palette: tuple[Color, ...],
    rng: random.Random,
) -> None:
    plot = _axes(draw, size, chart.unit, _limit(chart))
    slot = (plot.right - plot.left) / len(chart.labels)
    one = rng.choice(palette) if rng.random() < 0.5 else None
    for n, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
        x = plot.left + slot * (n + 0.5)
        box = (x - slot * 0.33, plot.y(value), x + slot * 0.33, plot.bottom)
        draw.rectangle(box, one or palette[n % len(palette)])
        draw.text((x, plot.y(value) - 2 * SCALE), str(value), INK, font(10), anchor="md")
        draw.text((x, plot.bottom + 5 * SCALE), label, INK, font(10), anchor="ma")


def _rows(
    draw: ImageDraw.ImageDraw,
    chart: Chart,
    size: tuple[int, int],
    palette: tuple[Color, ...],
    rng: random.Random,
) -> None:
    left, right = 74 * SCALE, size[0] - 34 * SCALE
    top, bottom = 34 * SCALE, size[1] - 22 * SCALE
    slot = (bottom - top) / len(chart.labels)
    color = rng.choice(palette)
    for n, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
        y = top + slot * (n + 0.5)
        end = left + (right - left) * value / max(chart.values)
        draw.rectangle((left, y - slot * 0.32, end, y + slot * 0.32), color)
        draw.text((left - 5 * SCALE, y), label, INK, font(11), anchor="rm")
        draw.text((end + 4 * SCALE, y), str(value), INK, font(10), anchor="lm")
    draw.line((left, top, left, bottom), INK, SCALE)
    draw.text((left, bottom + 4 * SCALE), f"in {chart.unit}", INK, font(10), anchor="la")


def _line(
    draw: ImageDraw.ImageDraw,
    chart: Chart,
    size: tuple[int, int],
    palette: tuple[Color, ...],
    rng: random.Random,
) -> None:
    plot = _axes(draw, size, chart.unit, _limit(chart))
    slot = (plot.right - plot.left) / len(chart.labels)
    color = rng.choice(palette)
    points = [(plot.left + slot * (n + 0.5), plot.y(value)) for n, value in enumerate(chart.values)]
    if rng.random() < 0.4:
        base = [(points[-1][0], plot.bottom), (points[0][0], plot.bottom)]
        draw.polygon([*points, *base], tuple(255 - (255 - c) // 4 for c in color))
    draw.line(points, color, 3 * SCALE, joint="curve")
    for (x, y), label, value in zip(points, chart.labels, chart.values, strict=True):
        draw.ellipse((x - 4 * SCALE, y - 4 * SCALE, x + 4 * SCALE, y + 4 * SCALE), color)
        draw.text((x, y - 6 * SCALE), str(value), INK, font(10), anchor="md")
        draw.text((x, plot.bottom + 5 * SCALE), label, INK, font(10), anchor="ma")


def _pie(
    draw: ImageDraw.ImageDraw,
    chart: Chart,
    size: tuple[int, int],
    palette: tuple[Color, ...],
    rng: random.Random,
) -> None:
    radius = min(size[1] - 60 * SCALE, size[0] - 150 * SCALE) // 2
    cx, cy = 20 * SCALE + radius, 40 * SCALE + radius
    angle, total = rng.uniform(0, 360), sum(chart.values)
    shades = [*palette, (120, 130, 140), (190, 160, 90)]
    for n, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
        end = angle + 360 * value / total
        box = (cx - radius, cy - radius, cx + radius, cy + radius)
        draw.pieslice(box, angle, end, shades[n], "white", SCALE)
        angle = end
        x, y = cx + radius + 18 * SCALE, (44 + 20 * n) * SCALE
        draw.rectangle((x, y, x + 11 * SCALE, y + 11 * SCALE), shades[n])
        text = f"{label}  {value}"
        draw.text((x + 16 * SCALE, y + 5 * SCALE), text, INK, font(11), anchor="lm")


_Drawer = Callable[
    [ImageDraw.ImageDraw, Chart, tuple[int, int], tuple[Color, ...], random.Random], None
]
_KINDS: dict[str, _Drawer] = {"bar": _bars, "line": _line, "horizontal bar": _rows, "pie": _pie}
