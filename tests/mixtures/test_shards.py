from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.order import WINDOW_ROWS
from mixtures.shards import shard_bounds


@settings(deadline=None)
@given(st.integers(1, 200_000), st.integers(0, 4000))
def test_shards_cover_all_rows_in_whole_windows(num_rows: int, wanted: int) -> None:
    bounds = shard_bounds(num_rows, wanted)
    assert [start for start, _ in bounds] == [0, *(stop for _, stop in bounds[:-1])]
    assert bounds[-1][1] == num_rows
    assert all(start < stop and start % WINDOW_ROWS == 0 for start, stop in bounds)
    windows = [-(-(stop - start) // WINDOW_ROWS) for start, stop in bounds]
    assert max(windows) - min(windows) <= 1
    if num_rows > 7 * WINDOW_ROWS:
        assert len(bounds) % 8 == 0
        assert len(bounds) < max(wanted, 1) + 8
        assert len(bounds) >= wanted or len(bounds) > sum(windows) - 8
    else:
        assert len(bounds) == min(max(wanted, 1), sum(windows))


@pytest.mark.parametrize(
    ("num_rows", "wanted", "num_shards"),
    [
        *((1, 1, 1), (64, 64, 1), (65, 65, 2), (448, 1, 1), (448, 448, 7), (448, 3, 3)),
        *((449, 1, 8), (960, 960, 8), (1024, 1024, 16), (6400, 10, 16), (6400, 1, 8)),
        *((6400, 8, 8), (6400, 9, 16), (6400, 0, 8)),
    ],
)
def test_number_of_shards(num_rows: int, wanted: int, num_shards: int) -> None:
    assert len(shard_bounds(num_rows, wanted)) == num_shards


def test_the_remainder_is_the_last_shards() -> None:
    bounds = shard_bounds(64 * 1000 + 1, 10)
    assert len(bounds) == 16
    assert bounds[-1] == (64 * 938, 64 * 1000 + 1)
    assert bounds[0] == (0, 64 * 62)


def test_no_rows_no_shards() -> None:
    assert shard_bounds(0, 100) == []
