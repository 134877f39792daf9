"""What an address asks for: a page, words that columns must have, and ranges of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from urllib.parse import urlencode

import polars as pl

from manifests.errors import UsageError, nearest

Fields = Mapping[str, Sequence[str]]
# A range in a form: what it is of, and its ends, either of which may be left out.
_SPAN = ("of", "low", "high")
_MAX_SPANS = 4


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`, both allowed; `name` is a column, or `filter.column`."""

    name: str
    low: float | None
    high: float | None

    @property
    def is_score(self) -> bool:
        return "." in self.name

    def fits(self, value: pl.Expr) -> pl.Expr:
        """Whether a number is in it; what is not known is not."""
        number = value.cast(pl.Float64)
        low = pl.lit(True) if self.low is None else number >= self.low
        high = pl.lit(True) if self.high is None else number <= self.high
        return (low & high & number.is_not_null()).fill_null(False)


@dataclass(frozen=True, slots=True)
class Asked:
    """`words` are what columns must be; equal questions are equal, whatever page they are of."""

    page: int = 1
    words: tuple[tuple[str, str], ...] = ()
    spans: tuple[Span, ...] = ()

    def word(self, name: str) -> str:
        return dict(self.words).get(name, "")

    @property
    def scores(self) -> tuple[Span, ...]:
        return tuple(span for span in self.spans if span.is_score)

    @property
    def question(self) -> Asked:
        """The same of the first page."""
        return replace(self, page=1)

    def at(self, page: int) -> str:
        """The query that asks for another page of this."""
        pairs = [*self.words, *(pair for span in self.spans for pair in _pairs(span))]
        return urlencode([*pairs, ("page", str(page))])


def read_asked(fields: Fields, names: Sequence[str], spans: Sequence[str]) -> Asked:
    """The question of a form with these words, and ranges of these; UsageError for any other."""
    known = [*names, *_SPAN, "page"]
    for name in fields:
        if name not in known:
            raise UsageError(f"nothing is asked by {name!r}{nearest(name, known)}")
    words = tuple((name, word) for name in names if (word := one(fields, name)))
    return Asked(_page(one(fields, "page")), words, _spans(fields, spans))


def one(fields: Fields, name: str) -> str:
    """The word of a field, empty where there is none; UsageError where there are several."""
    found = fields.get(name, ())
    if len(found) > 1:
        raise UsageError(f"{name} is said {len(found)} times; say it once")
    return found[0].strip() if found else ""


def whole_number(text: str, name: str) -> int:
    """A number from 0 on, of any of the digits 0 to 9."""
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise UsageError(f"{name} {text!r} is no whole number")
    return int(text)


def _page(text: str) -> int:
    return max(whole_number(text, "page"), 1) if text else 1


def _spans(fields: Fields, known: Sequence[str]) -> tuple[Span, ...]:
    rows = list(zip_longest(*(fields.get(name, ()) for name in _SPAN), fillvalue=""))
    if len(rows) > _MAX_SPANS:
        raise UsageError(f"{len(rows)} ranges are asked for; at most {_MAX_SPANS}")
    found = []
    for name, low, high in rows:
        if not name:
            continue
        if name not in known:
            raise UsageError(f"there are no numbers {name!r}{nearest(name, known)}")
        found.append(Span(name, _number(low), _number(high)))
    return tuple(found)


def _number(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{text!r} is no number") from None
    if not math.isfinite(value):
        raise UsageError(f"{text!r} is no number that a range can end at")
    return value


def _pairs(span: Span) -> list[tuple[str, str]]:
    ends = ["" if end is None else f"{end:g}" for end in (span.low, span.high)]
    return list(zip(_SPAN, (span.name, *ends), strict=True))
