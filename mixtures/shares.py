"""Exact numbers as a recipe writes them: shares of a whole, and numbers of passes."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

_NUMBER = re.compile(r"(?P<decimal>\d+(\.\d+)?)(?P<percent>%?)|\d+/0*[1-9]\d*")
# `repeat` is an int16 column.
MAX_REPEAT = 32_767


def _exact(value: object) -> Fraction | None:
    """The number that is written, floats by their digits; None where it is none."""
    if isinstance(value, Fraction):
        return value
    text = format(Decimal(str(value)), "f") if isinstance(value, float) else str(value)
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    number = Fraction(match["decimal"] or match[0])
    return number / 100 if match["percent"] else number


def parse_share(value: object) -> Fraction:
    """ "14%", "7/50", "0.14" or a number as an exact rational in (0, 1]; floats by their digits."""
    share = _exact(value)
    if share is None:
        raise ValueError(f"{value!r} is no share; write it as 14%, 7/50 or 0.14")
    if not 0 < share <= 1:
        raise ValueError(f"{value!r} is not a share: it must be above 0 and at most 1 (100%)")
    return share


def parse_repeat(value: object) -> Fraction:
    """ "1/2", "0.008", "150%" or a number as an exact, positive number of passes."""
    passes = _exact(value)
    if passes is None:
        raise ValueError(f"{value!r} is no number of passes; write it as 2, 1/2, 0.5 or 50%")
    if not 0 < passes <= MAX_REPEAT:
        raise ValueError(f"{value!r} passes: must be above 0 and at most {MAX_REPEAT}")
    return passes


def _schema(maximum: int) -> WithJsonSchema:
    # JSON Schema knows no named groups.
    text = {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?%?|\d+/0*[1-9]\d*)\s*$"}
    number = {"type": "number", "exclusiveMinimum": 0, "maximum": maximum}
    return WithJsonSchema({"anyOf": [text, number]}, mode="validation")


_AS_TEXT = PlainSerializer(str, return_type=str)
Share = Annotated[Fraction, PlainValidator(parse_share), _AS_TEXT, _schema(1)]
Repeat = Annotated[Fraction, PlainValidator(parse_repeat), _AS_TEXT, _schema(MAX_REPEAT)]
