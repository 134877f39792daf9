"""Where words begin within a piece of text that holds no white space, as spaCy's English has it.

Brackets, quotes and other marks at the ends of a piece are words of their own, and so are dashes,
commas, slashes and the like between letters; "don't" is "do" and "n't", "cat's" is "cat" and "'s".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filters._addresses import in_addresses
from filters._characters import (
    ALONE,
    ALPHA,
    DIGIT,
    DOT,
    HYPHEN,
    LINK,
    LOWER,
    PREFIX,
    SPACE,
    SUFFIX,
    UPPER,
    Flags,
    is_any,
)
from filters._lines import Codes
from filters._listed_words import is_abbreviation, pairs
from filters.conversation import Bools, Ints

_STOP_AFTER = "%\u00b2-+"
_APOSTROPHES = "'\u2019"


def _runs(places: Ints) -> tuple[Ints, Ints]:
    """(first, last) place of each run of neighbours, both repeated for every place."""
    begins = np.diff(places, prepend=-9) != 1
    run = np.cumsum(begins) - 1
    first = places[begins]
    last = places[np.append(begins[1:], True)] if len(places) else places
    return first[run], last[run]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where words begin within pieces that hold no white space; one value a character.

    `leads` and `trails` are the marks at a piece's ends: what lies between them is its stem.
    """

    cut: Bools
    leads: Bools
    trails: Bools


def cuts_of(codes: Codes, flags: Flags) -> Cuts:
    """Only marks are looked at, a tenth or so of all characters."""
    marks = PREFIX | SUFFIX | ALONE | HYPHEN | LINK | DOT
    places = np.flatnonzero((flags & marks)[3:-3]) + 3
    kinds, mark = flags[places], codes[places]
    is_dot = (kinds & DOT) > 0
    dots = places[is_dot]
    stops = np.zeros(len(places), dtype=np.bool_)
    stops[is_dot] = _ends_word(codes, flags, dots)
    leads, trails = _prefixes(flags, places, mark), _suffixes(flags, places, mark, stops)
    cut = np.zeros(len(codes), dtype=np.bool_)
    for found in [places[(kinds & ALONE) > 0], leads, trails]:
        cut[found] = cut[found + 1] = True
    first, last = _runs(dots)  # of one dot in "...", none is cut from the others
    several = last > first
    cut[dots[several]] = False
    ellipses = first[several], last[several]
    first, last = _infixes(codes, flags, places)
    free = ~in_addresses(codes, flags, first, dots, leads, trails)
    for opens, closes in [ellipses, (first[free], last[free])]:
        cut[opens] = cut[closes + 1] = True
    cut[pairs(codes, flags, cut, places, dots[~several]) + 1] = False
    _cut_clitics(codes, flags, cut)
    return Cuts(cut, _mask(leads, len(cut)), _mask(trails, len(cut)))


def _mask(places: Ints, size: int) -> Bools:
    found = np.zeros(size, dtype=np.bool_)
    found[places] = True
    return found


def _prefixes(flags: Flags, places: Ints, mark: Codes) -> Ints:
    """Marks with nothing but such marks between them and the white space before."""
    may = (flags[places] & (PREFIX | ALONE)) > 0
    plus = np.flatnonzero(mark == ord("+"))
    may[plus[(flags[places[plus] + 1] & DIGIT) > 0]] = False
    found = places[may]
    first, _ = _runs(found)
    return np.asarray(found[(flags[first - 1] & SPACE) > 0], np.int64)


def _suffixes(flags: Flags, places: Ints, mark: Codes, full_stops: Bools) -> Ints:
    """Marks with nothing but such marks between them and the white space after."""
    may = full_stops | ((flags[places] & (SUFFIX | ALONE)) > 0)
    after_digit = np.flatnonzero(is_any(mark, "%+$"))
    may[after_digit[(flags[places[after_digit] - 1] & DIGIT) > 0]] = True
    found = places[may]
    # The dots of an ellipsis that ends a piece are cut with it; what stands before them too.
    _, last = _runs(found)
    return np.asarray(found[(flags[last + 1] & SPACE) > 0], np.int64)


def _ends_word(codes: Codes, flags: Flags, dots: Ints) -> Bools:
    """Whether a dot here is a full stop rather than that of an initial or an abbreviation."""
    before, ahead = flags[dots - 1], flags[dots - 2]
    capitals = ((before & UPPER) > 0) & ((ahead & UPPER) > 0)
    plain = (before & (LOWER | DIGIT | SUFFIX | DOT)) > 0
    ends = plain | capitals | is_any(codes[dots - 1], _STOP_AFTER)
    letters = np.flatnonzero(ends & ((before & ALPHA) > 0))
    ends[letters[is_abbreviation(codes, flags, dots[letters])]] = False
    return np.asarray(ends)


def _infixes(codes: Codes, flags: Flags, places: Ints) -> tuple[Ints, Ints]:
    """(first, last) of marks that part what stands on both sides of them, addresses aside."""
    kinds, mark = flags[places], codes[places]
    before, after = flags[places - 1], flags[places + 1]
    follows = (after & ALPHA) > 0
    sums = is_any(mark, "+-*^") & ((before & DIGIT) > 0)
    sums &= ((after & DIGIT) > 0) | (codes[places + 1] == ord("-"))
    links = is_any(mark, ":<>=/") & ((before & (ALPHA | DIGIT)) > 0) & follows
    commas = (mark == ord(",")) & ((before & ALPHA) > 0) & follows
    stops = ((kinds & DOT) > 0) & ((before & LOWER) > 0) & ((after & UPPER) > 0)
    found = places[sums | links | commas | stops]
    found = found[~_is_and_or(codes, flags, found)]
    first, last = _runs(places[(kinds & HYPHEN) > 0])
    right = ((flags[first - 1] & (ALPHA | DIGIT)) > 0) & ((flags[last + 1] & ALPHA) > 0)
    right &= last - first < 3
    return np.concatenate([found, first[right]]), np.concatenate([found, last[right]])


def _is_and_or(codes: Codes, flags: Flags, slashes: Ints) -> Bools:
    """Whether a slash is that of "and/or" or "w/o", each of which is one word."""
    found = np.zeros(len(slashes), dtype=np.bool_)
    for word in ("and/or", "w/o"):
        first = np.maximum(slashes - word.index("/"), 1)
        same = [codes[first + place] == ord(char) for place, char in enumerate(word)]
        longer = flags[first - 1] | flags[np.minimum(first + len(word), len(flags) - 1)]
        found |= np.logical_and.reduce(same) & ((longer & ALPHA) == 0)
    return found


def _cut_clitics(codes: Codes, flags: Flags, cut: Bools) -> None:
    """Part "'s", "'ll", "'re", "'ve", "'m", "'d" and "n't" from the word that they end.

    Where nothing but white space stands before one, it is a word as it is.
    """
    places = np.flatnonzero(is_any(codes, _APOSTROPHES))
    places = places[(places > 2) & (places < len(codes) - 3)]
    after_letter = (flags[places - 1] & ALPHA) > 0
    one, two = codes[places + 1], codes[places + 2]
    ends_one = cut[places + 2] | ((flags[places + 2] & SPACE) > 0)
    ends_two = cut[places + 3] | ((flags[places + 3] & SPACE) > 0)
    genitive = ends_one & is_any(one, "sS")
    single = ends_one & is_any(one, "md") & after_letter
    double = ends_two & _are(one, two, "ll", "re", "ve") & after_letter
    cut[places[genitive | single | double]] = True
    lone = (ends_one & (one == ord("d"))) | (ends_two & _are(one, two, "ll", "re"))
    lone &= (flags[places - 1] & SPACE) > 0
    cut[places[genitive | lone] + 1] = False
    quoted = places[genitive] - 1  # the closing mark of "`name`'s" is a word too
    cut[quoted[(flags[quoted] & SUFFIX) > 0]] = True
    negated = ends_one & (one == ord("t")) & (codes[places - 1] == ord("n"))
    cut[places[negated] - 1] = True


def _are(one: Codes, two: Codes, *pairs: str) -> Bools:
    same = [(one == ord(pair[0])) & (two == ord(pair[1])) for pair in pairs]
    return np.asarray(np.logical_or.reduce(same))
