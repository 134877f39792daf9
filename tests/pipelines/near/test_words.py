from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.near.words import BLOCK_CHARS, blocks, words
from tests.pipelines.near.plain import TEXTS, plain_words, prose

LISTS = st.lists(TEXTS | st.text(max_size=20), max_size=6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Don't  STOP", "don\u2019t\nstop!"),
        ("caf\u00e9", "cafe\u0301"),
        ("\uff11\uff12 \ufb01x", "12 fix"),
        ("soft\u00adware", "software"),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"),
        ("**bold** - item", "bold - item"),
        ("- item", "* item"),
        ("5\u22123", "5-3"),
        ("state-of-the-art", "state of the art"),
    ],
)
def test_alike(one: str, other: str) -> None:
    found = words([one, other])
    first, second = np.split(found.hashes, found.first_t[1:-1])
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 apples", "4 apples"),
        ("3 - 4", "3 * 4"),
        ("x / y", "x * y"),
        ("x=1", "x>1"),
        ("-5", "5"),
        ("10%", "10"),
        ("3.5", "35"),
        ("$5", "5"),
        ("ab c", "a bc"),
        ("caf\u00e9", "cafe"),
        ("good \U0001f600", "good \U0001f622"),
    ],
)
def test_not_alike(one: str, other: str) -> None:
    found = words([one, other])
    first, second = np.split(found.hashes, found.first_t[1:-1])
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("\u4f60\u597d\u4e16\u754c", 4),
        ("\u0e01\u0e31\u0e1a", 2),
        ("\ud55c\uad6d\uc5b4 \ub2e8\uc5b4", 2),
        ("", 0),
        (" .\n", 0),
    ],
)
def test_number_of_words(text: str, number: int) -> None:
    assert words([text]).num_t.tolist() == [number]


@given(LISTS)
def test_words_are_those_of_the_rule(texts: list[str]) -> None:
    found = words(texts)
    plain = [plain_words(text) for text in texts]
    assert found.num_t.tolist() == [len(said) for said in plain]
    said = [word for text in plain for word in text]
    pairs = set(zip(said, found.hashes.tolist(), strict=True))
    assert len(pairs) == len({word for word, _ in pairs}) == len({code for _, code in pairs})


@given(LISTS)
def test_a_text_has_its_words_whatever_stands_beside_it(texts: list[str]) -> None:
    together = words(texts)
    alone = [words([text]).hashes for text in texts]
    assert together.hashes.tolist() == [code for part in alone for code in part.tolist()]


def test_a_lone_surrogate_parts_words() -> None:
    assert words(["a\ud800b"]).num_t.tolist() == [2]


def test_blocks_are_of_bounded_size_and_leave_nothing_out() -> None:
    texts = ["a" * size for size in (10, BLOCK_CHARS * 3, 0, 5, BLOCK_CHARS - 1, 7)] * 3
    found = list(blocks([len(text) for text in texts]))
    assert [first for first, _ in found[1:]] == [last for _, last in found[:-1]]
    assert (found[0][0], found[-1][1]) == (0, len(texts))
    for first, last in found:
        assert last == first + 1 or sum(map(len, texts[first + 1 : last])) <= BLOCK_CHARS
    assert list(blocks([])) == []


def test_a_text_longer_than_a_block() -> None:
    text = prose(60_000, 1)
    found = words([text])
    assert found.num_t.tolist() == [60_000]
    first = {word: code for word, code in zip(text.split(), found.hashes.tolist(), strict=True)}
    assert [first[word] for word in text.split()] == found.hashes.tolist()
