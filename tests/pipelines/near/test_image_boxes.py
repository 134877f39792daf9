"""The grid finds what all comparisons find."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.near.image_boxes import Points, box_pairs

_COORDINATES = 16
_LIMIT = 1 << 15


def _found(index: Points, queries: Points, tolerance: int) -> list[tuple[int, int]]:
    batches = box_pairs(index, queries, tolerance)
    return sorted(
        (int(a), int(b)) for left, right in batches for a, b in zip(left, right, strict=True)
    )


def _all_compared(index: Points, queries: Points, tolerance: int) -> list[tuple[int, int]]:
    apart = np.abs(index[:, None].astype(np.int64) - queries).max(axis=2)
    return sorted((int(a), int(b)) for a, b in np.argwhere(apart <= tolerance))


@st.composite
def _near_points(draw: st.DrawFn) -> tuple[Points, Points, int]:
    tolerance = draw(st.integers(0, 12))
    limit = _LIMIT - 20
    coordinate = st.one_of(st.integers(-60, 60), st.integers(-limit, limit))
    point = st.lists(coordinate, min_size=_COORDINATES, max_size=_COORDINATES)
    some = draw(st.lists(point, min_size=1, max_size=8))
    move = st.lists(st.integers(-13, 13), min_size=_COORDINATES, max_size=_COORDINATES)
    queries = [
        [a + min(max(b, -tolerance - 1), tolerance + 1) for a, b in zip(one, moved, strict=True)]
        for one in some
        for moved in [draw(move)]
    ]
    return np.array(some, np.int16), np.array(queries, np.int16), tolerance


@given(_near_points())
def test_it_finds_what_all_comparisons_find(case: tuple[Points, Points, int]) -> None:
    assert _found(*case) == _all_compared(*case)


def test_crowded_cells_give_each_pair_once() -> None:
    points = np.random.default_rng(3).integers(-15, 15, (200, _COORDINATES)).astype(np.int16)
    found = _found(points, points, 14)
    assert found == _all_compared(points, points, 14) and len(found) > 200


def test_nothing_is_near_to_nothing() -> None:
    none, some = np.zeros((0, _COORDINATES), np.int16), np.zeros((2, _COORDINATES), np.int16)
    assert _found(none, some, 1) == _found(some, none, 1) == []
