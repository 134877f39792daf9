"""The words of many texts as 64-bit numbers, without a string a word.

Texts are put into Unicode's form NFKC first, which makes one of composed and decomposed letters, of
wide and narrow forms, of ligatures and their letters. `near.characters` says what a word is.

A word's number is the sum of value[i] * BASE**i over its characters, modulo 2**64 and mixed. It is
taken from one running sum by way of BASE's inverse, so that it is the same wherever the word
stands. Nothing guards against texts that someone wrote to collide.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipelines.flat import Bools, Ints, starts
from pipelines.near.characters import (
    ALONE,
    BLANK,
    DIGIT,
    IN_WORD,
    LETTER,
    MARK,
    OPERATOR,
    UNSEEN,
    Codes,
    Flags,
    Values,
    look_up,
    mixed,
)

# Small enough for the processor's caches. A longer text is a block of its own, which takes some 60
# bytes of memory a character.
BLOCK_CHARS = 1 << 17
_BASE = 0x9E3779B97F4A7C15
# Before, between and after texts: a look at a character's neighbours finds no other text's.
_EDGE = "\n"


@dataclass(frozen=True, slots=True)
class Words:
    """Words of texts in order: text t has those from first_t[t] to first_t[t + 1]."""

    hashes: Values
    first_t: Ints  # one more for the end

    @property
    def num_t(self) -> Ints:
        return np.diff(self.first_t)


def blocks(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges of texts of so many characters, each of about BLOCK_CHARS or of one longer text; none
    without texts."""
    number = (np.cumsum(np.array(lengths, np.int64) + 1) - 1) // BLOCK_CHARS
    cuts = [*np.flatnonzero(np.diff(number, prepend=-1)).tolist(), len(lengths)]
    yield from zip(cuts, cuts[1:], strict=False)


def words(texts: Sequence[str]) -> Words:
    """The words of one block of texts. About 35 ns a character."""
    plain = [text if text.isascii() else unicodedata.normalize("NFKC", text) for text in texts]
    sizes = np.fromiter(map(len, plain), np.int64, len(plain)) + 1
    joined = _EDGE + _EDGE.join([*plain, ""])
    codes = _codes(joined)
    flags, values = look_up(codes)
    ends = starts(sizes) + 1
    unseen = (flags & UNSEEN) != 0
    if unseen.any():
        ends = starts((~unseen).astype(np.int64))[ends]
        codes, flags, values = codes[~unseen], flags[~unseen], values[~unseen]
    flags = _with_operators(codes, flags)
    first, last = _edges(flags)
    return Words(_hashes(values, first, last), np.searchsorted(first, ends))


def _codes(text: str) -> Codes:
    if text.isascii():
        return np.frombuffer(text.encode(), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


def _with_operators(codes: Codes, flags: Flags) -> Flags:
    """Flags in which the marks of arithmetic are words where they are meant as such."""
    found = np.flatnonzero(flags & OPERATOR)
    before, after = flags[found - 1], flags[found + 1]
    is_word = ((before | after) & DIGIT) | (before & after & BLANK)
    flags[found[is_word != 0]] = ALONE
    return flags


def _edges(flags: Flags) -> tuple[Ints, Ints]:
    """(first character, the one after the last) of each word; texts begin and end with an edge."""
    in_word = (flags & IN_WORD) != 0
    goes_on: Bools = np.zeros(len(flags), np.bool_)
    follows = (flags[1:] & LETTER != 0) & (flags[:-1] & (LETTER | MARK) != 0)
    goes_on[1:] = follows | ((flags[1:] & MARK != 0) & in_word[:-1])
    first = np.flatnonzero(in_word & ~goes_on)
    last = np.flatnonzero(in_word[:-1] & ~goes_on[1:]) + 1
    return first, last


def _hashes(values: Values, first: Ints, last: Ints) -> Values:
    powers, inverse = _powers(max(BLOCK_CHARS * 2, 1 << (len(values) - 1).bit_length()))
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values * powers[: len(values)], out=sums[1:])
    return mixed((sums[last] - sums[first]) * inverse[first])


@lru_cache(maxsize=2)
def _powers(count: int) -> tuple[Values, Values]:
    """Powers of the base and of its inverse, modulo 2**64."""
    both = []
    for base in (_BASE, pow(_BASE, -1, 1 << 64)):
        powers = np.full(count, base, np.uint64)
        powers[0] = 1
        both.append(np.cumprod(powers))
    return both[0], both[1]
