"""Long answers that stop in mid-sentence, as a generator's token limit leaves them.

An ending is open if the last line reads as prose and breaks off, in one of two ways:

    it ends in a letter, and the same line ended a sentence before    "... is here. The rest was"
    it ends in a comma, an opening bracket or a word that must go on  "... which depends on the"

So a caption or last clause without its full stop, a name under a letter, a heading and an answer of
one word are innocent. So are lines of code, formulas, tables, links and tags, known by their signs,
and list items that do not end in a word that must go on. What misses a cut is kept: the score is
made to be nearly always right where it says open, and to be silent otherwise.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._answers import answers
from filters.base import Filter, Params, first_reason
from filters.conversation import score_batch
from manifests.schema import Kind

# Of the last line this much is read; a line shorter than the second number is no broken sentence.
_TAIL_CHARS = 1000
_MIN_LINE_CHARS = 40

# What prose does not hold near its end: code, LaTeX, tables, links, tags, markup.
_NO_PROSE = r"[{}=<>|\\$`_#@~^*]|://|\w\.\w+/"
_LIST_ITEM = r"^\s*(?:[-+\x{2022}\x{2013}\x{2014}]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,4})[.):])\s"
_INDENTED = r"^(?:\t| {4})"
# Letters of scripts that end sentences with a mark; the scripts hold those marks too.
_LETTER = (
    r"[\p{L}&&[\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}\p{Devanagari}\p{Bengali}\p{Han}"
    r"\p{Hiragana}\p{Katakana}\p{Hangul}\p{Armenian}\p{Georgian}\p{Ethiopic}]]"
)
# The end of a sentence and the beginning of the next; "Dr. A" and "e.g. a" are neither.
_SENTENCE_ENDED = (
    r"(?:\p{Ll}{3}|\p{Lo}{2}|\d|\))[.!?]['\"\x{201D}\x{2019})]*\s+['\"\x{201C}\x{2018}(]*[\p{Lu}\p{Lo}]"
    r"|[\x{3002}\x{FF01}\x{FF1F}\x{0964}\x{06D4}\x{061F}]"
)
# English words after which a sentence cannot end; few particles ("in", "on") are among them.
_MUST_GO_ON = (
    r"(?:the|an|of|and|or|which|whose|their|its|your|our|because|although|including|between|than"
    r"|were|into|such|if|every)"
)
_BREAKS_OFF = rf"(?:[\p{{L}}\d][,(]|[^.!?]\s{_MUST_GO_ON})$"

SCORES = pa.schema(
    [
        ("num_open_endings", pa.int32()),
        ("longest_open_chars", pa.int64()),  # of the answers with an open ending; 0 without one
        ("num_nulls", pa.int32()),  # texts that could not be read, among them
    ]
)


class TruncatedEndingParams(Params):
    """Which open endings fall, e.g. `max_open_chars: 2000` to look at very long answers alone.

    500 is ours: of the paragraphs of UDHR in 20 languages 5 % end in a comma, the longest of them
    after 403 characters; of 14,103 paragraphs of Brown 17 end openly, 3 of them beyond 500.
    """

    max_open_chars: int = Field(
        default=500, ge=0, description="longest answer whose ending may stay open"
    )


def _is_open(texts: pl.Series) -> pl.Series:
    """Where the last line breaks off; `texts` without white space at their end."""
    line = texts.str.tail(_TAIL_CHARS).str.extract(r"([^\n]*)$")
    near_end = line.str.tail(2 * _MIN_LINE_CHARS)
    prose = ~near_end.str.contains(_NO_PROSE) & ~line.str.contains(_INDENTED)
    long_enough = line.str.len_chars() >= _MIN_LINE_CHARS
    in_sentence = line.str.contains(_SENTENCE_ENDED) & line.str.contains(rf"{_LETTER}\p{{M}}*$")
    in_sentence &= ~line.str.contains(_LIST_ITEM)
    return prose & long_enough & (in_sentence | line.str.contains(_BREAKS_OFF))


class TruncatedEnding(Filter):
    """Drops chats with a long answer that stops in mid-sentence: it teaches to stop anywhere."""

    name: ClassVar[str] = "truncated_ending"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("answer_breaks_off",)
    params_type: ClassVar[type[Params]] = TruncatedEndingParams
    source: ClassVar[str] = "ours"
    # Not document images: the transcript of a page breaks off where the page does.
    policies: ClassVar[tuple[str, ...]] = ("chat", "math", "code", "chart", "photo", "video")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found = answers(batch)
        texts = found.texts_a.str.strip_chars_end()
        is_open = _is_open(texts)
        chars = texts.str.len_chars().to_numpy().astype(np.int64)
        return score_batch(
            SCORES,
            num_open_endings=found.count(is_open),
            longest_open_chars=found.largest(np.where(is_open.to_numpy(), chars, 0)),
            num_nulls=found.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, TruncatedEndingParams)
        closed = pl.col("longest_open_chars") <= params.max_open_chars
        return first_reason(scores, {"answer_breaks_off": closed & (pl.col("num_nulls") == 0)})


FILTER = TruncatedEnding()
