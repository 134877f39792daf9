"""What a condition compares: columns and values, as polars expressions of one kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Literal

import polars as pl

ValueKind = Literal["number", "text", "truth"]
KIND_WORDS: dict[ValueKind, str] = {
    "number": "a number",
    "text": "text",
    "truth": "true or false",
}
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}


@dataclass(frozen=True, slots=True)
class Operand:
    """A column (`name`) or a value; `kind` is None for a column whose own is not known here."""

    at: int
    kind: ValueKind | None
    name: str | None = None
    value: str | float | bool | None = None

    def __str__(self) -> str:
        return self.name if self.name is not None else repr(self.value)

    def expr(self, kind: ValueKind) -> pl.Expr:
        """Null where the column holds nothing of that kind, NaN included."""
        if self.name is None:
            return pl.lit(self.value)
        column = pl.col(self.name)
        if self.kind is not None:
            return column
        if kind == "number":
            return column.cast(pl.Float64, strict=False).fill_nan(None)
        if kind == "text":
            return column.cast(pl.String)
        # Upstream's true and false are words here; a score column holds the booleans themselves.
        words = column.cast(pl.String)
        return pl.when(words == "true").then(True).when(words == "false").then(False)


def compare(left: Operand, sign: str, right: Operand, kind: ValueKind) -> pl.Expr:
    expr: pl.Expr = _SIGNS[sign](left.expr(kind), right.expr(kind))
    return expr


def is_one_of(column: Operand, values: Sequence[Operand], kind: ValueKind) -> pl.Expr:
    """Null where the column is null."""
    expr = column.expr(kind)
    if kind == "number":
        wanted = pl.Series([float(value.value or 0) for value in values], dtype=pl.Float64)
        return expr.cast(pl.Float64).is_in(wanted.implode())
    return expr.is_in(pl.Series([value.value for value in values]).implode())
