"""Mathematical expressions: their LaTeX, as written and normalised, and boxes for their glyphs.

`Part` is a laid-out piece with its baseline at y = 10 (a digit reaches from 0 to 10); pieces are
put side by side, raised, stacked as fractions or put under a root.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pipelines.samples.strokes import GLYPHS, Token

_LETTERS = tuple("abcdefghkmnpqrstuvwxyz")
_GREEK = (r"\alpha", r"\beta", r"\pi", r"\theta", r"\lambda", r"\phi")
_GAP = 1.4


@dataclass(frozen=True, slots=True)
class Part:
    """LaTeX twice (as an author writes it, and normalised), and glyph boxes from x = 0 on."""

    label: str
    normalized: str
    tokens: tuple[Token, ...]

    @property
    def width(self) -> float:
        return max((token.x_max for token in self.tokens), default=0.0)

    @property
    def top(self) -> float:
        return min(token.y_min for token in self.tokens)

    @property
    def bottom(self) -> float:
        return max(token.y_max for token in self.tokens)


def _moved(part: Part, dx: float, dy: float, scale: float = 1.0) -> tuple[Token, ...]:
    return tuple(
        Token(
            t.name,
            t.x_min * scale + dx,
            t.y_min * scale + dy,
            t.x_max * scale + dx,
            t.y_max * scale + dy,
        )
        for t in part.tokens
    )


def sign(name: str) -> Part:
    width, (top, bottom), _ = GLYPHS[name]
    return Part(name, name, (Token(name, 0, top, width, bottom),))


def row(*parts: Part, spaced: bool = False) -> Part:
    """Side by side; `spaced` writes blanks between the pieces of the label, which mean nothing."""
    tokens: list[Token] = []
    x = 0.0
    for part in parts:
        tokens += _moved(part, x, 0)
        x = max(token.x_max for token in tokens) + _GAP
    labels = [part.label for part in parts]
    label = " ".join(labels) if spaced else _join(labels)
    return Part(label, _join(part.normalized for part in parts), tuple(tokens))


def _join(pieces: Iterable[str]) -> str:
    """Pieces without blanks, but for the one that must end a command before a letter."""
    text = ""
    for piece in pieces:
        command = text.rsplit("\\", 1)
        open_command = len(command) == 2 and command[1].isalpha()
        text += (" " if open_command and piece[:1].isalpha() else "") + piece
    return text


def word(text: str) -> Part:
    return row(*(sign(character) for character in text))


def power(base: Part, exponent: Part) -> Part:
    short = len(exponent.label) == 1
    tokens = (*base.tokens, *_moved(exponent, base.width + 0.8, -3.5, 0.6))
    label = f"{base.label}^{exponent.label}" if short else f"{base.label}^{{{exponent.label}}}"
    return Part(label, f"{base.normalized}^{{{exponent.normalized}}}", tokens)


def subscript(base: Part, index: Part) -> Part:
    tokens = (*base.tokens, *_moved(index, base.width + 0.6, 7, 0.55))
    label = f"{base.label}_{index.label}" if len(index.label) == 1 else ""
    label = label or f"{base.label}_{{{index.label}}}"
    return Part(label, f"{base.normalized}_{{{index.normalized}}}", tokens)


def fraction(upper: Part, lower: Part) -> Part:
    width = max(upper.width, lower.width) + 2
    bar = Token(r"\frac", 0, 5.5, width, 6.5)
    tokens = (
        *_moved(upper, (width - upper.width) / 2, 4 - upper.bottom),
        bar,
        *_moved(lower, (width - lower.width) / 2, 8 - lower.top),
    )
    label = rf"\frac{{{upper.label}}}{{{lower.label}}}"
    return Part(label, rf"\frac{{{upper.normalized}}}{{{lower.normalized}}}", tokens)


def root(inner: Part) -> Part:
    top = inner.top - 2
    hook = Token(r"\sqrt", 0, top, 6, inner.bottom)
    # The bar is a rule of its own, as TeX sets it.
    bar = Token(r"\frac", 6, top - 0.5, inner.width + 7.5, top + 0.5)
    tokens = (hook, bar, *_moved(inner, 6.5, 0))
    return Part(rf"\sqrt{{{inner.label}}}", rf"\sqrt{{{inner.normalized}}}", tokens)


def scaled(part: Part, units: float, x: float, y: float) -> Part:
    """The part with a digit `units` high and its corner at (x, y), as inks of devices differ."""
    factor = units / 10
    return replace(part, tokens=_moved(part, x, y - part.top * factor, factor))


def _letter(rng: random.Random) -> Part:
    return sign(rng.choice(_LETTERS))


def _greek(rng: random.Random) -> Part:
    return sign(rng.choice(_GREEK))


def _number(rng: random.Random, digits: int = 2) -> Part:
    return word(str(rng.randint(1, 10**digits - 1)))


def _equation(rng: random.Random) -> Part:
    a, b = rng.randint(2, 98), rng.randint(2, 98)
    parts = [word(str(a)), sign("+"), word(str(b)), sign("="), word(str(a + b))]
    return row(*parts, spaced=rng.random() < 0.7)


def _polynomial(rng: random.Random) -> Part:
    x = _letter(rng)
    squared = power(x, sign(rng.choice("23456")))
    middle = row(_number(rng, 1), x)
    parts = [squared, sign(rng.choice("+-")), middle, sign("="), _number(rng)]
    return row(*parts, spaced=rng.random() < 0.5)


def _quotient(rng: random.Random) -> Part:
    upper = row(_letter(rng), sign(rng.choice("+-")), _number(rng, 1), spaced=True)
    return row(fraction(upper, rng.choice([_letter, _number])(rng)), sign("="), _greek(rng))


def _rooted(rng: random.Random) -> Part:
    inner = row(power(_letter(rng), sign("2")), sign("+"), power(_letter(rng), sign("2")))
    return row(_letter(rng), sign("="), root(inner))


def _integral(rng: random.Random) -> Part:
    x = _letter(rng)
    inside = rng.choice([power(x, _number(rng, 1)), row(_greek(rng), sign("("), x, sign(")"))])
    return row(sign(r"\int"), inside, row(sign("d"), x))


def _series(rng: random.Random) -> Part:
    index = rng.choice("kimn")
    term = fraction(sign("1"), power(sign(index), sign(rng.choice("2345"))))
    head = subscript(sign(r"\sum"), sign(index))
    return row(head, term, sign(rng.choice("<=>")), _number(rng, 1))


def _membership(rng: random.Random) -> Part:
    element = subscript(_letter(rng), _number(rng, 1))
    return row(element, sign(r"\in"), sign(rng.choice("AFHLNPRT")), spaced=True)


def _limit(rng: random.Random) -> Part:
    function = row(sign(rng.choice("fgh")), sign("("), _letter(rng), sign(")"))
    return row(function, sign(r"\rightarrow"), sign(r"\infty"), spaced=True)


def _factorial(rng: random.Random) -> Part:
    number = rng.randint(3, 9)
    product = row(word(str(number)), sign(r"\cdot"), row(word(str(number - 1)), sign("!")))
    return row(row(word(str(number)), sign("!")), sign("="), product)


def _derivative(rng: random.Random) -> Part:
    upper = row(sign(r"\partial"), sign(rng.choice("fgu")))
    lower = row(sign(r"\partial"), _letter(rng))
    return row(fraction(upper, lower), sign("="), _number(rng, 1), _greek(rng))


_KINDS: tuple[Callable[[random.Random], Part], ...] = (
    _equation,
    _polynomial,
    _quotient,
    _rooted,
    _integral,
    _series,
    _membership,
    _limit,
    _factorial,
    _derivative,
)


def make_expression(rng: random.Random, number: int) -> Part:
    """Expression `number` of a series: the ten kinds take turns."""
    return _KINDS[number % len(_KINDS)](rng)
