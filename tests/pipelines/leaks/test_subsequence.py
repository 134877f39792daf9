from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.leaks.subsequence import ItemWords, stretches

_WORDS = st.lists(st.integers(0, 5), max_size=90)


def _plain(one: list[int], other: list[int]) -> int:
    """By the table of all prefixes."""
    row = [0] * (len(other) + 1)
    for a in one:
        before = row
        row = [0]
        for place, b in enumerate(other):
            row.append(before[place] + 1 if a == b else max(before[place + 1], row[place]))
    return row[-1]


@given(_WORDS.filter(bool), _WORDS, st.data())
def test_lengths_are_those_of_the_table(
    item: list[int], text: list[int], data: st.DataObject
) -> None:
    front = data.draw(st.integers(0, len(item)))
    found = ItemWords(np.array(item, np.uint64)).shared(np.array(text, np.uint64), front)
    assert found == (_plain(item[:front], text), _plain(item, text))


@given(st.lists(st.integers(-50, 500), min_size=1), st.integers(13, 80))
def test_every_place_lies_in_a_stretch(begins: list[int], num_words: int) -> None:
    """Where an item may begin, all of it lies in one stretch, as far as the text goes."""
    end = 600
    found = list(stretches(np.array(begins), num_words, end))
    assert found == list(stretches(np.array(begins[::-1] * 2), num_words, end))
    for begin in begins:
        first, last = max(begin, 0), min(begin + num_words, end)
        assert any(part.start <= first and last <= part.stop for part in found)
