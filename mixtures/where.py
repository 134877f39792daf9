"""Conditions on samples, as a component's `where` has them: parsed into a closed language.

    duration_s >= 60 and duration_s < 180
    30 <= duration_s < 60 or num_turns > 4
    subset in ['cc', 'wiki'] and not (roles.num_messages == 1)
    extra.language == 'en' and extra.quality is not null

    column                     what it is
    duration_s                 number: seconds of all clips of the sample; 0 without clips
    num_images                 number: images and frames that are written
    num_turns                  number
    num_tokens                 number: ids that are written, in the recipe's processor and style
    num_answer_tokens          number
    source, subset, category   text
    modality, kind, license    text
    <filter>.<score>           a stored score of a filter that the recipe names
    extra.<field>              an upstream field that samples keep in `extra`

Comparisons (chained too), `in [..]`, `is null`, and, or, not, parentheses, numbers, 'text', true,
false; nothing is called, computed or looked up. A comparison with a null is neither true nor false,
as in SQL; a sample for which the whole is not true is not taken: conditions fail closed.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from functools import cache
from typing import get_args

import polars as pl

from manifests.errors import nearest
from manifests.schema import MODALITIES, Kind
from mixtures.where_text import WhereText
from mixtures.where_values import KIND_WORDS, Operand, ValueKind, compare, is_one_of

EXTRA = "extra"
INDEX_COLUMNS: dict[str, ValueKind] = {
    **dict.fromkeys(
        ("duration_s", "num_images", "num_turns", "num_tokens", "num_answer_tokens"), "number"
    ),
    **dict.fromkeys(("source", "subset", "category", "modality", "kind", "license"), "text"),
}
# What some columns can hold at all.
_WORDS: dict[str, tuple[str, ...]] = {"modality": MODALITIES, "kind": get_args(Kind)}
_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
# Beyond, floats would not tell neighbours apart.
_MAX_NUMBER = 2**53


@dataclass(frozen=True, slots=True)
class Use:
    """A column as one comparison uses it; `kind` is None for `is null`, `at` a character from 1."""

    column: str
    kind: ValueKind | None
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """A parsed condition; `parse_where` makes one for each text."""

    text: str
    uses: tuple[Use, ...]
    _expr: pl.Expr

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(use.column for use in self.uses)

    def expr(self) -> pl.Expr:
        """True or false, never null, over columns that are called as in `columns`.

        `extra.<field>` columns hold JSON scalars as text, see `mixtures.assign.extra_field`.
        """
        return self._expr.fill_null(False)


@cache
def parse_where(text: str) -> Where:
    """The condition; a RecipeError says at which character it is wrong, and what would be right."""
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = WhereText(text)
        self._uses: list[Use] = []

    def parse(self) -> Where:
        expr = self._condition(self._text.tree())
        return Where(self._text.text, tuple(self._uses), expr)

    def _condition(self, node: ast.expr) -> pl.Expr:
        match node:
            case ast.BoolOp():
                parts = [self._condition(part) for part in node.values]
                both = isinstance(node.op, ast.And)
                return pl.all_horizontal(parts) if both else pl.any_horizontal(parts)
            case ast.UnaryOp(op=ast.Not()):
                return ~self._condition(node.operand)
            case ast.Compare():
                return self._chain(node)
            case ast.Name() | ast.Attribute():
                return self._truth(node)
        self._text.refuse(node, "a condition compares columns: duration_s >= 60 and num_turns < 4")

    def _truth(self, node: ast.expr) -> pl.Expr:
        """A column that is a condition by itself: it must hold true or false."""
        column = self._operand(node)
        if column.kind is not None and column.kind != "truth":
            kind = KIND_WORDS[column.kind]
            self._text.refuse(node, f"{column} is {kind}: compare it with something")
        self._note(column, "truth")
        return column.expr("truth")

    def _chain(self, node: ast.Compare) -> pl.Expr:
        """`a < b < c` is `a < b and b < c`."""
        operands = [node.left, *node.comparators]
        pairs = zip(operands, node.ops, operands[1:], strict=False)
        return pl.all_horizontal([self._comparison(left, op, right) for left, op, right in pairs])

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> pl.Expr:
        if isinstance(op, ast.Is | ast.IsNot):
            return self._null_check(left, right, isinstance(op, ast.Is))
        if isinstance(op, ast.In | ast.NotIn):
            found = self._membership(left, right)
            return found if isinstance(op, ast.In) else ~found
        operands = self._operand(left), self._operand(right)
        if not any(operand.name for operand in operands):
            self._text.refuse(left, "this compares no column")
        kind = self._common_kind(*operands)
        sign = _OPERATORS[type(op)]
        if kind == "truth" and sign not in ("==", "!="):
            self._text.refuse(left, f"{sign} is for numbers and text, not for true and false")
        for one, other in (operands, operands[::-1]):
            self._check_word(one, other)
            self._note(one, kind)
        return compare(operands[0], sign, operands[1], kind)

    def _null_check(self, left: ast.expr, right: ast.expr, positive: bool) -> pl.Expr:
        if not (isinstance(right, ast.Name) and right.id == "null"):
            self._text.refuse(right, "`is` asks for null alone: is null, is not null")
        column = self._operand(left)
        if column.name is None:
            self._text.refuse(left, "this is no column")
        self._note(column, None)
        found = pl.col(column.name).is_null()
        return found if positive else ~found

    def _membership(self, left: ast.expr, right: ast.expr) -> pl.Expr:
        column = self._operand(left)
        if column.name is None:
            self._text.refuse(left, "this is no column")
        if not isinstance(right, ast.List) or not right.elts:
            self._text.refuse(right, "`in` takes a list of values: subset in ['a', 'b']")
        values = [self._operand(item) for item in right.elts]
        kind: ValueKind | None = None
        for value, item in zip(values, right.elts, strict=True):
            if value.name is not None:
                self._text.refuse(item, "a list holds numbers or 'text', no columns")
            kind = self._common_kind(column, value)
            if value.kind != values[0].kind:
                self._text.refuse(item, "the values of a list are all numbers, or all text")
            self._check_word(column, value)
        assert kind is not None, "the list has at least one value"
        self._note(column, kind)
        return is_one_of(column, values, kind)

    def _common_kind(self, left: Operand, right: Operand) -> ValueKind:
        """What both sides are compared as; columns of filters and upstreams follow the other."""
        if left.kind is not None and right.kind is not None and left.kind != right.kind:
            said = f"{left} is {KIND_WORDS[left.kind]} and {right} is {KIND_WORDS[right.kind]}"
            self._text.refuse(left.at, f"{said}; they never match")
        scored = any(side.name and not side.name.startswith(f"{EXTRA}.") for side in (left, right))
        return left.kind or right.kind or ("number" if scored else "text")

    def _check_word(self, column: Operand, value: Operand) -> None:
        words = _WORDS.get(column.name or "")
        if words and isinstance(value.value, str) and value.value not in words:
            hint = nearest(value.value, words) or f" (there are {', '.join(words)})"
            self._text.refuse(value.at, f"{column.name} is never {value.value!r}{hint}")

    def _note(self, operand: Operand, kind: ValueKind | None) -> None:
        if operand.name is not None:
            self._uses.append(Use(operand.name, kind, operand.at))

    def _operand(self, node: ast.expr) -> Operand:
        at = self._text.at(node)
        match node:
            case ast.Name(id="true" | "false"):
                return Operand(at, kind="truth", value=node.id == "true")
            case ast.Name(id="null"):
                self._text.refuse(node, "nothing equals null; write `is null` or `is not null`")
            case ast.Name() | ast.Attribute():
                return self._column(node)
            case ast.Constant(value=str() as text):
                return Operand(at, kind="text", value=text)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                if not math.isfinite(number) or abs(number) > _MAX_NUMBER:
                    self._text.refuse(node, f"numbers are at most {_MAX_NUMBER}")
                return Operand(at, kind="number", value=number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as constant):
                inner = self._operand(constant)
                if isinstance(inner.value, int | float):
                    return Operand(at, kind="number", value=-inner.value)
        self._text.refuse(node, "expected a column, a number, 'text', true or false")

    def _column(self, node: ast.expr) -> Operand:
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            parts.insert(0, inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            self._text.refuse(node, "expected a column")
        name = ".".join([inner.id, *parts])
        if not parts and name not in INDEX_COLUMNS:
            hint = nearest(name, INDEX_COLUMNS) or f" (there are {', '.join(INDEX_COLUMNS)})"
            said = f"; text stands in quotes: '{name}'" if name != EXTRA else ""
            self._text.refuse(node, f"there is no column {name!r}{hint}{said}")
        if len(parts) > 1 and inner.id != EXTRA:
            self._text.refuse(node, f"{name!r} is no score; a score is written <filter>.<score>")
        return Operand(self._text.at(node), kind=INDEX_COLUMNS.get(name), name=name)
