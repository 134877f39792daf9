"""What each character is to the words that texts are compared by, and what it adds to their hash.

- Letters, marks and numbers (Unicode's L, M, N) make words. Case is folded, one character for one.
- Scripts that write no spaces between words (Han, kana, Thai, Lao, Khmer, Burmese and their like)
  have a word a letter, with the marks that follow it. Data-Juicer advises the same for Chinese:
  shingles of characters.
- Symbols (Unicode's S: = + < $ and emoji) are words by themselves, for formulas and prices differ
  by them; so are % * / and the minus sign beside a digit or between two spaces. All other
  punctuation, and what draws tables and quotes code (| ~ `), parts words as white space does.
- What is not seen (soft hyphens, joiners, variation selectors, byte order marks) is not there.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32] | npt.NDArray[np.uint8]
Flags = npt.NDArray[np.uint8]
Values = npt.NDArray[np.uint64]

LETTER, ALONE, MARK, DIGIT, OPERATOR, BLANK, UNSEEN = 1, 2, 4, 8, 16, 32, 64
IN_WORD = LETTER | ALONE | MARK
_TABLE_SIZE = 0x32400  # past the last letter of Unicode 17; of what is beyond, nothing is a word
_OPERATORS = "%*/-"
_PARTING = "|~`\u00b4\u00a8"
_MINUS = "\u2212"
# A plane of ideographs, assigned or not yet.
_IDEOGRAPHS = (0x20000, 0x323B0)
# Blocks of scripts without spaces between words, first and last character.
_SPACELESS = (
    *((0x0E00, 0x0EFF), (0x0F40, 0x0FBC), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF)),
    *((0x1A20, 0x1AAF), (0x2E80, 0x2FDF), (0x3005, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF)),
    *((0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0xF900, 0xFAFF), (0x1B000, 0x1B16F)),
)
# Ranges whose characters are all of one kind: ideographs, Hangul, surrogates and private use.
_ALIKE = (
    *((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xD800, 0xF900)),
    _IDEOGRAPHS,
)


def _is_spaceless(code: int) -> bool:
    return any(first <= code <= last for first, last in _SPACELESS)


def flags_of_one(char: str) -> int:
    """The rules above, for one character."""
    code, kind = ord(char), unicodedata.category(char)
    if _IDEOGRAPHS[0] <= code < _IDEOGRAPHS[1]:
        return ALONE
    if kind == "Cf" or 0xFE00 <= code <= 0xFE0F:
        return UNSEEN
    if char == _MINUS or char in _OPERATORS:
        return OPERATOR
    if kind[0] == "M":
        return MARK
    if kind[0] in "LN":
        digit = DIGIT if kind == "Nd" else 0
        return (ALONE if _is_spaceless(code) and not digit else LETTER) | digit
    if char == " ":
        return BLANK
    if (kind[0] == "S" and kind != "Sk" and char not in _PARTING) or char == "^":
        return ALONE
    return 0


def folded(char: str) -> str:
    """The character that it is compared as; one that lower case makes two of stays itself."""
    if char == _MINUS:
        return "-"
    if char == "\u03c2":  # the sigma at a word's end
        return "\u03c3"
    lower = char.lower()
    return lower if len(lower) == 1 else char


def mixed(values: Values) -> Values:
    """64 bits of which each depends on all, as MurmurHash3 ends; 0 stays 0. About 6 ns each."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


@cache
def tables() -> tuple[Flags, Values]:
    """(flags, values) by character; the first call takes a tenth of a second."""
    flags = np.zeros(_TABLE_SIZE, np.uint8)
    codes = np.arange(_TABLE_SIZE, dtype=np.uint64)
    done = 0
    for first, last in (*_ALIKE, (_TABLE_SIZE, _TABLE_SIZE)):
        here = range(done, first)
        flags[done:first] = [flags_of_one(chr(code)) for code in here]
        codes[done:first] = [ord(folded(chr(code))) for code in here]
        if first < last:
            flags[first:last] = flags_of_one(chr(first))
        done = last
    return flags, mixed(codes + np.uint64(1))


def look_up(codes: Codes) -> tuple[Flags, Values]:
    """(flags, values) of every character of a text. About 9 ns each."""
    flags, values = tables()
    if codes.dtype == np.uint8:
        return flags[codes], values[codes]
    places = np.minimum(codes, _TABLE_SIZE - 1)
    return flags[places], values[places]
