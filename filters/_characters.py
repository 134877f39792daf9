"""What each character is to the rules on words: one table, looked up for a whole block at once."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from filters._lines import Codes
from filters.conversation import Bools

Flags = npt.NDArray[np.uint16]

SPACE, ALPHA, UPPER, LOWER, DIGIT = 1, 2, 4, 8, 16
IS_WORDY = 32  # neither punctuation nor an ASCII symbol: what makes more than a symbol of a word
NOT_PUNCTUATION = 64
ENDS_SENTENCE = 128
PREFIX, SUFFIX, ALONE, HYPHEN, LINK, DOT = 256, 512, 1024, 2048, 4096, 8192
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
    found |= PREFIX if is_mark or char in _LEADING or kind == "Sc" else 0
    found |= SUFFIX if is_mark or char in _TRAILING else 0
    found |= ALONE if kind == "So" or char == "\u2026" else 0
    found |= HYPHEN if char in "-~\u2013\u2014" else 0
    found |= LINK if char in ":<>=/,+*^" else 0
    return found | (DOT if char == "." else 0)


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


def is_any(codes: Codes, chars: str) -> Bools:
    """Where one of these few characters stands."""
    return np.asarray(np.logical_or.reduce([codes == ord(char) for char in chars]))
