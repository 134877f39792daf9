"""FineWeb's own rules for pretraining documents: lines that are no sentences, or repeat.

Lines part at each newline and blank ones do not count; a line is as upstream has it, white space at
its ends included. Rules and thresholds are those of Penedo et al. 2024 (2406.17557, section 3.6),
short lines and line breaks as its released pipeline in datatrove has them:

    lines that end with a mark of a sentence's end        at least 12 %
    characters in repeated lines                          at most 1 %
    lines of at most 30 characters                        at most 67 %
    newlines by words (`filters._words`)                  at most 0.3
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
from filters._characters import ENDS_SENTENCE
from filters._lines import Documents, ratio, sum_by_document
from filters._repeats import repeated
from filters._words import stripped, words
from filters.base import Filter, Params, first_reason
from manifests.schema import Kind

SHORT_LINE_CHARS = 30

SCORES = pa.schema(
    [
        ("num_lines", pa.int64()),  # blank ones not counted
        ("punctuated_lines_share", pa.float64()),
        ("short_lines_share", pa.float64()),
        ("repeated_chars_share", pa.float64()),  # of characters that are no newlines
        ("newline_ratio", pa.float64()),  # by words
        ("num_nulls", pa.int32()),
    ]
)


class FinewebQualityParams(Params):
    """Bounds, all allowed, e.g. `max_short_lines: 1.0` for poems.

    All defaults are FineWeb's (Penedo et al. 2024).
    """

    min_punctuated: float = Field(
        default=0.12, ge=0, le=1, description="share of lines that end as a sentence does"
    )
    max_short_lines: float = Field(
        default=0.67, ge=0, description="share of lines of at most 30 characters"
    )
    max_repeated_chars: float = Field(
        default=0.01, ge=0, description="share of characters in repeated lines"
    )
    max_newlines: float = Field(default=0.3, ge=0, description="newlines by words")


def _measure(documents: Documents) -> Mapping[str, npt.NDArray[Any]]:
    found, num = words(documents), len(documents.chars_d)
    breaks = documents.newlines
    every = documents.split(breaks, breaks + 1)
    lines = every.where(stripped(every, found).chars_l > 0)
    ends = (found.flags[lines.end_l - 1] & ENDS_SENTENCE) > 0
    short = lines.chars_l <= SHORT_LINE_CHARS
    num_lines = np.bincount(lines.doc_l, minlength=num)
    num_newlines = documents.count_at(breaks)
    _, again = repeated(documents, lines)
    return {
        "num_lines": num_lines,
        "punctuated_lines_share": ratio(sum_by_document(lines.doc_l, ends, num), num_lines),
        "short_lines_share": ratio(sum_by_document(lines.doc_l, short, num), num_lines),
        "repeated_chars_share": ratio(again, documents.chars_d - num_newlines),
        "newline_ratio": ratio(num_newlines, found.num_d),
    }


class FinewebQuality(Filter):
    """Drops documents made of lines that are no sentences: menus, lists, tables; and repeated ones.

    Defaults: FineWeb (Penedo et al. 2024).
    """

    name: ClassVar[str] = "fineweb_quality"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("document",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = (
        "fineweb_no_lines",
        "fineweb_lines_without_end",
        "fineweb_lines_too_short",
        "fineweb_lines_repeated",
        "fineweb_list",
    )
    params_type: ClassVar[type[Params]] = FinewebQualityParams
    source: ClassVar[str] = "FineWeb (Penedo et al. 2024, arXiv 2406.17557)"
    policies: ClassVar[tuple[str, ...]] = ("web",)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return measure_documents(batch, SCORES, _measure)

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, FinewebQualityParams)
        known = pl.col("num_nulls") == 0
        return first_reason(
            scores,
            {
                "fineweb_no_lines": known & (pl.col("num_lines") > 0),
                "fineweb_lines_without_end": pl.col("punctuated_lines_share")
                >= params.min_punctuated,
                "fineweb_lines_too_short": pl.col("short_lines_share") <= params.max_short_lines,
                "fineweb_lines_repeated": pl.col("repeated_chars_share")
                <= params.max_repeated_chars,
                "fineweb_list": pl.col("newline_ratio") <= params.max_newlines,
            },
        )


FILTER = FinewebQuality()
