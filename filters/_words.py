"""Words of a block of documents, cut as datatrove's English tokenizer (spaCy) cuts nearly all.

White space parts words. Brackets, quotes and other marks at the ends of such a piece are words of
their own, and so are dashes, commas, slashes and the like between letters; "don't" is "do" and
"n't", "cat's" is "cat" and "'s". Not followed: spaCy's lists of units ("5km" in two), of emoticons,
of top-level domains, most of its abbreviations, and "cannot" in two; these move counts by a few in
a thousand.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from filters._lines import Codes, Documents, Spans
from filters.conversation import Bools, Ints

Flags = npt.NDArray[np.uint16]

SPACE, ALPHA, UPPER, LOWER, DIGIT = 1, 2, 4, 8, 16
IS_WORDY = 32  # neither punctuation nor an ASCII symbol: what makes more than a symbol of a word
NOT_PUNCTUATION = 64
ENDS_SENTENCE = 128
_PREFIX, _SUFFIX, _ALONE, _HYPHEN, _LINK, _DOT = 256, 512, 1024, 2048, 4096, 8192
_ALIKE = [
    (0x3400, 0x4DC0),
    (0x4E00, 0xA000),
    (0xAC00, 0xD7A4),
    (0xD800, 0xF900),
    (0x20000, 0x323B0),
]
_TABLE_SIZE = 0x32400  # past the last letter of Unicode 17; beyond, only marks and private use

# Unicode's Sentence_Terminal (PropList.txt) and the ellipsis-free Khmer marks beside it, in hex.
_ENDS = (
    "21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e "
    "1735-1736 17d4-17d5 17d6 17d9-17da 1803 1809 1944-1945 1aa8-1aab 1b4e-1b4f 1b5a-1b5b "
    "1b5e-1b5f 1b7d-1b7f 1c3b-1c3c 1c7e-1c7f 2024 203c-203d 2047-2049 2cf9-2cfb 2e2e 2e3c "
    "2e53-2e54 2e60-2e61 3002 a4ff a60e-a60f a6f3 a6f7 a876-a877 a8ce-a8cf a92f a9c8-a9c9 "
    "aa5d-aa5f aaf0-aaf1 abeb fe12 fe15-fe16 fe52 fe56-fe57 ff01 ff0e ff1f ff61 10a56-10a57 "
    "10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 111c5-111c6 111cd 111de-111df "
    "11238-11239 1123b-1123c 112a9 113d4-113d5 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 "
    "1173c-1173e 11944 11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 11f43-11f44 "
    "16a6e-16a6f 16af5 16b37-16b38 16b44 16d6e-16d6f 16e98 1bc9f 1da88"
)
_MARKS = ",:;!?()[]{}<>_#*&'\"`"  # cut off at both ends of a word
_LEADING = "%=+$\u2013\u2014\u00a7" + _MARKS
_TRAILING = "\u2013\u2014" + _MARKS
_STOP_AFTER = [ord(char) for char in "%\u00b2-+"]
# Words that keep their dot: titles, firms, months; the commonest of spaCy's exceptions.
_ABBREVIATIONS = (
    *("Mr", "Mrs", "Ms", "Dr", "Prof", "Rev", "Gen", "Gov", "Rep", "Sen", "Adm", "Messrs", "St"),
    *("Jr", "Inc", "Ltd", "Co", "Corp", "Bros", "Mt", "vs", "v"),
    *("Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec"),
)
_AND_OR = [(-3, "a"), (-2, "n"), (-1, "d"), (1, "o"), (2, "r")]  # one word
_SCHEMES = ("http", "https", "ftp")
_APOSTROPHES = (0x27, 0x2019)


def _flags(code: int) -> int:
    """Flags of one character; Python's own classes, so that they agree with `str`'s methods."""
    char = chr(code)
    kind = unicodedata.category(char)
    if char.isspace():
        return SPACE
    found = 0
    if char.isalpha():
        found |= ALPHA | (0 if char.islower() else UPPER) | (0 if char.isupper() else LOWER)
    is_mark = kind[0] == "P" and (code > 0x7F or char in _MARKS) and kind not in ("Pd", "Pc")
    found |= DIGIT if char in "0123456789" else 0
    found |= 0 if kind[0] == "P" or kind == "Cc" or (kind[0] == "S" and code < 0x80) else IS_WORDY
    found |= 0 if kind[0] == "P" else NOT_PUNCTUATION
    found |= _PREFIX if is_mark or char in _LEADING or kind == "Sc" else 0
    found |= _SUFFIX if is_mark or char in _TRAILING else 0
    found |= _ALONE if kind == "So" or char == "\u2026" else 0
    found |= _HYPHEN if char in "-~\u2013\u2014" else 0
    found |= _LINK if char in ":<>=/,+*^" else 0
    return found | (_DOT if char == "." else 0)


@cache
def _table() -> Flags:
    """Flags of every character; ranges that are all alike (ideographs, Hangul) are asked once."""
    table = np.zeros(_TABLE_SIZE, np.uint16)
    done = 0
    for first, last in [*_ALIKE, (_TABLE_SIZE, _TABLE_SIZE)]:
        table[done:first] = np.fromiter(map(_flags, range(done, first)), np.uint16)
        if first < last:
            table[first:last] = _flags(first)
        done = last
    for piece in _ENDS.split():
        low, _, high = piece.partition("-")
        table[int(low, 16) : int(high or low, 16) + 1] |= ENDS_SENTENCE
    return table


def flags_of(codes: Codes) -> Flags:
    return _table()[np.minimum(codes, _TABLE_SIZE - 1)]


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


def words(documents: Documents) -> Words:
    """Every word; documents do not touch, for a space lies between them."""
    flags = flags_of(documents.codes)
    shown = (flags & SPACE) == 0
    cut = _cuts(documents.codes, flags)
    opens = shown.copy()
    opens[1:] &= ~shown[:-1] | cut[1:]
    closes = shown
    closes[:-1] &= ~shown[1:] | cut[1:]
    start_w, end_w = np.flatnonzero(opens), np.flatnonzero(closes) + 1
    first_d = np.searchsorted(start_w, documents.start_d)
    num_d = np.searchsorted(start_w, documents.end_d) - first_d
    doc_w = np.repeat(np.arange(len(num_d)), num_d)
    # What follows a word up to the next is white space, which adds the flag SPACE alone.
    flags_w = np.bitwise_or.reduceat(flags, start_w) if len(start_w) else flags[:0]
    return Words(Spans(start_w, end_w, doc_w), flags_w, first_d, num_d, flags)


def stripped(spans: Spans, found: Words) -> Spans:
    """Pieces without the white space at their ends; a blank piece has no characters."""
    start_w, end_w = found.spans.start_l, found.spans.end_l
    first = np.searchsorted(start_w, spans.start_l)
    last = np.searchsorted(start_w, spans.end_l)
    blank = first == last
    start, end = spans.start_l.copy(), spans.start_l.copy()
    start[~blank], end[~blank] = start_w[first[~blank]], end_w[last[~blank] - 1]
    return Spans(start, end, spans.doc_l)


def _runs(places: Ints) -> tuple[Ints, Ints]:
    """(first, last) place of each run of neighbours, both repeated for every place."""
    begins = np.diff(places, prepend=-9) != 1
    run = np.cumsum(begins) - 1
    first = places[begins]
    last = places[np.append(begins[1:], True)] if len(places) else places
    return first[run], last[run]


def _cuts(codes: Codes, flags: Flags) -> Bools:
    """Where a word may begin within a piece that holds no white space.

    Only marks are looked at, a tenth or less of all characters.
    """
    cut = np.zeros(len(codes), dtype=np.bool_)
    marks = _PREFIX | _SUFFIX | _ALONE | _HYPHEN | _LINK | _DOT
    places = np.flatnonzero(flags & marks)
    places = places[(places > 2) & (places < len(codes) - 3)]
    kinds = flags[places]
    dots = places[(kinds & _DOT) > 0]
    alone = places[(kinds & _ALONE) > 0]
    ends = [_prefixes(codes, flags, places), _suffixes(codes, flags, places)]
    for found in [alone, *ends]:
        cut[found] = cut[found + 1] = True
    first, last = _runs(dots)  # of one dot in "...", none is cut from the others
    several = last > first
    cut[dots[several]] = False
    ellipses = first[several], last[several]
    for first, last in [ellipses, _infixes(codes, flags, places, cut)]:
        cut[first] = cut[last + 1] = True
    quotes = places[(codes[places] == ord("'")) & (codes[places + 1] == ord("'"))]
    cut[quotes + 1] = False  # two apostrophes are one closing quotation mark
    _cut_clitics(codes, flags, cut)
    return cut


def _prefixes(codes: Codes, flags: Flags, places: Ints) -> Ints:
    """Marks with nothing but such marks between them and the white space before."""
    plus_number = (codes[places] == ord("+")) & ((flags[places + 1] & DIGIT) > 0)
    kinds = flags[places]
    found = places[((kinds & (_PREFIX | _ALONE)) > 0) & ~plus_number]
    first, _ = _runs(found)
    return np.asarray(found[(flags[first - 1] & SPACE) > 0], np.int64)


def _suffixes(codes: Codes, flags: Flags, places: Ints) -> Ints:
    """Marks with nothing but such marks between them and the white space after."""
    before = flags[places - 1]
    after_digit = ((before & DIGIT) > 0) & np.isin(codes[places], [ord(c) for c in "%+$"])
    kinds = flags[places]
    full_stop = (kinds & _DOT > 0) & _ends_word(codes, flags, places)
    found = places[((kinds & (_SUFFIX | _ALONE)) > 0) | after_digit | full_stop]
    # The dots of an ellipsis that ends a piece are cut with it; what stands before them too.
    _, last = _runs(found)
    return np.asarray(found[(flags[last + 1] & SPACE) > 0], np.int64)


def _ends_word(codes: Codes, flags: Flags, places: Ints) -> Bools:
    """Whether a dot here is a full stop rather than the dot of an initial or of "e.g."."""
    before, ahead = flags[places - 1], flags[places - 2]
    initial = ((before & ALPHA) > 0) & (codes[places - 2] == ord("."))
    capitals = ((before & UPPER) > 0) & ((ahead & UPPER) > 0)
    plain = (before & (LOWER | DIGIT | _SUFFIX | _DOT)) > 0
    ends = (plain & ~initial) | capitals | np.isin(codes[places - 1], _STOP_AFTER)
    return np.asarray(ends & ~_is_abbreviation(codes, flags, places))


def _packed(word: str) -> int:
    return sum(ord(char) << (8 * place) for place, char in enumerate(reversed(word)))


def _is_abbreviation(codes: Codes, flags: Flags, places: Ints) -> Bools:
    """Whether one of the listed words ends right before each place, packed last letter first."""
    packed = np.zeros(len(places), dtype=np.uint64)
    alive = np.ones(len(places), dtype=np.bool_)
    for back in range(1, 7):
        before = np.maximum(places - back, 0)
        alive &= ((flags[before] & ALPHA) > 0) & (codes[before] < 0x80)
        packed |= np.where(alive, codes[before], 0).astype(np.uint64) << np.uint64(8 * (back - 1))
    listed = np.array([_packed(word) for word in _ABBREVIATIONS], dtype=np.uint64)
    return np.isin(packed, listed)


def _infixes(codes: Codes, flags: Flags, places: Ints, cut: Bools) -> tuple[Ints, Ints]:
    """(first, last) of marks that part what stands on both sides of them."""
    before, after = flags[places - 1], flags[places + 1]
    mark = codes[places]
    wordy = (before & (ALPHA | DIGIT)) > 0
    follows = (after & ALPHA) > 0
    either = (mark == ord("/")) & np.logical_and.reduce(
        [codes[places + shift] == ord(char) for shift, char in _AND_OR]
    )
    sums = np.isin(mark, [ord(c) for c in "+-*^"]) & ((before & DIGIT) > 0)
    sums &= ((after & DIGIT) > 0) | (codes[places + 1] == ord("-"))
    links = np.isin(mark, [ord(c) for c in ":<>=/"]) & wordy & follows
    commas = (mark == ord(",")) & ((before & ALPHA) > 0) & follows
    stops = (mark == ord(".")) & ((before & LOWER) > 0) & ((after & UPPER) > 0)
    joins = sums | (links & ~either) | commas | stops
    free = ~_in_urls(codes, flags, places, cut)
    found = places[joins & free]
    dashes = places[((flags[places] & _HYPHEN) > 0) & free]
    first, last = _runs(dashes)
    right = ((flags[first - 1] & (ALPHA | DIGIT)) > 0) & ((flags[last + 1] & ALPHA) > 0)
    right &= last - first < 3
    return np.concatenate([found, first[right]]), np.concatenate([found, last[right]])


def _in_urls(codes: Codes, flags: Flags, places: Ints, cut: Bools) -> Bools:
    """Which places lie in a piece that begins, but for its leading marks, with an address's scheme,
    or that holds the address of a mail.

    An address is one word; in `[text](https://...)` it is not, for the piece begins elsewhere.
    """
    colons = places[(codes[places] == ord(":")) & (codes[places + 1] == ord("/"))]
    colons = colons[(codes[colons + 2] == ord("/")) & (colons > 8)]
    begins = cut | np.append(True, (flags[:-1] & SPACE) > 0) if len(colons) else cut
    opens = np.logical_or.reduce([_reads(codes, colons, name, begins) for name in _SCHEMES])
    mails = np.flatnonzero(codes == ord("@"))
    mails = mails[(flags[mails - 1] & flags[mails + 1] & ALPHA) > 0]
    if not opens.any() and len(mails) == 0:
        return np.zeros(len(places), dtype=np.bool_)
    spaces = np.flatnonzero(flags & SPACE)
    addresses = np.append(colons[opens], mails)
    return np.isin(np.searchsorted(spaces, places), np.searchsorted(spaces, addresses))


def _reads(codes: Codes, ends: Ints, name: str, begins: Bools) -> Bools:
    """Where this word ends right before `ends` and begins a word."""
    first = ends - len(name)
    same = [codes[first + place] == ord(char) for place, char in enumerate(name)]
    return np.asarray(np.logical_and.reduce(same) & begins[first])


def _cut_clitics(codes: Codes, flags: Flags, cut: Bools) -> None:
    """Part "'s", "'ll", "'re", "'ve", "'m", "'d" and "n't" from the word that they end."""
    places = np.flatnonzero((codes == _APOSTROPHES[0]) | (codes == _APOSTROPHES[1]))
    places = places[(places > 2) & (places < len(codes) - 3)]
    places = places[(flags[places - 1] & SPACE) == 0]
    after_letter = (flags[places - 1] & ALPHA) > 0
    one, two = codes[places + 1], codes[places + 2]
    ends_one = cut[places + 2] | ((flags[places + 2] & SPACE) > 0)
    ends_two = cut[places + 3] | ((flags[places + 3] & SPACE) > 0)
    genitive = ends_one & np.isin(one, [ord(c) for c in "sS"])
    single = ends_one & np.isin(one, [ord(c) for c in "md"]) & after_letter
    pairs = [(ord(a), ord(b)) for a, b in ("ll", "re", "ve")]
    double = (ends_two & after_letter) & np.logical_or.reduce(
        [(one == a) & (two == b) for a, b in pairs]
    )
    cut[places[genitive | single | double]] = True
    cut[places[genitive] + 1] = False
    negated = ends_one & (one == ord("t")) & (codes[places - 1] == ord("n"))
    cut[places[negated] - 1] = True
