from __future__ import annotations

import numpy as np
import pytest

from pipelines.flat import Ints
from pipelines.near.characters import Values
from pipelines.near.shingles import Shingles
from pipelines.near.signatures import Banding, band_keys, signatures

PAIRS = 1_500


def _planted(size: int, shared: int) -> tuple[Shingles, Shingles, float]:
    """Pairs of sets of so many random shingles, of which so many are the same; their similarity."""
    draw = np.random.default_rng(size * 1000 + shared)
    one = draw.integers(0, 1 << 64, (PAIRS, size), dtype=np.uint64)
    other = one.copy()
    other[:, shared:] = draw.integers(0, 1 << 64, (PAIRS, size - shared), dtype=np.uint64)
    first = np.arange(0, PAIRS * size + 1, size)
    return (
        Shingles(one.ravel(), first),
        Shingles(other.ravel(), first),
        shared / (2 * size - shared),
    )


@pytest.mark.parametrize(("size", "shared"), [(6, 5), (20, 16), (20, 18), (150, 120), (400, 380)])
def test_the_estimate_is_unbiased_and_as_wide_as_independent_draws(size: int, shared: int) -> None:
    one, other, jaccard = _planted(size, shared)
    estimate = (signatures(one, 112) == signatures(other, 112)).mean(axis=0)
    width = np.sqrt(jaccard * (1 - jaccard) / 112)
    assert abs(estimate.mean() - jaccard) < 4 * width / np.sqrt(PAIRS)
    assert 0.85 * width < estimate.std() < 1.15 * width


@pytest.mark.parametrize(("size", "shared"), [(20, 16), (150, 120), (150, 133), (150, 142)])
def test_pairs_meet_as_often_as_the_curve_says(size: int, shared: int) -> None:
    one, other, jaccard = _planted(size, shared)
    banding = Banding()
    keys = [band_keys(signatures(side, banding.num_hashes), banding) for side in (one, other)]
    meets = (keys[0] == keys[1]).any(axis=1).mean()
    chance = banding.chance(jaccard)
    assert abs(meets - chance) < 4 * np.sqrt(chance * (1 - chance) / PAIRS) + 1e-9


def test_the_curve_of_fineweb() -> None:
    assert [round(Banding().chance(j), 2) for j in (0.7, 0.72, 0.8, 0.85)] == [
        0.56,
        0.65,
        0.92,
        0.99,
    ]


def _keys(values: Values, first: Ints, banding: Banding) -> Values:
    return band_keys(signatures(Shingles(values, first), banding.num_hashes), banding)


def test_a_key_is_of_its_band_and_of_all_rows_in_it() -> None:
    one, other, _ = _planted(20, 16)
    banding = Banding(bands=4, rows=3)
    least = [signatures(side, 12) for side in (one, other)]
    keys = [band_keys(side, banding) for side in least]
    agree = (least[0] == least[1]).reshape(4, 3, PAIRS).all(axis=1).T
    assert ((keys[0] == keys[1]) == agree).all()
    assert len(np.unique(keys[0])) == 4 * PAIRS


def test_neither_order_nor_repeats_nor_neighbours_change_a_key() -> None:
    draw = np.random.default_rng(1)
    values = draw.integers(0, 1 << 64, 50, dtype=np.uint64)
    alone = _keys(values, np.array([0, 50]), Banding())
    mixed = np.concatenate([values[:7], values[::-1], values, values[:9]])
    assert (_keys(mixed, np.array([0, 7, 107, 116]), Banding())[1] == alone[0]).all()


def test_an_empty_text_has_no_key() -> None:
    values = np.array([5, 6], np.uint64)
    keys = _keys(values, np.array([0, 0, 2, 2]), Banding())
    assert (keys == 0).all(axis=1).tolist() == [True, False, True]
    assert _keys(values[:0], np.array([0]), Banding()).shape == (0, 14)


def test_fewer_hashes_are_the_first_of_more() -> None:
    one, _, _ = _planted(20, 16)
    assert (signatures(one, 112)[:20] == signatures(one, 20)).all()


@pytest.mark.parametrize("shape", [(0, 8), (14, 0)])
def test_a_banding_of_nothing(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="1 or more of both"):
        Banding(*shape)
