"""The repetition rules of Gopher for pretraining documents: lines, paragraphs and n-grams.

Shares of characters are of the whole text. Paragraphs part at two or more newlines, lines at one or
more; n-grams are of the words of `filters._words`. As in datatrove's `GopherRepetitionFilter`, the
first of several equal pieces is no repetition, and the top n-gram is the most frequent one, that
counts even if it occurs once.
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
from filters._lines import Documents, Spans, ratio
from filters._repeats import repeated, repeated_chars, repeated_ngrams, top_chars
from filters._words import Words, stripped, words
from filters.base import Filter, Params, first_reason
from manifests.schema import Kind

TOP, REPEATED = (2, 3, 4), (5, 6, 7, 8, 9, 10)  # lengths of n-grams

SCORES = pa.schema(
    [
        ("num_text_chars", pa.int64()),
        ("repeated_paragraphs_share", pa.float64()),
        ("repeated_paragraph_chars_share", pa.float64()),
        ("repeated_lines_share", pa.float64()),
        ("repeated_line_chars_share", pa.float64()),
        *((f"top_{n}_gram_share", pa.float64()) for n in TOP),
        *((f"repeated_{n}_gram_share", pa.float64()) for n in REPEATED),
        ("num_nulls", pa.int32()),
    ]
)


class GopherRepetitionParams(Params):
    """Largest shares allowed, e.g. `max_lines: 0.5` for poems with a refrain.

    All defaults are table A1's of Rae et al. 2021.
    """

    max_paragraphs: float = Field(default=0.3, ge=0, description="share of paragraphs repeated")
    max_paragraph_chars: float = Field(default=0.2, ge=0, description="characters in those")
    max_lines: float = Field(default=0.3, ge=0, description="share of lines repeated")
    max_line_chars: float = Field(default=0.2, ge=0, description="characters in those")
    max_top_2_gram: float = Field(default=0.2, ge=0, description="characters in the top 2-gram")
    max_top_3_gram: float = Field(default=0.18, ge=0, description="characters in the top 3-gram")
    max_top_4_gram: float = Field(default=0.16, ge=0, description="characters in the top 4-gram")
    max_repeated_5_gram: float = Field(
        default=0.15, ge=0, description="characters in repeated 5-grams"
    )
    max_repeated_6_gram: float = Field(
        default=0.14, ge=0, description="characters in repeated 6-grams"
    )
    max_repeated_7_gram: float = Field(
        default=0.13, ge=0, description="characters in repeated 7-grams"
    )
    max_repeated_8_gram: float = Field(
        default=0.12, ge=0, description="characters in repeated 8-grams"
    )
    max_repeated_9_gram: float = Field(
        default=0.11, ge=0, description="characters in repeated 9-grams"
    )
    max_repeated_10_gram: float = Field(
        default=0.1, ge=0, description="characters in repeated 10-grams"
    )


def _pieces(documents: Documents, found: Words) -> tuple[Spans, Spans]:
    """(paragraphs of the text without its outer white space, lines)."""
    num = len(found.num_d)
    whole = stripped(Spans(documents.start_d, documents.end_d, np.arange(num)), found)
    start, end = documents.newline_runs()
    doc = np.searchsorted(documents.start_d, start, side="right") - 1
    inside = (end - start > 1) & (start > whole.start_l[doc]) & (end < whole.end_l[doc])
    return documents.split(start[inside], end[inside], whole), documents.split(start, end)


def _measure(documents: Documents) -> Mapping[str, npt.NDArray[Any]]:
    found, size, num = words(documents), documents.chars_d, len(documents.chars_d)
    scores: dict[str, npt.NDArray[Any]] = {"num_text_chars": size}
    for name, pieces in zip(("paragraph", "line"), _pieces(documents, found), strict=True):
        again, chars = repeated(documents, pieces)
        num_d = np.bincount(pieces.doc_l, minlength=num)
        scores[f"repeated_{name}s_share"] = ratio(again, num_d)
        scores[f"repeated_{name}_chars_share"] = ratio(chars, size)
    for grams in repeated_ngrams(documents, found, max(REPEATED)):
        if grams.n in TOP:
            scores[f"top_{grams.n}_gram_share"] = ratio(top_chars(found, grams), size)
        else:
            chars = repeated_chars(found, grams, num)
            scores[f"repeated_{grams.n}_gram_share"] = ratio(chars, size)
    return scores


def _all_below(kind: str, lengths: tuple[int, ...], params: Params) -> pl.Expr:
    names = [f"{kind}_{n}_gram" for n in lengths]
    return pl.all_horizontal(
        pl.col(f"{name}_share") <= getattr(params, f"max_{name}") for name in names
    )


class GopherRepetition(Filter):
    """Drops documents in which lines, paragraphs or word sequences repeat: navigation, spam, broken
    extraction. Defaults: table A1 of Rae et al. 2021.
    """

    name: ClassVar[str] = "gopher_repetition"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("document",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = (
        "gopher_text_empty",
        "gopher_paragraphs_repeated",
        "gopher_paragraph_chars_repeated",
        "gopher_lines_repeated",
        "gopher_line_chars_repeated",
        "gopher_top_gram_too_frequent",
        "gopher_grams_repeated",
    )
    params_type: ClassVar[type[Params]] = GopherRepetitionParams
    source: ClassVar[str] = "Gopher (Rae et al. 2021, arXiv 2112.11446), table A1"
    policies: ClassVar[tuple[str, ...]] = ("web",)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return measure_documents(batch, SCORES, _measure)

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, GopherRepetitionParams)
        known = pl.col("num_nulls") == 0
        paragraph_chars = pl.col("repeated_paragraph_chars_share")
        return first_reason(
            scores,
            {
                "gopher_text_empty": known & (pl.col("num_text_chars") > 0),
                "gopher_paragraphs_repeated": pl.col("repeated_paragraphs_share")
                <= params.max_paragraphs,
                "gopher_paragraph_chars_repeated": paragraph_chars <= params.max_paragraph_chars,
                "gopher_lines_repeated": pl.col("repeated_lines_share") <= params.max_lines,
                "gopher_line_chars_repeated": pl.col("repeated_line_chars_share")
                <= params.max_line_chars,
                "gopher_top_gram_too_frequent": _all_below("top", TOP, params),
                "gopher_grams_repeated": _all_below("repeated", REPEATED, params),
            },
        )


FILTER = GopherRepetition()
