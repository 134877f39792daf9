"""Answers that loop: the same line, the same ten words or the same word again and again.

    score                     of an answer                                   a loop has     limit
    repeated_lines_share      words in lines that stood there before         near 1         0.6
    repeated_ngram_share      runs of ten words that stood there before      near 1         0.6
    longest_run_words         one word repeated without a break              tens           10
    longest_number_run_words  one number repeated without a break            hundreds       100

Ten words is the longest n-gram of Gopher's repetition rules (arXiv:2112.11446, table A1): a loop of
any period fills it, while lists of one pattern, code and tables differ within ten words. The limits
are ours and far above Gopher's, which are made for web pages: they must let refrains, tables and
boiler code pass. A line that ends as code, data or a table row does is never a repeated one, a line
of numbers or signs is no line, n-grams of numbers alone are not counted, and a run ends with its
line. An answer of under 30 words or 4 lines has no share: too little to tell loop from emphasis.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._answers import Floats, answers
from filters._word_hashes import Hashes, Words, words
from filters.base import Filter, Params, first_reason
from filters.conversation import Bools, Ints, count_per, score_batch
from manifests.schema import Kind

_MIN_WORDS = 30
_MIN_LINES = 4

# Odd multipliers by place make a hash of several words depend on their order.
_PLACES = np.random.default_rng(10).integers(1, 2**63, 4, dtype=np.uint64) | np.uint64(1)

SCORES = pa.schema(
    [
        ("repeated_lines_share", pa.float64()),  # each the largest over the answers
        ("repeated_ngram_share", pa.float64()),
        ("longest_run_words", pa.int64()),
        ("longest_number_run_words", pa.int64()),
        ("num_nulls", pa.int32()),  # texts that could not be read, among them
    ]
)


class DegenerateRepetitionParams(Params):
    """How much may be said again, e.g. `max_repeated_ngram_share: 0.2` for prose alone."""

    max_repeated_lines_share: float = Field(
        default=0.6, ge=0.0, le=1.0, description="largest share of words in repeated lines"
    )
    max_repeated_ngram_share: float = Field(
        default=0.6, ge=0.0, le=1.0, description="largest share of ten-word runs said before"
    )
    max_run_words: int = Field(default=10, ge=1, description="longest run of one word")
    max_number_run_words: int = Field(default=100, ge=1, description="longest run of one number")


def _said_before(hashes: Hashes, answer: Ints) -> Bools:
    """Whether the same hash stood in the same answer before."""
    keys = hashes ^ (answer.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return np.asarray(~pl.Series(keys).is_first_distinct().to_numpy())


def _num_repeats(hashes: Hashes, answer: Ints, num_answers: int) -> Ints:
    """How many hashes of each answer stood in it before; sorting is faster than a set of them."""
    # 40 bits of the hash are enough within an answer.
    assert num_answers < 1 << 24, f"{num_answers} answers in one batch"
    keys = np.sort((answer.astype(np.uint64) << np.uint64(40)) | (hashes >> np.uint64(24)))
    again = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(40)
    return np.bincount(again.astype(np.int64), minlength=num_answers)


def _share(answer: Ints, part: Ints, whole: Ints, num_answers: int) -> Floats:
    """Sum of `part` by sum of `whole` for each answer."""
    parts = np.bincount(answer, part, num_answers)
    return parts / np.maximum(np.bincount(answer, whole, num_answers), 1)


def _lines_share(found: Words, num_answers: int) -> Floats:
    """Share of the words of worded lines that stand in a repeated line that is not code."""
    if not len(found.line_w):
        return np.zeros(num_answers)
    first = np.flatnonzero(np.diff(found.line_w, prepend=-1))
    words_l = np.diff(first, append=len(found.line_w))
    place_w = np.arange(len(found.line_w)) - np.repeat(first, words_l)
    factors_w = (place_w.astype(np.uint64) * _PLACES[0]) | np.uint64(1)
    hashes_l = np.add.reduceat(found.hashes_w * factors_w, first)
    answer_l, code_l = found.text_w[first], found.in_code_w[first]
    worded_l = np.add.reduceat(~found.is_number_w, first, dtype=np.int64) > 0
    again_l = worded_l & ~code_l
    again_l[again_l] = _said_before(hashes_l[again_l], answer_l[again_l])
    shares = _share(answer_l, words_l * again_l, words_l * worded_l, num_answers)
    return np.where(count_per(answer_l, worded_l, num_answers) >= _MIN_LINES, shares, 0.0)


def _ngrams(found: Words) -> tuple[Hashes, Bools]:
    """(hash of the ten words from each word on, whether one of them is no number)."""
    values, worded = found.hashes_w, ~found.is_number_w
    pairs, worded_pairs = values[:-1] * _PLACES[0] + values[1:], worded[:-1] | worded[1:]
    fours, worded_fours = pairs[:-2] * _PLACES[1] + pairs[2:], worded_pairs[:-2] | worded_pairs[2:]
    eights = fours[:-4] * _PLACES[2] + fours[4:]
    worded_eights = worded_fours[:-4] | worded_fours[4:]
    return eights[:-2] * _PLACES[3] + pairs[8:], worded_eights[:-2] | worded_pairs[8:]


def _ngrams_share(found: Words, num_answers: int) -> Floats:
    """Share of repeated ones among the n-grams of each answer that hold a word."""
    grams, worded = _ngrams(found)
    answer_g = found.text_w[: len(grams)]
    kept = worded & (answer_g == found.text_w[len(found.text_w) - len(grams) :])
    whole = np.bincount(answer_g[kept], minlength=num_answers)
    shares = _num_repeats(grams[kept], answer_g[kept], num_answers) / np.maximum(whole, 1)
    enough = np.bincount(found.text_w, minlength=num_answers) >= _MIN_WORDS
    return np.where(enough, shares, 0.0)


def _longest_runs(found: Words, wanted_w: Bools, num_answers: int) -> Ints:
    """The longest run of one word, of those that are wanted, within a line of each answer."""
    same = (found.hashes_w[1:] == found.hashes_w[:-1]) & (found.line_w[1:] == found.line_w[:-1])
    first = np.flatnonzero(np.concatenate([np.ones(min(len(wanted_w), 1), np.bool_), ~same]))
    run_words = np.diff(first, append=len(wanted_w))
    longest = np.zeros(num_answers, dtype=np.int64)
    np.maximum.at(longest, found.text_w[first], np.where(wanted_w[first], run_words, 0))
    return longest


class DegenerateRepetition(Filter):
    """Drops chats with an answer caught in a loop, as generators and OCR models leave them: it
    teaches the loop."""

    name: ClassVar[str] = "degenerate_repetition"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = (
        "answer_repeats_lines",
        "answer_repeats_ngrams",
        "answer_repeats_word",
        "answer_repeats_number",
    )
    params_type: ClassVar[type[Params]] = DegenerateRepetitionParams
    source: ClassVar[str] = "after Gopher's repetition rules (arXiv:2112.11446); limits ours"
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
        said, num_answers = words(found.texts_a), len(found.texts_a)
        numbers = _longest_runs(said, said.is_number_w, num_answers)
        return score_batch(
            SCORES,
            repeated_lines_share=found.largest(_lines_share(said, num_answers)),
            repeated_ngram_share=found.largest(_ngrams_share(said, num_answers)),
            longest_run_words=found.largest(_longest_runs(said, ~said.is_number_w, num_answers)),
            longest_number_run_words=found.largest(numbers),
            num_nulls=found.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, DegenerateRepetitionParams)
        known = pl.col("num_nulls") == 0
        lines = pl.col("repeated_lines_share") <= params.max_repeated_lines_share
        numbers = pl.col("longest_number_run_words") <= params.max_number_run_words
        return first_reason(
            scores,
            {
                "answer_repeats_lines": known & lines,
                "answer_repeats_ngrams": pl.col("repeated_ngram_share")
                <= params.max_repeated_ngram_share,
                "answer_repeats_word": pl.col("longest_run_words") <= params.max_run_words,
                "answer_repeats_number": numbers,
            },
        )


FILTER = DegenerateRepetition()
