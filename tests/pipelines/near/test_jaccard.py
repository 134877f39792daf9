from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.flat import Ints, starts
from pipelines.near.candidates import Pairs
from pipelines.near.characters import mixed
from pipelines.near.jaccard import jaccard, verified
from pipelines.near.shingles import Shingles, distinct, shingle_sets
from tests.pipelines.near.plain import edited, loader, plain_jaccard, plain_words, prose

SETS = st.lists(
    st.sets(st.integers(0, 12) | st.integers(0, 2**64 - 1), max_size=12), min_size=1, max_size=8
)


def _sets(given_sets: list[set[int]]) -> Shingles:
    """Of numbers that stand for others, spread as hashes are."""
    counts = np.array([len(one) for one in given_sets], np.int64)
    values = np.array([value for one in given_sets for value in one], np.uint64)
    return distinct(Shingles(mixed(values), starts(counts)))


@given(SETS)
def test_it_is_that_of_sets(given_sets: list[set[int]]) -> None:
    left, right = (side.ravel() for side in np.indices((len(given_sets), len(given_sets))))
    found = jaccard(_sets(given_sets), left, right)
    for one, other, similarity in zip(left, right, found.tolist(), strict=True):
        a, b = given_sets[one], given_sets[other]
        assert similarity == len(a & b) / max(len(a | b), 1)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.03, 0.1, 0.5])
def test_it_is_that_of_texts(share: float) -> None:
    texts = [prose(300, 5), edited(prose(300, 5), share, 6)]
    found = jaccard(shingle_sets(texts), np.array([0]), np.array([1]))
    assert found.tolist() == [plain_jaccard(*texts)]


def _all_pairs(number: int) -> Pairs:
    left, right = np.triu_indices(number, 1)
    return Pairs(left, right)


TEXTS = [
    edited(prose(60, family), share, family * 10 + place)
    for family in range(6)
    for place, share in enumerate((0.0, 0.02, 0.05, 0.2))
] + ["one two", "One, two!", "two one", "one"]
NUM_WORDS: Ints = np.array([len(plain_words(text)) for text in TEXTS], np.int64)


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("words_at_once", [1, 300, 1 << 21])
def test_what_is_verified_is_at_least_that_similar(threshold: float, words_at_once: int) -> None:
    pairs = _all_pairs(len(TEXTS))
    found = verified(pairs, NUM_WORDS, loader(TEXTS), threshold, words_at_once)
    similarity = [
        (one, other, plain_jaccard(TEXTS[one], TEXTS[other]))
        for one, other in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
    ]
    expected = [triple for triple in similarity if triple[2] >= threshold]
    columns = found.left.tolist(), found.right.tolist(), found.jaccard.tolist()
    assert list(zip(*columns, strict=True)) == expected
    assert len(expected) > 0


def test_so_many_words_are_asked_for_at_once() -> None:
    asked: list[int] = []
    load = loader(TEXTS)

    def noting(texts: Ints) -> Sequence[Shingles]:
        asked.append(int(NUM_WORDS[texts].sum()))
        return load(texts)

    verified(_all_pairs(len(TEXTS)), NUM_WORDS, noting, 0.8, words_at_once=500)
    assert len(asked) > 10
    assert max(asked) <= 500 + 2 * 60


def test_no_pairs() -> None:
    found = verified(_all_pairs(1), NUM_WORDS, loader(TEXTS))
    assert [str(one.dtype) for one in (found.left, found.right, found.jaccard)] == [
        *("int64", "int64", "float64")
    ]
    assert len(found) == 0


def test_every_side_is_to_be_alike() -> None:
    fronts = ["what is the capital of France today"] * 3 + ["", ""]
    backs = ["It is Paris, as it long was.", "it is Paris as it long was", "It is Rome.", "a", "a"]

    def sides(texts: Ints) -> Sequence[Shingles]:
        return [shingle_sets([side[text] for text in texts.tolist()]) for side in (fronts, backs)]

    found = verified(_all_pairs(5), np.full(5, 13), sides)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [(0, 1), (3, 4)]
    assert found.jaccard.tolist() == [1.0, 1.0]
