"""Runs of words against sets of them, word by word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.leaks.ngrams import MOST_TEXTS, RunTable, covered, runs
from pipelines.near.words import Words, words

_TEXT = st.lists(st.sampled_from(["oak", "elm", "ash", "fir"]), max_size=12).map(" ".join)
_LENGTH = 3


def _hits(table: RunTable, texts: list[str]) -> list[tuple[int, int, int, int]]:
    found = table.hits(words(texts))
    columns = (found.text, found.at, found.target, found.place)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _table(texts: Words) -> RunTable:
    every = np.ones(len(texts.num_t), np.bool_)
    return RunTable([runs(texts, every, _LENGTH)], [0], _LENGTH)


@given(st.lists(_TEXT, min_size=1, max_size=6), st.lists(_TEXT, min_size=1, max_size=6))
def test_hits_are_those_of_a_plain_search(mine: list[str], theirs: list[str]) -> None:
    expected = [
        (text, at, target, place)
        for text, said in enumerate(theirs)
        for at in range(len(said.split()) - _LENGTH + 1)
        for target, held in enumerate(mine)
        for place in range(len(held.split()) - _LENGTH + 1)
        if said.split()[at : at + _LENGTH] == held.split()[place : place + _LENGTH]
    ]
    assert _hits(_table(words(mine)), theirs) == expected


@pytest.mark.parametrize("more", [0, 1])
def test_what_many_items_share_is_a_template(more: int) -> None:
    """It is counted by texts: one that says it often is one."""
    shared = "give one single word as the answer"
    texts = [f"{shared} number{n} {shared}" for n in range(MOST_TEXTS + more)]
    found = {target for _, _, target, _ in _hits(_table(words(texts)), [shared])}
    assert found == (set() if more else set(range(MOST_TEXTS)))


def test_templates_of_another_benchmark_do_not_count() -> None:
    shared = "give one single word as the answer"
    many = words([f"{shared} number{n}" for n in range(MOST_TEXTS + 1)])
    few = words([shared])
    parts = [runs(part, np.ones(len(part.num_t), np.bool_), _LENGTH) for part in (many, few)]
    table = RunTable(parts, [0, len(many.num_t)], _LENGTH)
    assert {target for _, _, target, _ in _hits(table, [shared])} == {len(many.num_t)}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=40))
def test_words_are_covered_once(pairs: list[tuple[int, int]]) -> None:
    ordered = sorted(set(pairs))
    owner, place = (np.array([p[n] for p in ordered], np.int64) for n in (0, 1))
    sets = [{w for o, p in ordered if o == n for w in range(p, p + _LENGTH)} for n in range(4)]
    assert covered(owner, place, _LENGTH, 4).tolist() == [len(found) for found in sets]
