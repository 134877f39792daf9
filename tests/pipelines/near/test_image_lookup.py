"""The banded lookup finds what all comparisons find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.near import image_lookup
from pipelines.near.image_lookup import BITS, MAX_RADIUS, Hashes, bands_of, near_pairs

Found = list[tuple[int, int, int]]


def _found(index: Hashes, queries: Hashes, radius: int) -> Found:
    batches = near_pairs(index, queries, radius)
    return sorted(
        (int(a), int(b), int(bits))
        for left, right, apart in batches
        for a, b, bits in zip(left, right, apart, strict=True)
    )


def _all_compared(index: Hashes, queries: Hashes, radius: int) -> Found:
    apart = np.bitwise_count(index[:, None] ^ queries)
    return sorted((int(a), int(b), int(apart[a, b])) for a, b in np.argwhere(apart <= radius))


@st.composite
def _near_hashes(draw: st.DrawFn) -> tuple[Hashes, Hashes, int]:
    """Some hashes, and queries that are these with a few bits turned."""
    some = draw(st.lists(st.integers(0, 2**BITS - 1), min_size=1, max_size=12))
    queries = []
    for _ in range(draw(st.integers(0, 12))):
        turned = draw(st.sets(st.integers(0, BITS - 1), max_size=10))
        queries.append(draw(st.sampled_from(some)) ^ sum(1 << bit for bit in turned))
    radius = draw(st.integers(0, MAX_RADIUS))
    return np.array(some, np.uint64), np.array(queries, np.uint64), radius


@pytest.mark.parametrize("many", [0, 1 << 19])
def test_it_finds_what_all_comparisons_find(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_lookup, "_MANY_HASHES", many)

    # Each looks through all keys of a band.
    @settings(max_examples=30)
    @given(_near_hashes())
    def check(case: tuple[Hashes, Hashes, int]) -> None:
        assert _found(*case) == _all_compared(*case)

    check()


@pytest.mark.parametrize("radius", range(MAX_RADIUS + 1))
@pytest.mark.parametrize("num_hashes", [0, 1 << 19])
def test_bands_guarantee_the_radius(radius: int, num_hashes: int) -> None:
    bands = bands_of(radius, num_hashes)
    assert sorted(bit for band in bands for bit in band.bits) == list(range(BITS))
    # The fewest bits that leave every band beyond its own radius.
    assert sum(band.radius + 1 for band in bands) > radius


@given(st.lists(st.integers(0, 255), min_size=2, max_size=40))
def test_order_and_parts_do_not_matter(values: list[int]) -> None:
    hashes = np.array(values, np.uint64) << np.uint64(20)
    whole = _found(hashes, hashes, 3)
    order = np.random.default_rng(len(values)).permutation(len(values))
    moved = _found(hashes[order], hashes[order], 3)
    assert sorted((int(order[a]), int(order[b]), n) for a, b, n in moved) == whole
    half = len(values) // 2
    parts: Found = []
    for first in (0, half):
        for second in (0, half):
            some = hashes[half:] if first else hashes[:half]
            others = hashes[half:] if second else hashes[:half]
            parts += [(a + first, b + second, n) for a, b, n in _found(some, others, 3)]
    assert sorted(parts) == whole


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_lookup, "_BATCH", 1000)
    hashes = np.zeros(300, np.uint64)
    batches = [len(left) for left, _, _ in near_pairs(hashes, hashes, 2)]
    assert max(batches) <= 1000 and sum(batches) == 300 * 300


def test_nothing_is_near_to_nothing() -> None:
    none, some = np.zeros(0, np.uint64), np.ones(3, np.uint64)
    assert _found(none, some, 8) == _found(some, none, 8) == []
