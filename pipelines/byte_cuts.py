"""The cuts of a byte-level BPE's regular expression, found for many texts at once.

GPT-2's expression (Radford et al., 2019), which SmolLM2's tokenizer has too, cuts a text into runs
of letters, of digits and of other signs, each with the single space before it; contractions ('s,
'll) apart; and white space, whose last character is apart where something follows. Here that is
arithmetic on bytes: a cut is where the kinds of two neighbours say so.

What is a letter beyond ASCII is a matter of Unicode tables. So a word that holds such characters is
not cut inside: words are what stands between single spaces, at which every such tokenizer cuts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

_LETTER, _DIGIT, _SIGN, _SPACE = range(4)
_KINDS = np.full(256, _SIGN, np.uint8)
_KINDS[[*range(65, 91), *range(97, 123)]] = _LETTER
_KINDS[48:58] = _DIGIT
_KINDS[[9, 10, 11, 12, 13, 32]] = _SPACE
_QUOTE, _BLANK, _FIRST_FOREIGN = 39, 32, 128
# Letters after ' that make a contraction, as one byte or two.
_SHORT = (b"s", b"t", b"m", b"d")
_LONG = (b"re", b"ve", b"ll")
# White space beyond ASCII, which an expression may or may not take for such: texts with it are not
# for this module.
FOREIGN_SPACE = re.compile("[\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


def cut(texts: Sequence[str], single_digits: bool) -> tuple[pa.LargeStringArray, Ints]:
    """(all parts of all texts, where each text's begin; one more for the end).

    Each part is cut off from its neighbours by the tokenizer; one with characters beyond ASCII may
    be cut further. `single_digits`: digits stand alone (SmolLM2), else in runs (GPT-2). About
    100 MB/s.
    """
    raw = [text.encode() for text in texts]
    data = np.frombuffer(b"".join(raw), np.uint8)
    ends = np.cumsum([len(piece) for piece in raw], dtype=np.int64)
    begins = np.concatenate([np.zeros(1, np.int64), ends])
    is_start = _starts(data, begins, single_digits)
    starts = np.flatnonzero(is_start)
    offsets = np.append(starts, len(data))
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    parts = pa.Array.from_buffers(pa.large_string(), len(starts), buffers)
    return parts, np.searchsorted(starts, begins)


def _starts(data: Bytes, begins: Ints, single_digits: bool) -> Bools:
    """Whether a part starts at each byte."""
    first = np.zeros(len(data) + 1, bool)
    first[begins] = True
    first, last = first[:-1], first[1:]
    kind = _KINDS[data]
    before = np.append(np.uint8(_SPACE), kind[:-1])[: len(data)]
    after = np.append(kind[1:], np.uint8(_SPACE))[: len(data)]
    after[last] = _SPACE
    is_space = kind == _SPACE
    # White space: at its run's first byte; and at its last, where something but a digit follows.
    follows = after != _SPACE
    if single_digits:
        follows &= after != _DIGIT
    found: Bools = is_space & ((before != _SPACE) | follows)
    # Other runs: at their first byte, or at the space before it.
    is_led = np.append(False, data[:-1] == _BLANK)[: len(data)]
    if single_digits:
        is_led &= kind != _DIGIT
    found |= ~is_space & (before != kind) & ~is_led
    if single_digits:
        found |= kind == _DIGIT
    found |= first
    _cut_contractions(data, kind, last, found)
    _join_foreign(data, kind, first, found)
    return found


def _cut_contractions(data: Bytes, kind: Bytes, last: Bools, found: Bools) -> None:
    """A quote that begins a run of signs, and the letters after it: they are a part."""
    quotes = np.flatnonzero((data == _QUOTE) & found & ~last)
    quotes = quotes[kind[quotes + 1] == _LETTER]
    if not len(quotes):
        return
    padded = np.append(data, np.zeros(2, np.uint8))
    one, two = padded[quotes + 1], padded[quotes + 2]
    two = np.where(last[quotes + 1], 0, two)
    size = np.zeros(len(quotes), np.int64)
    for letters in _SHORT:
        size[one == letters[0]] = 1
    for letters in _LONG:
        size[(one == letters[0]) & (two == letters[1])] = 2
    quotes, size = quotes[size > 0], size[size > 0]
    found[quotes + 1] = False
    end = quotes + size
    more = end[~last[end]] + 1
    found[more[kind[more] == _LETTER]] = True


def _join_foreign(data: Bytes, kind: Bytes, first: Bools, found: Bools) -> None:
    """Words with bytes beyond ASCII are one part each."""
    foreign = np.flatnonzero(data >= _FIRST_FOREIGN)
    if not len(foreign):
        return
    # Where words begin: at a text's first byte, and at single spaces between other characters.
    solid = kind != _SPACE
    inner = np.zeros(len(data), bool)
    inner[1:-1] = (data[1:-1] == _BLANK) & solid[:-2] & solid[2:]
    inner &= ~first & ~np.append(first[1:], True)
    words = np.flatnonzero(inner | first)
    place = np.searchsorted(words, foreign, side="right") - 1
    place = np.unique(place)
    stops = np.append(words, len(data))
    spans = np.zeros(len(data) + 1, np.int8)
    spans[words[place] + 1] += 1
    np.subtract.at(spans, stops[place + 1], 1)
    inside = np.cumsum(spans[:-1]).astype(bool)
    found &= ~inside
