from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.near.shingles import Shingles, distinct, shingle_sets, shingles, text_codes
from pipelines.near.words import words
from tests.pipelines.near.plain import TEXTS, plain_shingles, plain_words, prose

LISTS = st.lists(TEXTS, max_size=6)
LENGTHS = st.integers(1, 6)


def _sets(found: Shingles) -> list[list[int]]:
    return [part.tolist() for part in np.split(found.values, found.first_t[1:-1])]


@given(LISTS, LENGTHS)
def test_sets_are_those_of_the_rule(texts: list[str], length: int) -> None:
    found = _sets(shingle_sets(texts, length)) if texts else []
    plain = [plain_shingles(text, length) for text in texts]
    assert list(map(len, found)) == list(map(len, plain))
    assert all(one == sorted(set(one)) for one in found)
    for one, said in zip(found, plain, strict=True):
        for other, meant in zip(found, plain, strict=True):
            assert len(set(one) & set(other)) == len(said & meant)


@given(LISTS)
def test_codes_are_equal_where_all_words_are(texts: list[str]) -> None:
    codes = text_codes(words(texts)).tolist()
    said = [tuple(plain_words(text)) for text in texts]
    assert len(set(zip(codes, said, strict=True))) == len(set(codes)) == len(set(said))


@pytest.mark.parametrize("number", [1, 4, 5, 6])
def test_a_text_of_as_many_words_as_a_shingle_or_fewer_has_one(number: int) -> None:
    found = words([prose(number, 2)])
    assert shingles(found, text_codes(found)).num_t.tolist() == [max(number - 4, 1)]


def test_a_short_text_is_no_shingle_of_a_longer_one() -> None:
    long = prose(30, 3)
    sets = _sets(shingle_sets([long, *(" ".join(long.split()[:n]) for n in (3, 4))]))
    assert len({value for one in sets for value in one}) == sum(map(len, sets))


def test_a_text_without_words_has_none() -> None:
    assert shingle_sets(["", "?!", "a"]).num_t.tolist() == [0, 0, 1]
    assert shingle_sets([]).num_t.tolist() == []


def test_a_repeated_shingle_counts_once() -> None:
    assert shingle_sets(["la " * 1_000]).num_t.tolist() == [1]
    found = words(["la " * 1_000])
    repeated = shingles(found, text_codes(found))
    assert (len(repeated.values), len(distinct(repeated).values)) == (996, 1)


def test_a_huge_text_has_the_shingles_of_its_parts() -> None:
    said = prose(50_000, 4).split()
    whole = set(shingle_sets([" ".join(said)]).values.tolist())
    parts = [" ".join(said[at : at + 1_004]) for at in range(0, len(said), 1_000)]
    assert set(shingle_sets(parts).values.tolist()) == whole
