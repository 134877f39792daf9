from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.flat import Ints
from pipelines.near.candidates import Pairs, band_pairs, candidates, joined_pairs, unpacked
from pipelines.near.facts import Facts

# Few different keys, so that many meet; 0 is no key. Codes are a text's own.
ROWS = st.lists(
    st.tuples(st.integers(1, 5), st.lists(st.integers(0, 3), min_size=3, max_size=3)), max_size=25
)
Rows = list[tuple[int, list[int]]]


def _facts(rows: Rows) -> Facts:
    return Facts(
        np.array([size for size, _ in rows], np.int64),
        np.arange(10, 10 + len(rows), dtype=np.uint64),
        np.array([keys for _, keys in rows], np.uint64).reshape(-1, 3),
    )


def _listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))


@given(ROWS)
def test_pairs_are_those_that_share_a_key(rows: Rows) -> None:
    shared = [
        (one, other)
        for one, other in combinations(range(len(rows)), 2)
        if any(a == b != 0 for a, b in zip(rows[one][1], rows[other][1], strict=True))
    ]
    assert _listed(candidates(_facts(rows))) == shared


@given(ROWS, st.integers(1, 4), st.integers(1, 3))
def test_bands_and_ranges_of_keys_make_no_difference(rows: Rows, cut: int, reach: int) -> None:
    facts = _facts(rows)
    parts = []
    for band in range(3):
        low = facts.keys[:, band] < cut
        parts += [
            band_pairs(facts, band, texts, reach)
            for texts in (np.flatnonzero(low), np.flatnonzero(~low))
        ]
    assert _listed(joined_pairs(parts)) == _listed(candidates(facts, reach))


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 30))
def test_the_order_of_texts_makes_no_difference(rows: Rows, draw: object, reach: int) -> None:
    order = np.arange(len(rows))
    draw.shuffle(order)  # type: ignore[attr-defined]
    facts = _facts(rows)
    before = {frozenset(pair) for pair in _listed(candidates(facts, reach))}
    after = _listed(candidates(facts.take(order), reach))
    assert {frozenset((int(order[a]), int(order[b]))) for a, b in after} == before


def _crowd(number: int) -> Facts:
    sizes: Ints = np.random.default_rng(0).integers(5, 100, number)
    codes = np.arange(number, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return Facts(sizes, codes, np.full((number, 1), 7, np.uint64))


def test_a_crowd_is_paired_with_those_of_its_length() -> None:
    facts = _crowd(1_000)
    found = candidates(facts, reach=20)
    assert len(found) == 20 * 1_000 - 20 * 21 // 2
    apart = np.abs(facts.num_words[found.left] - facts.num_words[found.right])
    assert apart.max() <= 5  # some ten texts are of one length
    assert len(candidates(_crowd(21), reach=20)) == 210


def test_pairs_of_large_numbers_come_back() -> None:
    packed = np.array([(3 << 32) | 0xFFFFFFFF], np.uint64)
    assert _listed(unpacked(packed)) == [(3, 0xFFFFFFFF)]
