"""The longest common subsequence of an item's words and of a stretch of a text, as a ratio.

By bits of one long integer, a row of the table a word: Hyyro's form of Allison and Dix's algorithm
("Bit-parallel LCS-length computation revisited", AWOCA 2004). About 0.3 us a word of the text.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.flat import Ints
from pipelines.near.characters import Values


class ItemWords:
    """An item's words, made ready to be compared with stretches of texts."""

    def __init__(self, words: Values) -> None:
        self.num_words = len(words)
        self._masks: dict[int, int] = {}
        for place, word in enumerate(words.tolist()):
            self._masks[word] = self._masks.get(word, 0) | 1 << place

    def shared(self, stretch: Values, front: int) -> tuple[int, int]:
        """Lengths of the longest subsequences shared with the first `front` words, and with all."""
        every = (1 << self.num_words) - 1
        row, masks = every, self._masks
        for word in stretch.tolist():
            mask = masks.get(word)
            if mask is not None:
                both = row & mask
                row = ((row + both) | (row - both)) & every
        first = row & ((1 << front) - 1)
        return front - first.bit_count(), self.num_words - row.bit_count()


def stretches(begins: Ints, num_words: int, end: int) -> Iterator[slice]:
    """Where in a text of `end` words an item of so many words may stand.

    `begins` are where it would begin by each of the runs that it shares with the text. A stretch
    leaves a quarter of the item's length free on both sides, for what was added to it: the longer
    it is, the more of an item's words any text has in their order.
    """
    margin = num_words // 4
    last = None
    for begin in sorted(set(begins.tolist())):
        if last is None or begin - last > margin // 2:
            last = begin
            yield slice(max(begin - margin, 0), min(begin + num_words + margin, end))
