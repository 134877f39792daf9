"""Words that are cut, or not, because a list says so: the commonest exceptions of spaCy's English.

Each is looked up as a number: up to eight ASCII characters packed, the last one lowest.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from filters._characters import ALPHA, DIGIT, DOT, SPACE, Flags
from filters._lines import Codes
from filters.conversation import Bools, Ints

Packed = npt.NDArray[np.uint64]

# Words that keep their dot: titles, firms, months, states.
_ABBREVIATIONS = (
    *("Mr", "Mrs", "Ms", "Dr", "Prof", "Rev", "Gen", "Gov", "Rep", "Sen", "Adm", "Messrs", "St"),
    *("Jr", "Inc", "Ltd", "Co", "co", "Corp", "Bros", "Mt", "vs", "v"),
    *("Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec"),
    *("Ak", "Ala", "Ariz", "Ark", "Calif", "Colo", "Conn", "Del", "Fla", "Ga", "Ia", "Id", "Ill"),
    *("Ind", "Kan", "Kans", "Ky", "La", "Mass", "Md", "Mich", "Minn", "Miss", "Mo", "Mont", "Neb"),
    *("Nebr", "Nev", "Okla", "Ore", "Pa", "Tenn", "Va", "Wash", "Wis"),
)
# The letters of "e.g." and its like; other rows of small letters and dots end in a full stop.
_DOTTED = ("eg", "Eg", "ie", "Ie", "am", "pm", "vs")
# Parted from the number before them at the end of a word.
_UNITS = (
    *("km", "m", "dm", "cm", "mm", "ha", "nm", "yd", "in", "ft", "kg", "g", "mg", "t", "lb", "oz"),
    *("kmh", "mph", "hPa", "Pa", "mbar", "mb", "MB", "kb", "KB", "gb", "GB", "tb", "TB"),
    *("T", "G", "M", "K"),
)
# What is written together but read as two, as if it had an apostrophe: endings and what they end.
_SHORTENED = {
    "nt": "ca do does did could had may might must need ought sha should wo would ai are is was "
    "were have has dare",
    "ll": "you it they who what when where why how there that this these those",
    "d": "i you he it we they who what when where why how there that this these those",
    "ve": "i you we they who what when where why how there these those could might must should "
    "would not",
    "re": "you they what when where why how there these those",
    "s": "he she who what when where why how there that this",
    "m": "i",
    "not": "can",
    "na": "gon",
    "ta": "got",
    "all": "y",
    "am": "1 2 3 4 5 6 7 8 9 10 11 12",
    "pm": "1 2 3 4 5 6 7 8 9 10 11 12",
}
# Two marks, or a mark and a letter, that are one word where each would be one.
_PAIRS = (
    *("''", ":O", ":1", "]=", "8)", ";D", "=|", ":]", ";)", ":x", ":)", "=)", "=(", "[:", ":D"),
    *("=D", "(:", "[=", ":(", ":P", ":o", ":0", ":X", ":/", "=/", "=]", ":*", ":>", "<3", ":|"),
    *(":3", "=[", ":p", "=3", "):", "(=", ":}", "(;"),
)


def _packed(word: str) -> int:
    return sum(ord(char) << (8 * place) for place, char in enumerate(reversed(word)))


def _before(codes: Codes, flags: Flags, ends: Ints, most: int) -> Packed:
    """The last ASCII letters before each place, packed: `most` of them, or fewer at other marks."""
    found = np.zeros(len(ends), dtype=np.uint64)
    alive = np.ones(len(ends), dtype=np.bool_)
    for back in range(1, most + 1):
        place = np.maximum(ends - back, 0)
        alive &= ((flags[place] & ALPHA) > 0) & (codes[place] < 0x80)
        found |= np.where(alive, codes[place], 0).astype(np.uint64) << np.uint64(8 * (back - 1))
    return found


def _list(words: tuple[str, ...]) -> Packed:
    return np.array([_packed(word) for word in words], dtype=np.uint64)


def is_abbreviation(codes: Codes, flags: Flags, dots: Ints) -> Bools:
    """Whether one of the listed words ends right before each dot."""
    # One letter more than the longest has, so that a longer word is not taken for its ending.
    longest = max(map(len, _ABBREVIATIONS)) + 1
    found = np.isin(_before(codes, flags, dots, longest), _list(_ABBREVIATIONS))
    both = (codes[dots - 3].astype(np.uint64) << np.uint64(8)) | codes[dots - 1]
    dotted = (codes[dots - 2] == ord(".")) & np.isin(both, _list(_DOTTED))
    return np.asarray(found | (dotted & ((flags[dots - 4] & (ALPHA | DOT)) == 0)))


@cache
def _shortened() -> tuple[Packed, Ints]:
    """(packed words in order, length of each one's first part)."""
    parts = {
        _packed(form + ending): len(form)
        for ending, stems in _SHORTENED.items()
        for stem in stems.split()
        for form in (stem, stem.capitalize())
    }
    keys = sorted(parts)
    return np.array(keys, dtype=np.uint64), np.array([parts[key] for key in keys], dtype=np.int64)


def in_two(codes: Codes, start: Ints, end: Ints) -> Ints:
    """Where the second part of such a word begins, of pieces [start, end)."""
    keys, firsts = _shortened()
    chars = end - start
    some = (chars > 1) & (chars <= 8)
    start, chars = start[some], chars[some]
    # All eight bytes up to an end in one look, and then what lies before the piece shifted out.
    backwards = np.zeros(len(codes) + 8, np.uint8)
    backwards[: len(codes)] = np.where(codes < 0x80, codes, 0)[::-1]
    eight = np.ndarray(len(codes), "<u8", buffer=backwards, strides=(1,))
    piece = eight[len(codes) - start - chars] & _masks()[chars]
    at = np.minimum(np.searchsorted(keys, piece), len(keys) - 1)
    return np.asarray((start + firsts[at])[keys[at] == piece], np.int64)


def _masks() -> Packed:
    return np.array([(1 << (8 * chars)) - 1 for chars in range(9)], dtype=np.uint64)


def units(codes: Codes, flags: Flags, end: Ints) -> Ints:
    """Where a unit begins that ends a piece and follows a digit."""
    end = end[(flags[end - 1] & ALPHA) > 0]
    digit = [(flags[end - back] & DIGIT) > 0 for back in (2, 3, 4, 5)]
    near = np.logical_or.reduce(digit)
    end = end[near]
    chars = 1 + np.argmax(np.stack([found[near] for found in digit]), axis=0)
    letters = _before(codes, flags, end, 4)
    whole = letters >> (8 * (chars - 1)).astype(np.uint64) > 0  # all of them up to the digit
    return np.asarray((end - chars)[whole & np.isin(letters, _list(_UNITS))], np.int64)


def pairs(codes: Codes, flags: Flags, cut: Bools, places: Ints, dots: Ints) -> Ints:
    """First places of two neighbours that are one word: emoticons, and a letter with its dot."""
    closing = places[codes[places] == ord(")")] - 1
    first = np.concatenate([places, closing[codes[closing] == ord("8")]])
    both = (codes[first].astype(np.uint64) << np.uint64(8)) | codes[first + 1]
    letters = dots - 1
    letters = letters[(codes[letters] >= ord("a")) & (codes[letters] <= ord("z"))]
    first = np.sort(np.concatenate([first[np.isin(both, _list(_PAIRS))], letters]))
    space = (flags & SPACE) > 0
    alone = (cut[first] | space[first - 1]) & cut[first + 1] & (cut[first + 2] | space[first + 2])
    found = first[alone & ~space[first + 1]]
    return np.asarray(found[np.diff(found, prepend=-9) > 1], np.int64)
