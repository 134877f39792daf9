"""Words of many texts as numbers, so that repetition is found without a string a word.

A word is a run of ASCII letters and digits and of all that is not ASCII; a Han or kana sign, a Thai
or Lao letter is a word by itself, for these scripts write no spaces. Suffix `_w`: one value a word.

The hash of bytes b[s:e] is the sum of value[b[i]] * BASE**(i-s) modulo 2**64, taken from one
running sum by way of BASE's inverse, and thus the same wherever the word stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from filters.conversation import Bools, Ints

Hashes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

# Bytes of text that are hashed at a time: the arrays beside them take some forty times as much.
_BLOCK_BYTES = 3 << 16

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
_VALUES: Hashes = np.random.default_rng(5).integers(1, 2**63, 256, dtype=np.uint64)
_BYTES = np.arange(256)
_IS_DIGIT: Bools = (_BYTES >= 0x30) & (_BYTES <= 0x39)
_IS_LETTER: Bools = ((_BYTES >= 0x61) & (_BYTES <= 0x7A)) | (_BYTES >= 0x80)
_IS_WORD: Bools = _IS_LETTER | _IS_DIGIT
# Ends of lines of code and data: they are repeated innocently.
_IS_CODE_END: Bools = np.isin(_BYTES, np.frombuffer(b",;:{}[]()<>|&\\", dtype=np.uint8))


@dataclass(frozen=True, slots=True)
class Words:
    """Words of texts in order, in lower case."""

    hashes_w: Hashes
    text_w: Ints  # index of the text
    line_w: Ints  # index of the line, over all texts
    is_number_w: Bools  # begins with a digit
    in_code_w: Bools  # its line ends as lines of code do


@lru_cache(maxsize=4)
def _powers(base: int, count: int) -> Hashes:
    powers = np.full(count, base, dtype=np.uint64)
    powers[:1] = 1
    return np.cumprod(powers)


def _powers_up_to(base: int, count: int) -> Hashes:
    """At least `count` powers; kept between blocks, whose sizes differ little."""
    return _powers(base, 1 << max(count - 1, _BLOCK_BYTES).bit_length())


def _edges(data: Bytes) -> tuple[Ints, Ints]:
    """(first byte, byte after the last) of each word."""
    word = np.zeros(len(data) + 1, dtype=np.bool_)
    word[:-1] = _IS_WORD[data]
    begins, ends = word.copy(), np.zeros_like(word)
    begins[1:] &= ~word[:-1]
    ends[1:] = word[:-1] & ~word[1:]
    if data.max(initial=0) >= 0xE0:
        # U+3000 to U+9FFF are E3 to E9, Thai and Lao E0 B8 to E0 BB; three bytes each.
        thai = (data[:-1] == 0xE0) & (data[1:] >= 0xB8) & (data[1:] <= 0xBB)
        alone = (data >= 0xE3) & (data <= 0xE9)
        alone[:-1] |= thai
        first = np.flatnonzero(alone)
        begins[first] = True
        ends[first[word[first - 1] & (first > 0)]] = True
        ends[first + 3] = True
        begins[first[word[first + 3]] + 3] = True
    return np.flatnonzero(begins), np.flatnonzero(ends)


def _block(texts: pl.Series) -> Words:
    """The words of one block of texts; each text ends with a line feed here."""
    lines = texts.str.to_lowercase().str.replace_all("\r", "\n", literal=True) + "\n"
    data = np.frombuffer(lines.str.join("").item().encode(), dtype=np.uint8)
    first, last = _edges(data)
    sums = np.zeros(len(data) + 1, dtype=np.uint64)
    np.cumsum(_VALUES[data] * _powers_up_to(_BASE, len(data))[: len(data)], out=sums[1:])
    inverse = _powers_up_to(_INVERSE, len(data))
    feeds = np.flatnonzero(data == 0x0A)
    text_ends = np.cumsum(lines.str.len_bytes().to_numpy().astype(np.int64))
    line = np.searchsorted(feeds, first)
    return Words(
        hashes_w=(sums[last] - sums[first]) * inverse[first],
        text_w=np.searchsorted(text_ends, first, side="right"),
        line_w=line,
        is_number_w=_IS_DIGIT[data[first]],
        in_code_w=_IS_CODE_END[data[np.maximum(feeds - 1, 0)]][line],
    )


def words(texts: pl.Series) -> Words:
    """The words of texts without nulls; memory follows the longest text, not their sum."""
    sizes = np.cumsum(texts.str.len_bytes().to_numpy().astype(np.int64) + 1)
    cuts = np.flatnonzero(np.diff(sizes // _BLOCK_BYTES, prepend=0))
    bounds = [0, *(int(cut) for cut in cuts if cut), len(texts)]
    blocks, num_lines = [], 0
    for begin, end in zip(bounds, bounds[1:], strict=False):
        found = _block(texts[begin:end])
        blocks.append((found, begin, num_lines))
        num_lines += int(found.line_w.max(initial=-1)) + 1
    return Words(
        hashes_w=np.concatenate([found.hashes_w for found, _, _ in blocks]),
        text_w=np.concatenate([found.text_w + begin for found, begin, _ in blocks]),
        line_w=np.concatenate([found.line_w + line for found, _, line in blocks]),
        is_number_w=np.concatenate([found.is_number_w for found, _, _ in blocks]),
        in_code_w=np.concatenate([found.in_code_w for found, _, _ in blocks]),
    )
