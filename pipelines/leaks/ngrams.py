"""Runs of words of a benchmark's texts as 64-bit numbers, and where texts have the same runs.

Runs that more than MOST_TEXTS texts of one benchmark share are its templates ("Answer the question
with a single word or phrase") and stand for none of its items. It is decided on the benchmark
alone, so that which rows match does not depend on what other rows, or other benchmarks, there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.flat import Bools, Ints, owners, ranges
from pipelines.near.characters import Values
from pipelines.near.shingles import shingles
from pipelines.near.words import Words

# GPT-3 (arXiv 2005.14165, appendix C) ignores 13-grams of more than ten documents.
MOST_TEXTS = 10
# Bits of the table that numbers are looked up in first, for each number: 1 in 32 others passes.
_BITS_EACH = 32
_MOST_BITS = 1 << 29


@dataclass(frozen=True, slots=True)
class Hits:
    """A run of words at place `at` of text `text` is at place `place` of the index's `target`."""

    text: Ints
    at: Ints
    target: Ints
    place: Ints


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of one benchmark's texts, templates left out: values ascending."""

    values: Values
    target: Ints
    place: Ints


def runs(texts: Words, wanted: Bools, length: int) -> Runs:
    """Of the wanted texts that have so many words."""
    wanted = wanted & (texts.num_t >= length)
    found = shingles(texts, np.zeros(len(wanted), np.uint64), length)
    target = owners(found.num_t)
    place = np.arange(len(target)) - found.first_t[target]
    is_mine = wanted[target]
    values, target, place = found.values[is_mine], target[is_mine], place[is_mine]
    order = np.argsort(values, kind="stable")  # texts and places ascend already
    values, target, place = values[order], target[order], place[order]
    is_own = ~_is_template(values, target)
    return Runs(values[is_own], target[is_own], place[is_own])


def _is_template(values: Values, target: Ints) -> Bools:
    """Of runs that are sorted by both."""
    if not len(values):
        return np.zeros(0, np.bool_)
    is_new = np.append(True, values[1:] != values[:-1])
    is_other = is_new | np.append(True, target[1:] != target[:-1])
    number = np.cumsum(is_new) - 1
    found: Bools = (np.bincount(number, weights=is_other) > MOST_TEXTS)[number]
    return found


class RunTable:
    """Runs of all benchmarks. About 140 ns a word to look up among 8 M runs."""

    def __init__(self, parts: Sequence[Runs], first_text: Sequence[int], length: int) -> None:
        """`first_text` numbers the texts of each part."""
        self.length = length
        values = np.concatenate([np.zeros(0, np.uint64), *(part.values for part in parts)])
        order = np.argsort(values, kind="stable")
        self._values = values[order]
        numbered = [part.target + first for part, first in zip(parts, first_text, strict=True)]
        nothing = np.zeros(0, np.int64)
        self._target = np.concatenate([nothing, *numbered])[order]
        self._place = np.concatenate([nothing, *(part.place for part in parts)])[order]
        num_bits = min(max(1 << 10, len(values) * _BITS_EACH), _MOST_BITS)
        self._shift = np.uint64(64 - (num_bits - 1).bit_length())
        self._seen = np.zeros(1 << (num_bits - 1).bit_length() - 3, np.uint8)
        bits = self._values >> self._shift
        np.bitwise_or.at(self._seen, bits >> np.uint64(3), _bit(bits))

    def hits(self, texts: Words) -> Hits:
        """All of them, in the order of texts and their words."""
        found = shingles(texts, np.zeros(len(texts.num_t), np.uint64), self.length)
        bits = found.values >> self._shift
        maybe = np.flatnonzero(self._seen[bits >> np.uint64(3)] & _bit(bits))
        first = np.searchsorted(self._values, found.values[maybe], side="left")
        # Without runs nothing is seen, and nothing is asked of the last.
        is_hit = self._values[np.minimum(first, len(self._values) - 1)] == found.values[maybe]
        maybe, first = maybe[is_hit], first[is_hit]
        values = found.values[maybe]
        counts = np.searchsorted(self._values, values, side="right") - first
        text = (np.searchsorted(found.first_t, maybe, side="right") - 1).astype(np.int64)
        which = ranges(first, counts)
        return Hits(
            text=np.repeat(text, counts),
            at=np.repeat(maybe - found.first_t[text], counts),
            target=self._target[which],
            place=self._place[which],
        )

    def covered(self, num_texts: int) -> Ints:
        """Of each text of the index, the words that stand in a run of it."""
        order = np.lexsort((self._place, self._target))
        return covered(self._target[order], self._place[order], self.length, num_texts)


def covered(owner: Ints, place: Ints, length: int, num_owners: int) -> Ints:
    """Words that runs at these places cover together, by owner; sorted by both, none twice."""
    each = np.full(len(place), length, np.int64)
    if len(place):
        is_same = owner[1:] == owner[:-1]
        each[:-1][is_same] = np.minimum(length, np.diff(place)[is_same])
    return np.bincount(owner, weights=each, minlength=num_owners).astype(np.int64)


def _bit(bits: Values) -> Values:
    return (np.uint8(1) << (bits & np.uint64(7)).astype(np.uint8)).astype(np.uint8)
