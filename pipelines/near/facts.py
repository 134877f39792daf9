"""What is measured of a text once, and kept: enough to find all that may be like it.

Shingles are not among it. They would take as much room as the text and a half, eight bytes a word,
and are asked of the few texts alone that meet another; those are read again, at the same rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.flat import Ints
from pipelines.near.characters import Values
from pipelines.near.shingles import WORDS_A_SHINGLE, shingles, text_codes
from pipelines.near.signatures import Banding, band_keys, signatures
from pipelines.near.words import blocks, words


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
    banding = banding or Banding()
    parts = [_measure(texts[first:last], banding, length) for first, last in blocks(texts)]
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


def _measure(texts: Sequence[str], banding: Banding, length: int) -> Facts:
    found = words(texts)
    codes = text_codes(found)
    least = signatures(shingles(found, codes, length), banding.num_hashes)
    return Facts(found.num_t, codes, band_keys(least, banding))
