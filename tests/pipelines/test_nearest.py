"""The value that turns a verdict, and the rows that turn first: held to sorting the scores."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filters
from filters.base import Params
from pipelines.nearest import deciding, nearest, thresholds


def turns(*lengths: tuple[int, int]) -> pl.DataFrame:
    """Scores of turn_length: (shortest, longest) of conversations of two turns."""
    return pl.DataFrame(
        {
            "shortest_turn_chars": [low for low, _ in lengths],
            "longest_turn_chars": [high for _, high in lengths],
            "num_turns": [2] * len(lengths),
            "num_nulls": [0] * len(lengths),
        }
    )


def sizes(*sides: tuple[int, int]) -> pl.DataFrame:
    """Scores of image_bounds."""
    return pl.DataFrame(
        {
            "shortest_side_px": [min(pair) for pair in sides],
            "longest_side_px": [max(pair) for pair in sides],
            "aspect_ratio": [max(pair) / min(pair) for pair in sides],
        }
    )


def params(name: str, **values: Any) -> Params:
    return filters.get(name).params_type.model_validate(values)


def test_only_numbers_are_thresholds() -> None:
    class Mixed(Params):
        ratio: float = 0.5
        is_strict: bool = True
        language: str = "en"
        limit: int | None = None
        most: int | None = 3

    assert thresholds(Mixed()) == {"ratio": 0.5, "most": 3}


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(50, 120), st.integers(121, 1000)), min_size=1, max_size=40),
    st.integers(1, 5),
)
def test_kept_rows_turn_in_the_order_of_their_scores(
    lengths: list[tuple[int, int]], num_rows: int
) -> None:
    """A row falls by the first minimum above its shortest turn, by a maximum below its longest."""
    given_ = params("turn_length", min_chars=50, max_chars=1000)
    found = nearest(filters.get("turn_length"), given_, turns(*lengths), num_rows)
    shortest = sorted(low + 1 for low, _ in lengths if low + 1 <= 100)
    assert [row.turns_at for row in found.get("min_chars", [])] == shortest[:num_rows]
    longest = sorted((high - 1 for _, high in lengths), reverse=True)
    assert [row.turns_at for row in found["max_chars"]] == longest[:num_rows]
    for name, side in (("min_chars", 0), ("max_chars", 1)):
        for row in found.get(name, []):
            assert lengths[row.row][side] == row.turns_at + (-1 if side == 0 else 1)
            assert row.distance == abs(row.turns_at - row.threshold) / row.threshold


@pytest.mark.parametrize(
    ("sides", "turned", "then"),
    [
        ((27, 64), {"min_side_px": 27}, None),
        ((1, 4), {"min_side_px": 1}, None),
        ((100, 2000), {"max_aspect_ratio": 20.0}, None),
        ((20_000, 30_000), {"max_side_px": 30_000}, None),
        # It is too small and a strip: one alone would not keep it.
        ((1, 2000), {"min_side_px": 1}, "aspect_ratio_too_high"),
    ],
)
def test_the_thresholds_that_decide(
    sides: tuple[int, int], turned: dict[str, float], then: str | None
) -> None:
    bounds, scores = filters.get("image_bounds"), sizes(sides)
    (reason,) = bounds.judge(scores, params("image_bounds"))
    found = deciding(bounds, params("image_bounds"), scores, reason)
    assert {name: row.turns_at for name, row in found.items()} == pytest.approx(turned)
    assert {row.then for row in found.values()} == {then}


def test_a_kept_row_says_what_it_would_fall_by() -> None:
    found = nearest(filters.get("image_bounds"), params("image_bounds"), sizes((40, 60)), 1)
    said = {name: (row.turns_at, row.then) for name, (row,) in found.items()}
    assert said == {
        "min_side_px": (41, "image_side_too_small"),
        "max_side_px": (59, "image_side_too_large"),
        "max_aspect_ratio": (pytest.approx(1.5, rel=1e-4), "aspect_ratio_too_high"),
    }


def test_a_filter_without_thresholds() -> None:
    scores = {"num_messages": [1], "num_assistant_messages": [0], "num_misplaced_messages": [0]}
    row = pl.DataFrame({**scores, "ends_with_assistant": [False]})
    assert deciding(filters.get("roles"), params("roles"), row, "no_answer") == {}


def test_the_last_allowed_value_is_reached() -> None:
    """A share of 1 passes where 1 is allowed, and nowhere below."""
    repetition, given_ = filters.get("degenerate_repetition"), params("degenerate_repetition")
    counts = dict.fromkeys(("longest_run_words", "longest_number_run_words", "num_nulls"), 0)
    scores = pl.DataFrame({"repeated_lines_share": 1.0, "repeated_ngram_share": 0.0, **counts})
    (reason,) = repetition.judge(scores, given_)
    found = deciding(repetition, given_, scores, reason)
    said = {name: (row.turns_at, row.then) for name, row in found.items()}
    assert said == {"max_repeated_lines_share": (1.0, None)}


def test_what_is_far_is_not_near() -> None:
    """A threshold is moved by at most itself."""
    scores = sizes((27, 64), (5, 5), (13, 13))
    image_bounds = filters.get("image_bounds")
    found = nearest(image_bounds, params("image_bounds", min_side_px=28), scores, 9)
    assert [row.turns_at for row in found["min_side_px"]] == [27, 13, 5]
    scores = sizes((100, 2000), (100, 2100))
    found = nearest(image_bounds, params("image_bounds"), scores, 9)
    assert [row.row for row in found["max_aspect_ratio"]] == [0]
    assert nearest(image_bounds, params("image_bounds"), scores.clear(), 9) == {}
