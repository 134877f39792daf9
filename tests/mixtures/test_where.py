from __future__ import annotations

import operator
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import RecipeError
from mixtures.where import parse_where

SAMPLES = pl.DataFrame(
    {
        "duration_s": [0.0, 30.0, 59.5, 60.0, 200.0],
        "num_turns": [1, 2, 3, 4, 5],
        "num_tokens": [10, 20, None, 40, 50],
        "subset": ["cc", "wiki", "cc", "caf\u00e9", "wiki"],
        "category": ["vqa", None, "chart", "vqa", "vqa"],
        "modality": ["video", "image", "text", "video", "multi_image"],
        "quality.score": [0.5, None, float("nan"), 2.0, -1.0],
        "quality.other": [0.5, 1.0, 0.0, 3.0, -2.0],
        "quality.good": [True, False, None, True, False],
        "quality.language": ["en", "fr", None, "en", "de"],
        "extra.q": ["5", "4.5", None, "many", "-1"],
        "extra.flag": ["true", "false", None, "yes", "true"],
        "extra.lang": ["en", "fr", None, "de", "en"],
        "extra.meta.source": ["en", "x", None, "de", "y"],
    }
)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("duration_s >= 60", [3, 4]),
        ("60 <= duration_s", [3, 4]),
        ("30 <= duration_s < 60", [1, 2]),
        ("30<=duration_s<60 and num_turns!=2", [2]),
        ("duration_s < 30 or duration_s > 100", [0, 4]),
        ("not (duration_s < 30 or duration_s > 100)", [1, 2, 3]),
        ("not duration_s < 30 and num_turns == 4.0", [3]),
        ("num_turns < num_tokens < 25", [0, 1]),
        ("subset == 'cc'", [0, 2]),
        ("subset != 'cc'", [1, 3, 4]),
        ('subset in ["caf\u00e9", "cc"]', [0, 2, 3]),
        ("subset not in ['cc']", [1, 3, 4]),
        ("subset == 'caf\u00e9' and num_turns > 3", [3]),
        ("modality in ['video', 'text']", [0, 2, 3]),
        ("num_turns in [1, 2.0, 7]", [0, 1]),
        ("num_turns not in [-1, 2]", [0, 2, 3, 4]),
        # A null is never taken, on whichever side of a comparison or a `not` it stands.
        ("num_tokens > 0", [0, 1, 3, 4]),
        ("not num_tokens > 30", [0, 1]),
        ("num_tokens not in [10]", [1, 3, 4]),
        ("category != 'vqa'", [2]),
        ("num_tokens > 0 and duration_s < 60", [0, 1]),
        ("num_tokens > 0 or duration_s < 60", [0, 1, 2, 3, 4]),
        ("num_tokens is null", [2]),
        ("num_tokens is not null and duration_s < 60", [0, 1]),
        ("category is null or category == 'chart'", [1, 2]),
        # Nor is what was measured as no number.
        ("quality.score > 0", [0, 3]),
        ("quality.score < 100", [0, 3, 4]),
        ("not quality.score > 0", [4]),
        ("quality.score >= -1 and quality.score in [2, 0.5]", [0, 3]),
        ("quality.score >= quality.other", [0, 4]),
        ("quality.good", [0, 3]),
        ("not quality.good", [1, 4]),
        ("quality.good == false", [1, 4]),
        ("quality.good != true", [1, 4]),
        ("quality.language == 'en'", [0, 3]),
        # Upstream fields are text that follows what it is compared with.
        ("extra.q > 4.4", [0, 1]),
        ("extra.q == '5'", [0]),
        ("extra.q < quality.other", [4][:0]),
        ("extra.q > quality.other", [0, 1, 4]),
        ("extra.flag", [0, 4]),
        ("extra.flag == false", [1]),
        ("extra.lang in ['en', 'de']", [0, 3, 4]),
        ("extra.lang == extra.meta.source", [0, 3]),
        ("extra.lang is not null", [0, 1, 3, 4]),
        ("  duration_s\n >= 60\n", [3, 4]),
    ],
)
def test_what_a_condition_takes(text: str, taken: list[int]) -> None:
    where = parse_where(text)
    met = SAMPLES.select(sorted(where.columns)).select(met=where.expr())["met"]
    assert met.dtype == pl.Boolean and met.null_count() == 0
    assert met.arg_true().to_list() == taken


def test_columns_are_those_that_are_named() -> None:
    where = parse_where("duration_s > 3 and (a.b is null or extra.c.d in ['x'] or a.b)")
    assert where.columns == {"duration_s", "a.b", "extra.c.d"}
    uses = [(use.column, use.kind, use.at) for use in where.uses]
    assert uses == [
        ("duration_s", "number", 1),
        ("a.b", None, 21),
        ("extra.c.d", "text", 36),
        ("a.b", "truth", 58),
    ]
    assert parse_where(where.text) is where


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("", 1, "this is not a condition"),
        ("duration_s >", 13, "this is not a condition"),
        ("duration_s > 3)", 15, "this is not a condition"),
        ("duration_s > 3) or (num_turns > 2", 15, "this is not a condition"),
        ("duration_s = 3", 12, "this is not a condition"),
        ("subset == '\\d'", 11, "this is not a condition"),
        ("duration_s > 3 # seconds", 16, "comments stand outside"),
        ("duration_s > 3 # seconds\nand num_turns < 2", 16, "comments stand outside"),
        ("\0", 2, "this is not a condition"),
        ("duration > 3", 1, "there is no column 'duration'; did you mean 'duration_s'?"),
        ("num_turns > 3 and zebra == 1", 19, "there is no column 'zebra' (there are duration_s"),
        ("category == vqa", 13, "there is no column 'vqa'"),
        ("subset == 'caf\u00e9' and zebra == 1", 22, "there is no column 'zebra'"),
        ("  zebra == 1", 3, "there is no column 'zebra'"),
        ("extra == 1", 1, "there is no column 'extra'"),
        ("a.b.c == 1", 1, "'a.b.c' is no score; a score is written <filter>.<score>"),
        ("duration_s", 1, "duration_s is a number: compare it with something"),
        ("not subset", 5, "subset is text: compare it with something"),
        ("duration_s > '3'", 1, "duration_s is a number and '3' is text; they never match"),
        ("subset == 3", 1, "subset is text and 3 is a number; they never match"),
        ("subset == duration_s", 1, "subset is text and duration_s is a number"),
        ("duration_s == true", 1, "duration_s is a number and True is true or false"),
        ("subset in ['a', 3]", 1, "subset is text and 3 is a number"),
        ("a.b in ['a', 3]", 14, "the values of a list are all numbers, or all text"),
        ("a.b in [1, num_turns]", 12, "a list holds numbers or 'text', no columns"),
        ("a.b in []", 8, "`in` takes a list of values"),
        ("a.b in 'abc'", 8, "`in` takes a list of values"),
        ("3 in [3]", 1, "this is no column"),
        ("3 is null", 1, "this is no column"),
        ("1 < 2", 1, "this compares no column"),
        ("1 < 2 < duration_s", 1, "this compares no column"),
        ("a.b > true", 1, "> is for numbers and text"),
        ("a.b == null", 8, "nothing equals null; write `is null`"),
        ("a.b is 3", 8, "`is` asks for null alone"),
        ("a.b is None", 8, "`is` asks for null alone"),
        ("modality == 'vidoe'", 13, "modality is never 'vidoe'; did you mean 'video'?"),
        ("kind in ['chat', 'book']", 18, "kind is never 'book' (there are chat, document)"),
        ("duration_s > 1e999", 14, "numbers are at most"),
        ("num_tokens > 9999999999999999999999", 14, "numbers are at most"),
        ("num_tokens > 3j", 14, "expected a column, a number"),
        ("num_tokens > -true", 14, "expected a column, a number"),
        ("num_tokens > -'a'", 14, "expected a column, a number"),
        ("num_tokens > None", 14, "expected a column, a number"),
        ("num_tokens > b'a'", 14, "expected a column, a number"),
        ("num_tokens + 1 > 3", 1, "expected a column, a number"),
        ("len(subset) > 3", 1, "expected a column, a number"),
        ("subset[0] == 'a'", 1, "expected a column, a number"),
        ("f().x == 3", 1, "expected a column"),
        ("__import__('os').system('true')", 1, "a condition compares columns"),
        ("subset == f'{1}'", 11, "expected a column, a number"),
        ("(lambda: 1) == 2", 2, "expected a column, a number"),
        ("[subset] == ['a']", 1, "expected a column, a number"),
        ("3", 1, "a condition compares columns"),
        ("True", 1, "a condition compares columns"),
        ("duration_s > 3 if num_turns else 2", 1, "a condition compares columns"),
        ("-duration_s > 3", 1, "expected a column, a number"),
        ("(" * 300 + "a.b" + ")" * 300, 201, "this is not a condition"),
    ],
)
def test_what_is_no_condition(text: str, at: int, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_where(text)
    assert f"at character {at}: {message}" in str(caught.value)


def test_a_condition_has_an_end() -> None:
    assert parse_where("not " * 249 + "a.b").columns == {"a.b"}
    with pytest.raises(RecipeError, match="at most 1000 characters, not 1001"):
        parse_where("a.b" + " " * 998)


def test_nothing_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise AssertionError("evaluated")

    monkeypatch.setattr("builtins.eval", refuse)
    monkeypatch.setattr("builtins.exec", refuse)
    assert parse_where("num_images > 123").columns == {"num_images"}


_SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COLUMNS = ("num_turns", "num_images", "num_tokens")
_Row = dict[str, int | None]


def _compared(row: _Row, column: str, sign: str, number: int) -> bool | None:
    value = row[column]
    return None if value is None else bool(_SIGNS[sign](value, number))


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> tuple[str, Any]:
    """(text, what it is of a row, in Python: true, false, or None for unknown)."""
    if depth == 0 or draw(st.booleans()):
        column, sign = draw(st.sampled_from(_COLUMNS)), draw(st.sampled_from(sorted(_SIGNS)))
        number = draw(st.integers(-2, 4))
        return f"{column} {sign} {number}", lambda row: _compared(row, column, sign, number)
    (one, left), (two, right) = draw(conditions(depth - 1)), draw(conditions(depth - 1))
    kind = draw(st.sampled_from(["and", "or", "not"]))
    if kind == "not":
        return f"not ({one})", lambda row: None if left(row) is None else not left(row)
    decided = kind == "or"

    def joined(row: _Row) -> bool | None:
        sides = [left(row), right(row)]
        if decided in sides:
            return decided
        return None if None in sides else not decided

    return f"({one}) {kind} ({two})", joined


_ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | st.integers(-2, 4) for name in _COLUMNS}),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=100)
@given(conditions(), _ROWS)
def test_any_condition_is_what_python_makes_of_it(condition: tuple[str, Any], rows: Any) -> None:
    text, expected = condition
    frame = pl.DataFrame(rows, schema=dict.fromkeys(_COLUMNS, pl.Int32))
    assert frame.select(met=parse_where(text).expr())["met"].to_list() == [
        expected(row) is True for row in rows
    ]
