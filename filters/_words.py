"""Words of a block of documents, cut as datatrove's English tokenizer (spaCy) cuts nearly all.

White space parts words, and `filters._cuts` tells where else one begins. Not followed: emoticons of
three and more characters, the rarer of spaCy's units, currencies and shortened words. On 245,000
words of documentation fewer than one in 5,000 were cut in another way (spaCy 3.8.18).
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from filters._characters import SPACE, Flags, flags_of
from filters._cuts import cuts_of
from filters._lines import Documents, Spans
from filters._listed_words import in_two, units
from filters.conversation import Bools, Ints


@dataclass(frozen=True, slots=True)
class Words:
    """All words of a block in order: `_w` one value a word."""

    spans: Spans
    flags_w: Flags  # of all the word's characters, or-ed
    first_d: Ints  # index of each document's first word
    num_d: Ints
    flags: Flags  # one a character

    def per_document(self, mask_w: Bools) -> Ints:
        """How many masked words each document has."""
        totals = np.concatenate([[0], np.cumsum(mask_w)])
        return np.asarray(totals[self.first_d + self.num_d] - totals[self.first_d], np.int64)


_cut_before: MutableMapping[Documents, Words] = WeakKeyDictionary()


def words(documents: Documents) -> Words:
    """Every word of a block, cut once however many filters ask while the block is kept."""
    found = _cut_before.get(documents)
    if found is None:
        found = _cut_before[documents] = _words(documents)
    return found


def _words(documents: Documents) -> Words:
    """Documents do not touch, for a space lies between them."""
    codes = documents.codes
    flags = flags_of(codes)
    shown = (flags & SPACE) == 0
    cuts = cuts_of(codes, flags)
    start_w, end_w = _edges(shown, cuts.cut)
    ends_stem = ~shown[end_w] | cuts.trails[end_w]
    stem = ends_stem & (~shown[start_w - 1] | cuts.leads[start_w - 1])
    cuts.cut[in_two(codes, start_w[stem], end_w[stem])] = True
    cuts.cut[units(codes, flags, end_w[ends_stem])] = True
    start_w, end_w = _edges(shown, cuts.cut)
    first_d = np.searchsorted(start_w, documents.start_d)
    num_d = np.searchsorted(start_w, documents.end_d) - first_d
    doc_w = np.repeat(np.arange(len(num_d)), num_d)
    # What follows a word up to the next is white space, which adds the flag SPACE alone.
    flags_w = np.bitwise_or.reduceat(flags, start_w) if len(start_w) else flags[:0]
    return Words(Spans(start_w, end_w, doc_w), flags_w, first_d, num_d, flags)


def _edges(shown: Bools, cut: Bools) -> tuple[Ints, Ints]:
    """(starts, ends) of all words."""
    opens, closes = shown.copy(), shown.copy()
    opens[1:] &= ~shown[:-1] | cut[1:]
    closes[:-1] &= ~shown[1:] | cut[1:]
    return np.flatnonzero(opens), np.flatnonzero(closes) + 1


def stripped(spans: Spans, found: Words) -> Spans:
    """Pieces without the white space at their ends; a blank piece has no characters."""
    start_w, end_w = found.spans.start_l, found.spans.end_l
    first = np.searchsorted(start_w, spans.start_l)
    last = np.searchsorted(start_w, spans.end_l)
    blank = first == last
    start, end = spans.start_l.copy(), spans.start_l.copy()
    start[~blank], end[~blank] = start_w[first[~blank]], end_w[last[~blank] - 1]
    return Spans(start, end, spans.doc_l)
