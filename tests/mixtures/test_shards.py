from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.order import WINDOW_ROWS
from mixtures.shards import shard_bounds


def _rows(num_rows: int, target: int) -> list[tuple[int, int]]:
    return shard_bounds(np.ones(num_rows, dtype=np.int64), target)


@settings(deadline=None)
@given(
    st.integers(1, 5000),
    st.integers(1, 6000),
    st.integers(0, 2**30),
    st.sampled_from([1, 100, 100_000]),
)
def test_shards_cover_all_rows_in_whole_windows(
    num_rows: int, target: int, seed: int, spread: int
) -> None:
    sizes = np.random.default_rng(seed).integers(0, spread, num_rows, endpoint=True)
    bounds = shard_bounds(sizes, target)
    assert [start for start, _ in bounds] == [0, *(stop for _, stop in bounds[:-1])]
    assert bounds[-1][1] == num_rows
    assert all(start < stop and start % WINDOW_ROWS == 0 for start, stop in bounds)
    if num_rows > 7 * WINDOW_ROWS:
        assert len(bounds) % 8 == 0
    else:
        assert len(bounds) <= max(1, -(-int(sizes.sum()) // target))


@pytest.mark.parametrize(
    ("num_rows", "target", "num_shards"),
    [
        *((1, 10, 1), (64, 1, 1), (65, 1, 2), (448, 10**9, 1), (448, 1, 7), (448, 200, 3)),
        *((449, 10**9, 8), (960, 1, 8), (1024, 1, 16), (64 * 100, 64 * 10, 16)),
        (64 * 100, 640 * 10, 8),
    ],
)
def test_number_of_shards(num_rows: int, target: int, num_shards: int) -> None:
    assert len(_rows(num_rows, target)) == num_shards


def test_shards_are_of_about_equal_size() -> None:
    lengths = [stop - start for start, stop in _rows(64 * 1000, 6400)]
    assert len(lengths) == 16
    assert max(lengths) - min(lengths) <= WINDOW_ROWS
    heavy_end = np.concatenate([np.ones(64 * 90, dtype=np.int64), np.full(64 * 10, 1000)])
    bounds = shard_bounds(heavy_end, 10**5)
    weights = [int(heavy_end[start:stop].sum()) for start, stop in bounds]
    assert len(bounds) == 8
    assert max(weights) < sum(weights) / 8 + 64_000, "a shard is at most a window too heavy"


def test_no_rows_no_shards() -> None:
    assert _rows(0, 100) == []
