"""Answers that open a code block, a displayed formula or a LaTeX environment and never close it.

    code         an odd number of ``` runs, and an odd number of lines that begin with one
    formula      an odd number of $$ outside code, in an answer that holds a LaTeX command
    environment  more or fewer \\begin{...} than \\end{...} outside code

Both counts of code must be odd, for a closing fence may follow its last line directly and prose
may name a fence within a line. `code` in single marks is no formula either ("the shell's `$$`"), a
run of three or more $ is none, and a price in one $ has nothing to close. What stands behind a code
block that is never closed belongs to it.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
import pyarrow as pa

from filters._answers import answers, where
from filters.base import Filter, Params, first_reason
from filters.conversation import score_batch
from manifests.schema import Kind

_FENCE = r"`{3,}"
_FENCE_LINE = r"(?m)^(?:[ \t>]|[-*+] |\d{1,3}[.)] )*`{3,}"
# Code is taken out before formulas are counted: whole blocks, an open block to the end, spans.
_CODE = r"(?s)`{3,}.*?(?:`{3,}|\z)|`[^`\n]*`"
_LATEX_COMMAND = r"\\[A-Za-z]{2,}|\\[,;!{}|]|[A-Za-z0-9)}]\^[A-Za-z0-9{(]|[A-Za-z]_[A-Za-z0-9{]"

SCORES = pa.schema(
    [
        ("num_open_code", pa.int32()),  # answers with an open code block
        ("num_open_formulas", pa.int32()),
        ("num_open_environments", pa.int32()),
        ("num_nulls", pa.int32()),  # texts that could not be read, among them
    ]
)


def _odd(texts: pl.Series, pattern: str) -> pl.Series:
    return texts.str.count_matches(pattern) % 2 == 1


def _open_code(texts: pl.Series) -> pl.Series:
    fenced = texts.str.contains("```", literal=True)
    some = texts.filter(fenced)
    return where(fenced, texts, _odd(some, _FENCE) & _odd(some, _FENCE_LINE))


def _open_formulas(texts: pl.Series) -> pl.Series:
    shown = texts.str.contains("$$", literal=True)
    some = texts.filter(shown).str.replace_all(_CODE, " ")
    # Runs of another length are taken out first, so that every $$ left is one mark.
    marks = some.str.replace_all(r"\$\$\$+", " ").str.count_matches("$$", literal=True)
    return where(shown, texts, (marks % 2 == 1) & some.str.contains(_LATEX_COMMAND))


def _open_environments(texts: pl.Series) -> pl.Series:
    named = texts.str.contains(r"\\(?:begin|end)\{")
    some = texts.filter(named).str.replace_all(_CODE, " ")
    begun, ended = (some.str.count_matches(rf"\\{word}\{{[A-Za-z]") for word in ("begin", "end"))
    return where(named, texts, begun != ended)


class UnbalancedFences(Filter):
    """Drops chats with an answer that leaves code or a formula open: it was cut, or renders as
    garbage."""

    name: ClassVar[str] = "unbalanced_fences"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("code_left_open", "formula_left_open", "latex_left_open")
    params_type: ClassVar[type[Params]] = Params
    source: ClassVar[str] = "ours"
    policies: ClassVar[tuple[str, ...]] = (
        "chat",
        "math",
        "code",
        "document_image",
        "chart",
        "photo",
        "video",
    )

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found = answers(batch)
        return score_batch(
            SCORES,
            num_open_code=found.count(_open_code(found.texts_a)),
            num_open_formulas=found.count(_open_formulas(found.texts_a)),
            num_open_environments=found.count(_open_environments(found.texts_a)),
            num_nulls=found.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        return first_reason(
            scores,
            {
                "code_left_open": (pl.col("num_open_code") == 0) & (pl.col("num_nulls") == 0),
                "formula_left_open": pl.col("num_open_formulas") == 0,
                "latex_left_open": pl.col("num_open_environments") == 0,
            },
        )


FILTER = UnbalancedFences()
