"""The quality rules of Gopher for pretraining documents: size, symbols, bullets, stop words.

Words are those of `filters._words`; a symbol is a word of punctuation alone. Lines are those of
`str.splitlines`. Rules and thresholds are those of table A1 of Rae et al. 2021 (2112.11446), read
as datatrove's `GopherQualityFilter` reads them:

    words, symbols not counted                     50 to 100,000
    mean length of those words                     3 to 10 characters
    hash signs by words, ellipses by words         at most 0.1 each
    lines that begin with a bullet                 at most 90 %
    lines that end with an ellipsis                at most 30 %
    words with an alphabetic character             at least 80 %
    of the, be, to, of, and, that, have, with      at least 2 different ones
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._blocks import measure_documents
from filters._characters import ALPHA, IS_WORDY
from filters._lines import Documents, ratio, sum_by_document
from filters._words import Words, stripped, words
from filters.base import Filter, Params, first_reason
from filters.conversation import Bools, Ints
from manifests.schema import Kind

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")

SCORES = pa.schema(
    [
        ("num_words", pa.int64()),  # symbols not counted
        ("mean_word_chars", pa.float64()),
        ("hash_ratio", pa.float64()),  # these two by words with symbols, and so is the share
        ("ellipsis_ratio", pa.float64()),
        ("bullet_lines_share", pa.float64()),
        ("ellipsis_lines_share", pa.float64()),
        ("alphabetic_words_share", pa.float64()),
        ("num_stop_words", pa.int32()),  # different ones
        ("num_nulls", pa.int32()),
    ]
)


class GopherQualityParams(Params):
    """Bounds, all allowed, e.g. `min_stop_words: 0` for languages other than English.

    All defaults are table A1's of Rae et al. 2021.
    """

    min_words: int = Field(default=50, ge=0, description="fewest words, symbols not counted")
    max_words: int = Field(default=100_000, ge=1, description="most words")
    min_mean_chars: float = Field(default=3.0, ge=0, description="shortest mean word, characters")
    max_mean_chars: float = Field(default=10.0, ge=0, description="longest mean word, characters")
    max_symbol_ratio: float = Field(
        default=0.1, ge=0, description="most hash signs by words, and most ellipses by words"
    )
    max_bullet_lines: float = Field(default=0.9, ge=0, description="share of lines with a bullet")
    max_ellipsis_lines: float = Field(
        default=0.3, ge=0, description="share of lines that end with an ellipsis"
    )
    min_alphabetic: float = Field(
        default=0.8, ge=0, le=1, description="share of words with an alphabetic character"
    )
    min_stop_words: int = Field(
        default=2, ge=0, le=len(STOP_WORDS), description="fewest different stop words"
    )


def _num_stop_words(documents: Documents, found: Words) -> Ints:
    """Different stop words of each document, exact case: words are compared as packed letters."""
    codes, spans = documents.codes, found.spans
    seen = np.zeros((len(found.num_d), len(STOP_WORDS)), dtype=np.bool_)
    for length in {len(word) for word in STOP_WORDS}:
        of_length = spans.where(spans.chars_l == length)
        for column, word in enumerate(STOP_WORDS):
            if len(word) == length:
                rest = of_length
                for place, char in enumerate(word):
                    rest = rest.where(codes[rest.start_l + place] == ord(char))
                seen[rest.doc_l, column] = True
    return np.asarray(seen.sum(axis=1), dtype=np.int64)


def _ends_with_ellipsis(codes: npt.NDArray[np.uint32], end: Ints) -> Bools:
    """Whether "..." or its one-character form stands before each end; a block begins with space."""
    dots = np.logical_and.reduce([codes[end - back] == ord(".") for back in (1, 2, 3)])
    return np.asarray(dots | (codes[end - 1] == 0x2026))


def _num_ellipses(documents: Documents) -> Ints:
    codes = documents.codes
    dots = np.flatnonzero(codes == ord("."))
    opens = np.flatnonzero(np.diff(dots, prepend=-2) != 1)
    lengths = np.diff(np.append(opens, len(dots)))
    # `str.count` finds one in every three dots of a run.
    several = lengths >= 3
    places = np.repeat(dots[opens[several]], lengths[several] // 3)
    return documents.count_at(places) + documents.count(codes == 0x2026)


def _line_shares(documents: Documents, found: Words) -> dict[str, npt.NDArray[Any]]:
    codes, num = documents.codes, len(found.num_d)
    lines = stripped(documents.splitlines(), found)
    shown = lines.chars_l > 0
    first = codes[lines.start_l]
    bullets = shown & ((first == ord("-")) | (first == 0x2022))
    trails = shown & _ends_with_ellipsis(codes, lines.end_l)
    num_d = np.bincount(lines.doc_l, minlength=num)
    return {
        "bullet_lines_share": ratio(sum_by_document(lines.doc_l, bullets, num), num_d),
        "ellipsis_lines_share": ratio(sum_by_document(lines.doc_l, trails, num), num_d),
    }


def _measure(documents: Documents) -> Mapping[str, npt.NDArray[Any]]:
    found = words(documents)
    wordy = (found.flags_w & IS_WORDY) > 0
    chars = np.where(wordy, found.spans.chars_l, 0)
    num_words = found.per_document(wordy)
    return {
        "num_words": num_words,
        "mean_word_chars": ratio(
            sum_by_document(found.spans.doc_l, chars, len(num_words)), num_words
        ),
        "hash_ratio": ratio(documents.count(documents.codes == ord("#")), found.num_d),
        "ellipsis_ratio": ratio(_num_ellipses(documents), found.num_d),
        **_line_shares(documents, found),
        "alphabetic_words_share": ratio(
            found.per_document((found.flags_w & ALPHA) > 0), found.num_d
        ),
        "num_stop_words": _num_stop_words(documents, found),
    }


class GopherQuality(Filter):
    """Drops documents that are too short or long, or whose words, symbols and lines are not those
    of running text: lists, menus, tables, noise. Defaults: table A1 of Rae et al. 2021.
    """

    name: ClassVar[str] = "gopher_quality"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("document",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = (
        "gopher_too_few_words",
        "gopher_too_many_words",
        "gopher_words_too_short",
        "gopher_words_too_long",
        "gopher_too_many_hashes",
        "gopher_too_many_ellipses",
        "gopher_too_many_bullets",
        "gopher_too_many_ellipsis_lines",
        "gopher_too_few_alphabetic",
        "gopher_too_few_stop_words",
    )
    params_type: ClassVar[type[Params]] = GopherQualityParams
    source: ClassVar[str] = "Gopher (Rae et al. 2021, arXiv 2112.11446), table A1"
    policies: ClassVar[tuple[str, ...]] = ("web",)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return measure_documents(batch, SCORES, _measure)

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, GopherQualityParams)
        known = pl.col("num_nulls") == 0
        mean = pl.col("mean_word_chars")
        return first_reason(
            scores,
            {
                "gopher_too_few_words": known & (pl.col("num_words") >= params.min_words),
                "gopher_too_many_words": pl.col("num_words") <= params.max_words,
                "gopher_words_too_short": mean >= params.min_mean_chars,
                "gopher_words_too_long": mean <= params.max_mean_chars,
                "gopher_too_many_hashes": pl.col("hash_ratio") <= params.max_symbol_ratio,
                "gopher_too_many_ellipses": pl.col("ellipsis_ratio") <= params.max_symbol_ratio,
                "gopher_too_many_bullets": pl.col("bullet_lines_share") <= params.max_bullet_lines,
                "gopher_too_many_ellipsis_lines": pl.col("ellipsis_lines_share")
                <= params.max_ellipsis_lines,
                "gopher_too_few_alphabetic": pl.col("alphabetic_words_share")
                >= params.min_alphabetic,
                "gopher_too_few_stop_words": pl.col("num_stop_words") >= params.min_stop_words,
            },
        )


FILTER = GopherQuality()
