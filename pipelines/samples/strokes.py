"""A pen: glyphs as strokes, written with the jitter and timing of a hand, and InkML around them.

Points of a glyph are pairs of digits on a grid of 0 to A (ten), x to the right and y down; a point
given twice is a corner, else the pen draws a smooth curve; a stroke of one point is a dot.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from xml.sax.saxutils import escape

Point = tuple[float, float, float]
Stroke = list[Point]


@dataclass(frozen=True, slots=True)
class Token:
    """A glyph and the box that it fills, in ink units."""

    name: str
    x_min: float
    y_min: float
    x_max: float
    y_max: float


# Glyph: (width in tenths of the height of a digit, its top, its bottom, strokes). Baseline is 10.
_TALL, _LOW, _DEEP = (0, 10), (4, 10), (4, 13)
GLYPHS: dict[str, tuple[float, tuple[float, float], str]] = {
    "0": (6, _TALL, "50 20 04 06 2A 5A 8A A6 A4 80 50"),
    "1": (3, _TALL, "13 60 60 6A"),
    "2": (6, _TALL, "12 30 60 92 84 0A 0A AA"),
    "3": (6, _TALL, "11 40 82 74 45 45 86 98 6A 2A 09"),
    "4": (6, _TALL, "40 06 06 A6|72 7A"),
    "5": (6, _TALL, "20 15 15 64 97 6A 2A 09|20 90"),
    "6": (6, _TALL, "80 33 07 2A 7A 97 65 26 07"),
    "7": (6, _TALL, "00 A0 A0 3A"),
    "8": (6, _TALL, "82 50 22 44 76 88 5A 28 36 64 82"),
    "9": (6, _TALL, "82 40 13 45 83 82 82 7A"),
    "a": (6, _LOW, "81 30 05 2A 68 91 91 9A"),
    "b": (5, _TALL, "10 1A|16 44 87 6A 1A"),
    "c": (5, _LOW, "92 50 14 29 6A 98"),
    "d": (6, _TALL, "85 45 17 3A 79 85|80 8A"),
    "e": (5, _LOW, "05 95 82 40 15 29 6A 99"),
    "f": (5, _TALL, "91 60 43 4A|15 85"),
    "g": (6, _DEEP, "81 40 12 36 74 81 81 88 6A 2A"),
    "h": (6, _TALL, "10 1A|16 54 86 8A"),
    "i": (3, _TALL, "54 5A|51"),
    "k": (6, _TALL, "10 1A|84 17 17 8A"),
    "m": (9, _LOW, "01 0A|03 20 43 4A|43 70 93 9A"),
    "n": (6, _LOW, "11 1A|13 50 83 8A"),
    "p": (6, _DEEP, "10 1A|11 50 83 66 16"),
    "q": (6, _DEEP, "81 40 13 36 75 81|80 8A"),
    "r": (5, _LOW, "20 2A|24 51 81"),
    "s": (5, _LOW, "82 50 22 55 88 5A 18"),
    "t": (5, _TALL, "40 49 6A 89|13 83"),
    "u": (6, _LOW, "10 17 4A 77 80 80 8A"),
    "v": (6, _LOW, "00 5A 5A A0"),
    "w": (8, _LOW, "00 2A 2A 53 53 8A 8A A0"),
    "x": (6, _LOW, "00 AA|A0 0A"),
    "y": (6, _DEEP, "00 45|90 2A"),
    "z": (6, _LOW, "00 A0 A0 0A 0A AA"),
    "A": (7, _TALL, "0A 50 50 AA|26 86"),
    "F": (6, _TALL, "00 0A|00 90|05 75"),
    "H": (7, _TALL, "00 0A|A0 AA|05 A5"),
    "L": (6, _TALL, "00 0A 0A AA"),
    "N": (7, _TALL, "0A 00 00 AA AA A0"),
    "P": (6, _TALL, "10 1A|10 71 85 16"),
    "R": (7, _TALL, "10 1A|10 71 85 16 16 9A"),
    "T": (7, _TALL, "00 A0|50 5A"),
    r"\alpha": (7, _LOW, "91 57 2A 05 20 55 9A"),
    r"\beta": (5, (0, 13), "1A 13 50 83 55 86 68 28"),
    r"\pi": (7, _LOW, "01 A0|30 2A|70 7A 9A"),
    r"\theta": (6, _TALL, "50 15 5A 95 50|15 95"),
    r"\lambda": (6, _TALL, "10 30 9A|46 0A"),
    r"\phi": (6, (2, 13), "52 15 58 95 52|60 4A"),
    r"\infty": (9, _LOW, "55 20 05 2A 55 80 A5 8A 55"),
    r"\partial": (6, _TALL, "41 70 95 7A 2A 16 54 85"),
    "+": (6, (3, 9), "50 5A|05 A5"),
    "-": (6, (5.5, 6.5), "05 A5"),
    "=": (7, (4, 8), "02 A2|08 A8"),
    "(": (3, (-1, 11), "80 33 37 8A"),
    ")": (3, (-1, 11), "20 73 77 2A"),
    "<": (6, (3, 9), "A0 05 05 AA"),
    ">": (6, (3, 9), "00 A5 A5 0A"),
    "!": (3, _TALL, "50 57|5A"),
    r"\times": (5, (4, 9), "00 AA|A0 0A"),
    r"\cdot": (2, (5, 7), "55"),
    r"\in": (6, (3, 10), "90 30 05 3A 9A|05 85"),
    r"\rightarrow": (9, (3, 9), "05 A5|72 A5 A5 78"),
    r"\int": (6, (-3, 13), "A1 80 62 58 3A 09"),
    r"\sum": (8, (-1, 11), "A0 00 00 55 55 0A 0A AA"),
    r"\frac": (0, (0, 0), "05 A5"),
    r"\sqrt": (0, (0, 0), "06 25 5A 5A A0"),
}


def _digit(sign: str) -> float:
    return int(sign, 16) / 10


def _corners(text: str) -> list[list[tuple[float, float]]]:
    """The smooth pieces of a stroke, in the unit square."""
    points = [(_digit(pair[0]), _digit(pair[1])) for pair in text.split()]
    pieces, piece = [], [points[0]]
    for point in points[1:]:
        if point == piece[-1]:
            pieces.append(piece)
            piece = []
        piece.append(point)
    return [*pieces, piece]


def _smooth(piece: list[tuple[float, float]], per_span: int) -> list[tuple[float, float]]:
    """Points of a Catmull-Rom curve through `piece`."""
    if len(piece) == 1:
        return piece
    padded = [piece[0], *piece, piece[-1]]
    curve = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(per_span):
            t = step / per_span
            x, y = (_cubic(p, q, r, s, t) for p, q, r, s in zip(a, b, c, d, strict=True))
            curve.append((x, y))
    return [*curve, piece[-1]]


def _cubic(p: float, q: float, r: float, s: float, t: float) -> float:
    return 0.5 * (
        2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t * t + (3 * q - p - 3 * r + s) * t**3
    )


class Pen:
    """Writes tokens: a slant, a size of tremble and a speed of its own, seeded by `rng`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._slant = rng.uniform(-0.05, 0.18)
        self._tremble = rng.uniform(0.008, 0.022)
        self._step_ms = rng.choice([8, 9, 11, 16])
        self._per_span = rng.choice([4, 5, 7])
        self._now_ms = 0.0

    def write(self, tokens: list[Token]) -> list[Stroke]:
        strokes = []
        for token in tokens:
            for text in GLYPHS[token.name][2].split("|"):
                strokes.append(self._stroke(token, text))
        return strokes

    def _stroke(self, token: Token, text: str) -> Stroke:
        width, height = token.x_max - token.x_min, token.y_max - token.y_min
        size = max(width, height)
        stroke: Stroke = []
        wobble_x = wobble_y = 0.0
        for piece in _corners(text):
            for x, y in _smooth(piece, self._per_span):
                # The hand drifts and is pulled back: no two points jump independently.
                wobble_x = 0.7 * wobble_x + self._rng.gauss(0, self._tremble * size * 0.6)
                wobble_y = 0.7 * wobble_y + self._rng.gauss(0, self._tremble * size * 0.6)
                px = token.x_min + x * width + self._slant * (1 - y) * height + wobble_x
                stroke.append((px, token.y_min + y * height + wobble_y, self._now_ms))
                self._now_ms += self._step_ms
        self._now_ms += self._rng.randint(90, 320)
        return stroke


def write_inkml(annotations: dict[str, str], strokes: list[Stroke]) -> bytes:
    """An ink as MathWriting spells it: same header, order and number format."""
    lines = ['<ink xmlns="http://www.w3.org/2003/InkML">']
    lines += [
        f'  <annotation type="{kind}">{escape(text)}</annotation>'
        for kind, text in annotations.items()
    ]
    lines += [
        "  <traceFormat>",
        '    <channel name="X" type="decimal" />',
        '    <channel name="Y" type="decimal" />',
        '    <channel name="T" type="decimal" units="ms" />',
        "  </traceFormat>",
    ]
    for number, stroke in enumerate(strokes):
        points = ",".join(f"{x:.2f} {y:.2f} {t:.1f}" for x, y, t in stroke)
        lines.append(f'  <trace id="{number}">{points}</trace>')
    return "\n".join([*lines, "</ink>"]).encode()
