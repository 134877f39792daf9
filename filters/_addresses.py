"""Addresses of the web and of mails: pieces of text that are one word whatever marks they hold."""

from __future__ import annotations

import re

import numpy as np

from filters._characters import SPACE, Flags
from filters._lines import Codes
from filters.conversation import Bools, Ints

# A scheme or none, a name before "@" or none, a host with its domain, a port, a path: what spaCy's
# English takes for an address, "localhost" not.
_ADDRESS = re.compile(
    r"(?:[\w+.-]{2,}://)?(?:\S+@)?"
    r"(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.)+[a-z]{2,63})"
    r"(?::\d{2,5})?(?:[/?#]\S*)?"
)
_MAX_CHARS = 2_000  # a longer piece is none: addresses end somewhere, and looking costs time


def in_addresses(
    codes: Codes, flags: Flags, places: Ints, dots: Ints, leads: Ints, trails: Ints
) -> Bools:
    """Which places lie in an address; marks before and after it (`leads`, `trails`) are not its."""
    spaces = np.flatnonzero(flags & SPACE)
    piece, which = np.unique(np.searchsorted(spaces, places), return_inverse=True)
    start, end = spaces[piece - 1] + 1, spaces[piece]
    start, end = start + _num_in(leads, start, end), end - _num_in(trails, start, end)
    may = np.flatnonzero((_num_in(dots, start, end) > 0) & (end - start <= _MAX_CHARS))
    found = np.zeros(len(piece), dtype=np.bool_)
    for index in may.tolist():
        text = codes[start[index] : end[index]].tobytes().decode("utf-32-le", "replace")
        found[index] = _ADDRESS.fullmatch(text) is not None
    return np.asarray(found[which])


def _num_in(places: Ints, start: Ints, end: Ints) -> Ints:
    return np.searchsorted(places, end) - np.searchsorted(places, start)
