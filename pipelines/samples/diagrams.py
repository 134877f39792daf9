"""Diagrams of chains and cycles, and the panels of a matrix puzzle, drawn with Pillow."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from pipelines.samples.charts import INK, PALETTES, SCALE, Color, font

_CHAINS = (
    ("food chain", ("grass", "grasshopper", "frog", "snake", "hawk"), "is eaten by"),
    ("food chain", ("algae", "shrimp", "herring", "seal", "orca"), "is eaten by"),
    ("food chain", ("oak leaf", "caterpillar", "blue tit", "marten", "eagle"), "is eaten by"),
    ("food chain", ("plankton", "krill", "squid", "penguin", "leopard seal"), "is eaten by"),
    ("life cycle", ("egg", "larva", "pupa", "butterfly"), "becomes"),
    ("life cycle", ("spawn", "tadpole", "froglet", "frog"), "becomes"),
    ("life cycle", ("seed", "seedling", "young tree", "old tree"), "becomes"),
    ("water cycle", ("sea", "vapour", "cloud", "rain", "river"), "turns into"),
    ("rock cycle", ("magma", "basalt", "sand", "sandstone", "slate"), "turns into"),
    ("supply chain", ("mine", "smelter", "rolling mill", "factory", "shop"), "delivers to"),
    ("paper cycle", ("forest", "pulp", "paper", "waste paper"), "is made into"),
)


@dataclass(frozen=True, slots=True)
class Diagram:
    """Labels in order, each with an arrow to the next; in a cycle the last points to the first."""

    kind: str
    labels: tuple[str, ...]
    relation: str
    cyclic: bool

    def question(self, rng: random.Random) -> tuple[str, str, list[str]]:
        """A question, its answer, and two or three wrong answers, all of them labels."""
        last = len(self.labels) - (0 if self.cyclic else 1)
        start = rng.randrange(last)
        this, after = self.labels[start], self.labels[(start + 1) % len(self.labels)]
        asked = [
            (f"In the {self.kind}, what follows {this}?", after),
            (f"Which stage of this {self.kind} comes directly before {after}?", this),
            (f"The diagram shows that {this} {self.relation} what?", after),
        ]
        question, answer = rng.choice(asked)
        wrong = rng.sample([label for label in self.labels if label != answer], 3)
        return question, answer, wrong


def make_diagram(rng: random.Random, number: int) -> tuple[Diagram, Image.Image]:
    """Diagram `number` of a series: subjects take turns, the layout is drawn from `rng`."""
    kind, labels, relation = _CHAINS[number % len(_CHAINS)]
    diagram = Diagram(kind, labels, relation, "cycle" in kind and rng.random() < 0.7)
    size = rng.choice([256, 288, 320, 352])
    paper = rng.choice([(255, 255, 255), (246, 250, 244), (248, 246, 240)])
    image = Image.new("RGB", (size * SCALE, rng.choice([240, 288, 320]) * SCALE), paper)
    draw = ImageDraw.Draw(image)
    fill = tuple(255 - (255 - c) // 3 for c in rng.choice(rng.choice(PALETTES)))
    centres = _layout(rng, diagram, image.size)
    pairs = list(zip(centres, centres[1:], strict=False))
    for start, end in [*pairs, *([(centres[-1], centres[0])] if diagram.cyclic else [])]:
        _arrow(draw, start, end)
    for (x, y), label in zip(centres, labels, strict=True):
        half = (font(11).getlength(label) / 2 + 9 * SCALE, 13 * SCALE)
        box = (x - half[0], y - half[1], x + half[0], y + half[1])
        draw.rounded_rectangle(box, 7 * SCALE, fill, INK, SCALE)
        draw.text((x, y), label, INK, font(11), anchor="mm")
    return diagram, image.reduce(SCALE)


def _layout(
    rng: random.Random, diagram: Diagram, size: tuple[int, int]
) -> list[tuple[float, float]]:
    """Centres on a ring, or along a slanted line with some scatter."""
    width, height = size
    count = len(diagram.labels)
    if diagram.cyclic or rng.random() < 0.4:
        turn = rng.uniform(0, 2 * math.pi)
        way = rng.choice([-1, 1])
        angles = [turn + way * 2 * math.pi * n / count for n in range(count)]
        return [
            (width / 2 + 0.33 * width * math.cos(a), height / 2 + 0.37 * height * math.sin(a))
            for a in angles
        ]
    rows = [height * (n + 0.5) / count for n in range(count)]
    if rng.random() < 0.5:
        rows.reverse()
    sway = rng.choice([-0.22, -0.12, 0.12, 0.22]) * width
    return [(width / 2 + sway * (-1) ** n * rng.uniform(0.6, 1), y) for n, y in enumerate(rows)]


def _arrow(draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A line that ends in a head short of the box around `end`."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    ux, uy = dx / length, dy / length
    # The boxes are wide and low: stop further out where the arrow comes from the side.
    short = (18 + 26 * abs(ux)) * SCALE
    tip = (end[0] - ux * short, end[1] - uy * short)
    draw.line((*start, *tip), INK, 2 * SCALE)
    back = (tip[0] - ux * 8 * SCALE, tip[1] - uy * 8 * SCALE)
    side = (-uy * 4 * SCALE, ux * 4 * SCALE)
    head = [tip, (back[0] + side[0], back[1] + side[1]), (back[0] - side[0], back[1] - side[1])]
    draw.polygon(head, INK)


_SIDES = (3, 4, 5, 6, 40)
_GRAYS = (30, 90, 150, 210)
_SIZES = (22, 30, 38, 46)


@dataclass(frozen=True, slots=True)
class Matrix:
    """A three by three puzzle: nine panels and three wrong last ones, each (sides, size, gray)."""

    panels: tuple[tuple[int, int, int], ...]
    wrong: tuple[tuple[int, int, int], ...]


def make_matrix(rng: random.Random) -> Matrix:
    """Each attribute is constant in a row, or steps on from column to column."""
    starts = [[rng.randrange(len(v)) for v in (_SIDES, _SIZES, _GRAYS)] for _ in range(3)]
    steps = [rng.choice([0, 1]) for _ in range(3)]
    if not any(steps):
        steps[rng.randrange(3)] = 1
    panels = [
        tuple((start + step * column) % 4 for start, step in zip(starts[row], steps, strict=True))
        for row in range(3)
        for column in range(3)
    ]
    answer = panels[8]
    others = [
        (a, b, c) for a in range(4) for b in range(4) for c in range(4) if (a, b, c) != answer
    ]
    return Matrix(tuple((a, b, c) for a, b, c in panels), tuple(rng.sample(others, 3)))


def draw_panel(panel: tuple[int, int, int]) -> Image.Image:
    """One cell, 160 pixels square as in RAVEN: a regular polygon on white inside a thin frame."""
    sides, size, gray = _SIDES[panel[0]], _SIZES[panel[1]] * SCALE, _GRAYS[panel[2]]
    side = 160 * SCALE
    image = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, side - 1, side - 1), None, 0, SCALE)
    shade: Color = (gray, gray, gray)
    image = image.convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.regular_polygon((side / 2, side / 2, size * 1.4), sides, 0, shade, INK, 2 * SCALE)
    return image.reduce(SCALE).convert("L")
