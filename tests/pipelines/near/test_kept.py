from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.near_in_one import Fates, Found, fates, find
from pipelines.flat import Bools, Ints
from pipelines.near.facts import joined, measure
from pipelines.near.jaccard import Alike
from pipelines.near.kept import NOBODY, components, walk
from tests.pipelines.near.plain import families, loader, plain_jaccard, plain_words, prose

NUM = 12
EDGES = st.sets(
    st.tuples(st.integers(0, NUM - 1), st.integers(0, NUM - 1)).filter(
        lambda pair: pair[0] < pair[1]
    )
)
Edges = set[tuple[int, int]]


def _alike(edges: Edges) -> Alike:
    both = np.array(sorted(edges), np.int64).reshape(-1, 2)
    return Alike(both[:, 0], both[:, 1], (both[:, 0] * 100 + both[:, 1]) / 1e4)


def _orders() -> st.SearchStrategy[list[int]]:
    return st.permutations(range(NUM))


@given(EDGES, _orders())
def test_the_walk_drops_what_is_alike_to_the_first_kept(edges: Edges, rank: list[int]) -> None:
    kept: list[int] = []
    expected = [NOBODY] * NUM
    for text in sorted(range(NUM), key=rank.__getitem__):
        like = [one for one in kept if (min(one, text), max(one, text)) in edges]
        expected[text] = like[0] if like else NOBODY
        kept += [] if like else [text]
    match, similarity = walk(_alike(edges), np.array(rank))
    assert match.tolist() == expected
    for text, one in enumerate(expected):
        pair = min(one, text), max(one, text)
        assert similarity[text] == (0 if one == NOBODY else (pair[0] * 100 + pair[1]) / 1e4)


def test_a_chain_swallows_nothing() -> None:
    match, _ = walk(_alike({(0, 1), (1, 2), (2, 3), (3, 4)}), np.arange(5))
    assert match.tolist() == [NOBODY, 0, NOBODY, 2, NOBODY]


@given(EDGES)
def test_components_are_what_chains_of_pairs_join(edges: Edges) -> None:
    label = list(range(NUM))
    for _ in range(NUM):
        for one, other in edges:
            label[one] = label[other] = min(label[one], label[other])
    found = components(NUM, _alike(edges).left, _alike(edges).right)
    assert found.tolist() == label


def test_a_long_chain_is_one_component() -> None:
    chain = np.random.default_rng(0).permutation(5_000)
    assert (components(5_000, chain[:-1], chain[1:]) == 0).all()


@given(EDGES, _orders())
def test_components_can_be_walked_one_by_one(edges: Edges, rank: list[int]) -> None:
    pairs = _alike(edges)
    label = components(NUM, pairs.left, pairs.right)
    together, _ = walk(pairs, np.array(rank))
    apart = np.full(NUM, NOBODY)
    for one in np.unique(label):
        match, _ = walk(pairs.take(np.flatnonzero(label[pairs.left] == one)), np.array(rank))
        apart[match != NOBODY] = match[match != NOBODY]
    assert apart.tolist() == together.tolist()


TEXTS = [*families(20, 1), "", "?!", "...", "Yes.", "yes", "No", "yes no"]
FACTS = measure(TEXTS)
FOUND = find(FACTS, loader(TEXTS))
RANK: Ints = np.random.default_rng(2).permutation(len(TEXTS))
FATES = fates(FOUND, RANK)


def test_every_drop_names_a_kept_text_before_it_and_their_true_similarity() -> None:
    dropped = np.flatnonzero(~FATES.kept_t)
    assert len(dropped) > 30
    for text in dropped.tolist():
        match = int(FATES.match_t[text])
        assert FATES.kept_t[match]
        assert RANK[match] < RANK[text]
        assert FATES.jaccard_t[text] == plain_jaccard(TEXTS[match], TEXTS[text]) >= 0.8


@pytest.mark.slow
def test_nearly_all_that_could_be_dropped_is() -> None:
    kept = np.flatnonzero(FATES.kept_t & (FACTS.num_words > 0)).tolist()
    left_over = [
        pair for pair in combinations(kept, 2) if plain_jaccard(*(TEXTS[n] for n in pair)) >= 0.8
    ]
    assert len(left_over) <= 0.08 * (~FATES.kept_t).sum()


def test_texts_without_words_are_like_nothing() -> None:
    assert all(FATES.kept_t[n] for n, text in enumerate(TEXTS) if not plain_words(text))
    assert (FACTS.num_words == 0).sum() == 3


def test_of_the_same_words_the_first_in_order_stays() -> None:
    texts = ["Yes", "yes!", "YES", "no"]
    found = find(measure(texts), loader(texts))
    assert fates(found, np.array([2, 0, 1, 3])).match_t.tolist() == [1, NOBODY, 1, NOBODY]
    assert fates(found, np.array([0, 1, 2, 3])).jaccard_t.tolist() == [0, 1, 1, 0]


def _by_text(found: Fates, order: Ints) -> dict[int, tuple[int, float]]:
    """Of each text, by its number in TEXTS, its fate."""
    names = np.append(order, NOBODY)
    columns = order.tolist(), names[found.match_t].tolist(), found.jaccard_t.tolist()
    return {text: (match, alike) for text, match, alike in zip(*columns, strict=True)}


@given(st.permutations(range(len(TEXTS))), st.integers(1, 3), st.integers(1, 200))
@settings(max_examples=25)
def test_neither_order_nor_parts_change_a_fate(order: list[int], parts: int, reach: int) -> None:
    texts = [TEXTS[text] for text in order]
    facts = joined([measure(texts[start::parts]) for start in range(parts)])
    places = np.concatenate([np.arange(len(texts))[start::parts] for start in range(parts)])
    order_now = np.array(order)[places]
    again = [TEXTS[text] for text in order_now]
    found = fates(find(facts, loader(again), reach=reach), RANK[order_now])
    expected = fates(find(FACTS, loader(TEXTS), reach=reach), RANK)
    assert _by_text(found, order_now) == _by_text(expected, np.arange(len(TEXTS)))


@given(st.lists(st.booleans(), min_size=len(TEXTS), max_size=len(TEXTS)))
@settings(max_examples=25)
def test_pairs_of_a_store_decide_for_any_of_its_texts(wanted: list[bool]) -> None:
    is_wanted: Bools = np.array(wanted)
    texts = np.flatnonzero(is_wanted)
    apart = find(FACTS.take(texts), loader([TEXTS[text] for text in texts]))
    expected = _by_text(fates(apart, RANK[texts]), texts)
    found = _by_text(fates(FOUND.among(is_wanted), RANK), np.arange(len(TEXTS)))
    assert {text: found[text] for text in texts.tolist()} == expected
    assert all(found[text] == (NOBODY, 0) for text in np.flatnonzero(~is_wanted).tolist())


@pytest.mark.parametrize("texts", [[], [""], ["a"]])
def test_few_texts(texts: list[str]) -> None:
    found = fates(find(measure(texts), loader(texts)), np.arange(len(texts)))
    assert found.kept_t.tolist() == [True] * len(texts)


def test_nothing_among_nothing() -> None:
    nothing = Found(np.array([NOBODY]), _alike(set()))
    assert nothing.among(np.array([True])).class_t.tolist() == [NOBODY]


def test_a_number_tells_texts_apart() -> None:
    """Issue 6: numbers are kept."""
    said = prose(30, 9)
    texts = [f"{said} {number} {said[::-1]}" for number in (12, 13)]
    found = find(measure(texts), loader(texts), threshold=1.0)
    assert fates(found, np.arange(2)).kept_t.all()
