"""What is measured of a text once, and kept: enough to find all that may be like it.

A text may have two sides, as a chat has what is asked and what is answered. They are one text for
the keys by which texts meet; of the same code are texts both of whose sides are the same.

Shingles are not among it. They would take as much room as the text and a half, eight bytes a word,
and are asked of the few texts alone that meet another; those are read again, at the same rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.flat import Ints
from pipelines.near.characters import Values, mixed
from pipelines.near.shingles import WORDS_A_SHINGLE, shingles, text_codes
from pipelines.near.signatures import Banding, band_keys, signatures
from pipelines.near.words import Words, blocks, words

_FRONT = np.uint64(0x9E3779B97F4A7C15)  # odd: a front is no back


@dataclass(frozen=True, slots=True)
class Facts:
    """One value a text: 124 bytes for 14 bands."""

    num_words: Ints
    codes: Values  # equal where all words are the same, in the same order
    keys: Values  # a column a band; 0 for a text without words

    def take(self, texts: Ints) -> Facts:
        return Facts(self.num_words[texts], self.codes[texts], self.keys[texts])


def measure(
    texts: Sequence[str], banding: Banding | None = None, length: int = WORDS_A_SHINGLE
) -> Facts:
    """Facts of each text, in order; memory follows the longest text, not their sum."""
    return measure_sides([""] * len(texts), texts, banding, length)


def measure_sides(
    fronts: Sequence[str],
    backs: Sequence[str],
    banding: Banding | None = None,
    length: int = WORDS_A_SHINGLE,
) -> Facts:
    """Facts of each front with its back, as one text; codes are equal where both sides are."""
    banding = banding or Banding()
    sizes = [len(front) + len(back) for front, back in zip(fronts, backs, strict=True)]
    parts = [
        _measure(fronts[first:last], backs[first:last], banding, length)
        for first, last in blocks(sizes)
    ]
    if not parts:
        nothing = np.zeros(0, np.uint64)
        return Facts(np.zeros(0, np.int64), nothing, nothing.reshape(0, banding.bands))
    return joined(parts)


def joined(parts: Sequence[Facts]) -> Facts:
    """Texts of all parts, one part after another."""
    return Facts(
        np.concatenate([part.num_words for part in parts]),
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.keys for part in parts]),
    )


def _measure(fronts: Sequence[str], backs: Sequence[str], banding: Banding, length: int) -> Facts:
    sides = words([side for pair in zip(fronts, backs, strict=True) for side in pair])
    both = Words(sides.hashes, sides.first_t[::2])
    codes = text_codes(sides)
    codes = mixed(codes[::2] * _FRONT + codes[1::2])
    least = signatures(shingles(both, codes, length), banding.num_hashes)
    return Facts(both.num_t, codes, band_keys(least, banding))
