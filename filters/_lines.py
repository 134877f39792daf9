"""Documents of a batch as code points, cut into lines and paragraphs without a Python loop.

A block's text is one array of code points, so that an index is a character and lengths are those of
Python's `str`. Arrays carry their level as a suffix: `_d` one value a document, `_l` one a line (or
paragraph). `filters._blocks` makes blocks of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from filters.conversation import Bools, Ints

Codes = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]

_MULTIPLIER, _MIXER = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93  # odd; the first is 2**64 / phi


@dataclass(frozen=True, slots=True)
class Spans:
    """Pieces [start, end) of a block in order, and the document that each belongs to."""

    start_l: Ints
    end_l: Ints
    doc_l: Ints

    @property
    def chars_l(self) -> Ints:
        return self.end_l - self.start_l

    def where(self, mask_l: Bools) -> Spans:
        return Spans(self.start_l[mask_l], self.end_l[mask_l], self.doc_l[mask_l])


@dataclass(frozen=True, eq=False)
class Documents:
    """A block of documents; `start_d` and `end_d` bound each in `text` and in `codes`.

    What is found in a block may be kept by it (`filters._words.words`): blocks are never equal.
    """

    text: str
    start_d: Ints
    end_d: Ints

    @cached_property
    def codes(self) -> Codes:
        return np.frombuffer(self.text.encode("utf-32-le"), np.dtype("<u4"))

    @property
    def chars_d(self) -> Ints:
        return self.end_d - self.start_d

    def count(self, mask: Bools) -> Ints:
        """How many masked characters each document has."""
        return self.count_at(np.flatnonzero(mask))

    def count_at(self, places: Ints) -> Ints:
        """How many of these places, in order, lie in each document."""
        return np.searchsorted(places, self.end_d) - np.searchsorted(places, self.start_d)

    @cached_property
    def _sums(self) -> Hashes:
        mixed = (self.codes.astype(np.uint64) + np.uint64(1)) * np.uint64(_MIXER)
        mixed ^= mixed >> np.uint64(32)
        mixed *= _powers(len(mixed))[0][: len(mixed)]
        return np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed)])

    def hashes(self, spans: Spans) -> Hashes:
        """64 bits for each piece that also tell its document: equal in one document only."""
        inverse = _powers(len(self.codes))[1]
        found = (self._sums[spans.end_l] - self._sums[spans.start_l]) * inverse[spans.start_l]
        salted = (found + spans.doc_l.astype(np.uint64) * np.uint64(_MIXER)) * np.uint64(_MIXER)
        return np.asarray(salted ^ (salted >> np.uint64(29)), dtype=np.uint64)

    def split(self, start: Ints, end: Ints, within: Spans | None = None) -> Spans:
        """What lies between separators [start, end), empty pieces too, as `re.split` gives it."""
        first, last = (within.start_l, within.end_l) if within else (self.start_d, self.end_d)
        opens = np.sort(np.concatenate([first, end]))
        return Spans(
            opens,
            np.sort(np.concatenate([start, last])),
            np.searchsorted(self.start_d, opens, side="right") - 1,
        )

    @cached_property
    def newlines(self) -> Ints:
        return np.flatnonzero(self.codes == ord("\n"))

    def newline_runs(self) -> tuple[Ints, Ints]:
        """(start, end) of the runs of newlines; none reaches over the end of a document."""
        found = self.newlines
        follows = np.diff(found, prepend=-2) == 1
        first = np.flatnonzero(~follows)
        last = np.append(first[1:], len(found)) - 1
        return (found[first], found[last] + 1) if len(found) else (found, found)

    def splitlines(self) -> Spans:
        """Lines as `str.splitlines` sees them: eleven breaks, and none after the last."""
        codes = self.codes
        is_break = ((codes >= 0x0A) & (codes <= 0x0D)) | ((codes >= 0x1C) & (codes <= 0x1E))
        if int(codes.max(initial=0)) > 0x7F:
            is_break |= (codes == 0x85) | (codes == 0x2028) | (codes == 0x2029)
        found = np.flatnonzero(is_break)
        half = (codes[found] == ord("\r")) & (codes[found + 1] == ord("\n"))
        second = (codes[found] == ord("\n")) & (codes[found - 1] == ord("\r"))
        lines = self.split(found[~second], (found + 1 + half)[~second])
        return lines.where((lines.chars_l > 0) | (lines.end_l < self.end_d[lines.doc_l]))


@lru_cache(maxsize=2)
def _power_table(size: int) -> tuple[Hashes, Hashes]:
    inverse = pow(_MULTIPLIER, -1, 1 << 64)
    ones = np.ones(size, np.uint64)
    both = []
    for base in (_MULTIPLIER, inverse):
        ones[1:] = base
        both.append(np.cumprod(ones))
    return both[0], both[1]


def _powers(length: int) -> tuple[Hashes, Hashes]:
    """Powers of the multiplier and of its inverse modulo 2**64, at least `length` of each."""
    return _power_table(max(1 << 19, 1 << (length - 1).bit_length()))


def sum_by_document(doc_l: Ints, values_l: npt.NDArray[Any], num_documents: int) -> Ints:
    """Sum over the pieces of each document; exact below 2**53."""
    return np.bincount(doc_l, weights=values_l, minlength=num_documents).astype(np.int64)


def ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Part by whole; 0 where there is no whole."""
    return np.asarray(part / np.maximum(whole, 1), dtype=np.float64) * (whole > 0)
