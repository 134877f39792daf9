"""What repeats within a document: whole pieces, the most frequent n-gram, runs seen before.

Pieces are compared by 64-bit hashes that tell their document (`Documents.hashes`): in a block of
250,000 characters two different ones fall together about once in ten billion blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from filters._lines import Documents, Hashes, Spans, sum_by_document
from filters._words import Words
from filters.conversation import Ints

_STEP = np.uint64(0xC2B2AE3D27D4EB4F)  # odd: joins the hashes of an n-gram's words


@dataclass(frozen=True, slots=True)
class Groups:
    """Places whose key occurs twice or more, in order, each with the first place of the same key
    and with how many hold it.
    """

    places: Ints
    first: Ints
    count: Ints


def groups(keys: Hashes) -> Groups:
    order = np.argsort(keys)
    ordered = keys[order]
    edges = np.ones(len(keys) + 1, dtype=np.bool_)
    edges[1:-1] = ordered[1:] != ordered[:-1]
    order = order[~(edges[:-1] & edges[1:])]
    if len(order) == 0:
        return Groups(order, order, order)
    ordered = keys[order]
    opens = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(np.append(opens, len(order)))
    firsts = np.minimum.reduceat(order, opens)
    first, count = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    first[order], count[order] = np.repeat(firsts, counts), np.repeat(counts, counts)
    places = np.flatnonzero(count)
    return Groups(places, first[places], count[places])


def repeated(documents: Documents, pieces: Spans) -> tuple[Ints, Ints]:
    """(pieces, characters of pieces) that the same document has shown before, for each document."""
    same = groups(documents.hashes(pieces))
    again = same.places[same.places != same.first]
    num, doc = len(documents.start_d), pieces.doc_l[again]
    chars = sum_by_document(doc, pieces.chars_l[again], num)
    return np.bincount(doc, minlength=num).astype(np.int64), chars


@dataclass(frozen=True, slots=True)
class NGrams:
    """The n-grams of one length that occur twice or more in their document, in order."""

    n: int
    places: Ints  # index of the first word
    first: Ints  # place of the same n-gram's first occurrence
    count: Ints


def repeated_ngrams(documents: Documents, found: Words, longest: int) -> Iterator[NGrams]:
    """NGrams for n = 2 to `longest`.

    An n-gram can occur twice only where both (n-1)-grams in it do, so each length looks at what
    the one before left over: a small part of natural text from n = 3 on.
    """
    word_hashes = documents.hashes(found.spans)
    last_w = np.repeat(found.first_d + found.num_d - 1, found.num_d)
    places = np.flatnonzero(np.arange(len(last_w)) < last_w)
    hashes = word_hashes[places]
    for n in range(2, longest + 1):
        hashes = hashes * _STEP + word_hashes[places + n - 1]
        same = groups(hashes ^ (hashes >> np.uint64(31)))
        yield NGrams(n, places[same.places], places[same.first], same.count)
        places, hashes = places[same.places], hashes[same.places]
        extends = np.flatnonzero(places[1:] == places[:-1] + 1)
        places, hashes = places[extends], hashes[extends]


def top_chars(found: Words, grams: NGrams) -> Ints:
    """Characters of each document's most frequent n-gram, times its occurrences; 0 without any.

    One space between words. Of equally frequent ones the first counts, if none repeats too.
    """
    lengths = _word_ends(found)
    has_one = found.num_d >= grams.n
    place_d = np.where(has_one, found.first_d, 0)
    count_d = has_one.astype(np.int64)
    leads = grams.places == grams.first
    places, counts = grams.places[leads], grams.count[leads]
    doc = found.spans.doc_l[places]
    # Written in this order, the most frequent, and of those the earliest, comes last and stays.
    order = np.lexsort((-places, counts, doc))
    place_d[doc[order]], count_d[doc[order]] = places[order], counts[order]
    chars = lengths[np.minimum(place_d + grams.n, len(lengths) - 1)] - lengths[place_d]
    return np.asarray((chars + grams.n - 1) * count_d, np.int64)


def repeated_chars(found: Words, grams: NGrams, num_documents: int) -> Ints:
    """Characters of words in n-grams seen before, none twice: after a hit its words are passed.

    What was passed is not remembered as seen, so places depend on those before; the loop is over
    n-grams that occur twice, not over words.
    """
    seen: set[int] = set()
    hits: list[int] = []
    free = 0
    for place, first in zip(grams.places.tolist(), grams.first.tolist(), strict=True):
        if place < free:
            continue
        if first in seen:
            hits.append(place)
            free = place + grams.n
        else:
            seen.add(first)
    lengths = _word_ends(found)
    where = np.array(hits, dtype=np.int64)
    chars = lengths[where + grams.n] - lengths[where]
    return sum_by_document(found.spans.doc_l[where], chars, num_documents)


def _word_ends(found: Words) -> Ints:
    return np.concatenate([[0], np.cumsum(found.spans.chars_l)])
