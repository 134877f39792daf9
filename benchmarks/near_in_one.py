"""Near duplicates among texts that fit into memory: the steps of pipelines/alike without its files.

Texts of one code are one, and stand where the first of them stands. Candidates, their verification
and the walk are the functions that a build calls, part by part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.flat import Bools, Ints
from pipelines.near.candidates import REACH, candidates
from pipelines.near.facts import Facts
from pipelines.near.jaccard import THRESHOLD, Alike, Floats, Load, verified
from pipelines.near.kept import NOBODY, walk


@dataclass(frozen=True, slots=True)
class Found:
    """Classes of texts that are the same but for case, white space and punctuation, and pairs of
    classes that are alike."""

    class_t: Ints  # NOBODY for a text without words
    pairs: Alike

    def among(self, wanted_t: Bools) -> Found:
        """What was found, as if the other texts had no words."""
        class_t = np.where(wanted_t, self.class_t, NOBODY)
        is_there = np.zeros(int(self.class_t.max(initial=NOBODY)) + 1, np.bool_)
        is_there[class_t[class_t != NOBODY]] = True
        both = np.flatnonzero(is_there[self.pairs.left] & is_there[self.pairs.right])
        return Found(class_t, self.pairs.take(both))


@dataclass(frozen=True, slots=True)
class Fates:
    """One value a text. A match is the first in order of the kept texts that it is alike to."""

    match_t: Ints  # NOBODY: kept
    jaccard_t: Floats  # with the match; 0 where kept

    @property
    def kept_t(self) -> Bools:
        return np.equal(self.match_t, NOBODY)


def find(facts: Facts, load: Load, threshold: float = THRESHOLD, reach: int = REACH) -> Found:
    """All that is alike among these texts; `load` reads texts by their numbers.

    Classes are numbered by their codes: the order of texts is in the result as `class_t` alone.
    """
    has_words = np.flatnonzero(facts.num_words)
    _, first, place = np.unique(facts.codes[has_words], return_index=True, return_inverse=True)
    class_t = np.full(len(facts.codes), NOBODY, np.int64)
    class_t[has_words] = place
    text_c = has_words[first]
    classes = facts.take(text_c)
    pairs = verified(
        candidates(classes, reach), classes.num_words, lambda c: load(text_c[c]), threshold
    )
    return Found(class_t, pairs)


def fates(found: Found, rank_t: Ints) -> Fates:
    """`rank_t` is each text's place in the order of preference, no two the same. About 1 us a
    text where there is a pair for every fifth."""
    class_t, match_t = found.class_t, np.full(len(rank_t), NOBODY, np.int64)
    jaccard_t = np.zeros(len(rank_t))
    texts = np.flatnonzero(class_t != NOBODY)
    texts = texts[np.lexsort((rank_t[texts], class_t[texts]))]
    _, start = np.unique(class_t[texts], return_index=True)
    first_c = np.full(int(class_t.max(initial=NOBODY)) + 1, NOBODY, np.int64)
    first_c[class_t[texts[start]]] = texts[start]
    match_c, jaccard_c = walk(found.pairs, rank_t[first_c])
    own = class_t[texts]
    is_gone = match_c[own] != NOBODY
    match_t[texts] = np.where(is_gone, first_c[match_c[own]], first_c[own])
    jaccard_t[texts] = np.where(is_gone, jaccard_c[own], 1.0)
    kept = first_c[(match_c == NOBODY) & (first_c != NOBODY)]
    match_t[kept], jaccard_t[kept] = NOBODY, 0
    return Fates(match_t, jaccard_t)
