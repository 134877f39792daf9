"""Pages of what was found hold each row once; addresses say what was asked; ranges hold."""

from __future__ import annotations

from urllib.parse import parse_qs

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.browse.asked import Asked, Span, read_asked
from pipelines.browse.selected import Found, Recent, Selected

_FILES = st.lists(
    st.one_of(st.lists(st.booleans(), max_size=12), st.integers(0, 12)), max_size=6
)  # a mask, or all of so many rows
_NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda value: float(f"{value:g}")))
_WORDS = ("source", "fate")
_SPANS = ("num_tokens", "turn_length.num_turns")


@given(_FILES, st.integers(1, 7))
def test_pages_hold_each_row_once(files: list[list[bool] | int], each: int) -> None:
    found, expected = [], []
    for unit, file in enumerate(files):
        if isinstance(file, int):
            found.append(Found(file))
            expected += [(unit, row) for row in range(file)]
        else:
            found.append(Found(sum(file), pl.Series(file, dtype=pl.Boolean)))
            expected += [(unit, row) for row, fits in enumerate(file) if fits]
    selected = Selected(found)
    assert selected.total == len(expected)
    pages = [selected.places(first, each) for first in range(0, selected.total + each, each)]
    assert [place for page in pages for place in page] == expected
    assert all(len(page) <= each for page in pages)


@given(
    st.integers(1, 10**9),
    st.dictionaries(st.sampled_from(_WORDS), st.text(min_size=1, max_size=9).map(str.strip)),
    st.lists(st.builds(Span, st.sampled_from(_SPANS), _NUMBERS, _NUMBERS), max_size=3),
)
def test_an_address_says_what_was_asked(
    page: int, words: dict[str, str], spans: list[Span]
) -> None:
    pairs = tuple((name, words[name]) for name in _WORDS if words.get(name))
    asked = Asked(page, pairs, tuple(spans))
    fields = parse_qs(asked.at(page + 1), keep_blank_values=True)
    again = read_asked(fields, _WORDS, _SPANS)
    assert again == Asked(page + 1, pairs, tuple(spans))
    assert again.question == asked.question


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (None, None, [1.0, 2.0, 3.0]),
        (2, None, [2.0, 3.0]),
        (None, 2, [1.0, 2.0]),
        (2, 2, [2.0]),
        (3, 1, []),
    ],
)
def test_a_range_has_its_ends_and_nothing_unknown(
    low: float | None, high: float | None, expected: list[float]
) -> None:
    values = pl.DataFrame({"x": [1.0, None, 2.0, 3.0]})
    fits = values.filter(Span("x", low, high).fits(pl.col("x")))
    assert fits["x"].to_list() == expected


def test_what_is_recent_is_made_once() -> None:
    made: list[str] = []

    def make(key: str) -> list[int]:
        made.append(key)
        return [0] * len(key)

    recent: Recent[list[int]] = Recent(5, len)
    for key in ("aa", "bbb", "aa", "cc", "aa", "bbb"):
        assert len(recent.get(key, lambda key=key: make(key))) == len(key)  # type: ignore[misc]
    # By their weight only two of them are held; the last asked for is among these.
    assert made == ["aa", "bbb", "cc", "bbb"]
    assert len(recent.get("d" * 9, lambda: make("d" * 9))) == 9
