from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.near.facts import joined, measure, measure_sides
from pipelines.near.signatures import Banding
from tests.pipelines.near.plain import TEXTS, plain_words, prose


@given(st.lists(TEXTS, min_size=1, max_size=6))
@settings(max_examples=50)
def test_facts_are_of_one_text_alone(texts: list[str]) -> None:
    together = measure(texts)
    alone = joined([measure([text]) for text in texts])
    assert together.num_words.tolist() == [len(plain_words(text)) for text in texts]
    assert together.codes.tolist() == alone.codes.tolist()
    assert (together.keys == alone.keys).all()


def test_blocks_do_not_show() -> None:
    texts = [prose(size, size) for size in (3, 40_000, 0, 9, 15_000, 200, 200)]
    together = measure(texts)
    alone = joined([measure([text]) for text in texts])
    assert (together.keys == alone.keys).all()
    assert together.codes[5] == together.codes[6]


def test_nothing_is_measured_of_no_texts() -> None:
    found = measure([], Banding(bands=3, rows=2))
    assert (len(found.codes), found.keys.shape) == (0, (0, 3))


def test_a_text_is_as_it_was() -> None:
    """What stores hold: another rule needs another version of the measure."""
    found = measure(["The quick brown fox, 3 times."], Banding(bands=2, rows=2))
    assert found.num_words.tolist() == [6]
    assert found.codes.tolist() == [17885534362655089123]
    assert found.keys.tolist() == [[7913587268648605668, 6492350545795214010]]


def test_take() -> None:
    found = measure(["a b", "c", "d e f"])
    some = found.take(np.array([2, 0]))
    assert some.num_words.tolist() == [3, 2]
    assert (some.keys == found.keys[[2, 0]]).all()


def test_sides_are_one_text_for_keys_and_two_for_codes() -> None:
    fronts = ["is it so big, or is it", "is it so big, or", "Is it so big or is it?", ""]
    backs = ["not", "is it not", "NOT", "is it so big, or is it not"]
    found = measure_sides(fronts, backs)
    assert found.num_words.tolist() == [8, 8, 8, 8]
    assert (found.keys == found.keys[0]).all()
    assert found.codes[0] == found.codes[2]
    assert len(set(found.codes.tolist())) == 3
