"""Multiple choice whose answer is a letter that is not among the options.

A question lists options where it opens both "A" and "B" ("A. cat", "(B) dog", "c ) cow"), at the
start of a line or after a space. Its answer is a letter where it is nothing else ("C", "(c)"),
begins with one ("C. cow") or ends by naming one ("the answer is C."). Such a letter is missing
where the question neither opens nor so much as shows it alone: "or E for none" is an option too.
Options in an image are nobody's to read here, so a question without "A" and "B" is not judged.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from filters._answers import answers
from filters.base import Filter, Params, first_reason
from filters.conversation import Bools, score_batch
from manifests.schema import Kind

SCORES = pa.schema(
    [
        ("num_choice_answers", pa.int32()),  # letters given for questions that list options
        ("num_missing_letters", pa.int32()),  # of them, those that the question does not show
        ("num_nulls", pa.int32()),  # texts that could not be read, among them
    ]
)

_LETTERS = "ABCDEFGHIJ"  # up to ten options; beyond it letters are variables more often
# Each has the letter as its one group; the second needs what is not a Roman number ("I. Summary").
_WHOLE = r"^[\s(\[*\"']*([{0}])[\s)\].:*\"']*$"
_OPENING = r"^\s*[(\[*]{{0,3}}([{1}])\s?[).:\]]\*{{0,2}}\s"
_ENDING = (
    r"(?i:answer|option|choice)(?i: is)?(?i: option)?\s*:?\s*[*(\[]*([{0}])[)\]*]*[.!]?[\s*]*$"
)
_LISTED = r"(?m)(?:^|[\s(\[*,;]){letter}\s?[).:\]]"
_SHOWN = r"(?:^|[^A-Za-z0-9'\\]){letter}(?:[^A-Za-z0-9']|$)"


def _answer_letters(texts: pl.Series, letters: str) -> pl.Series:
    """The letter that each answer gives, null where it gives none."""
    places = (letters, letters[:8])
    patterns = [form.format(*places) for form in (_WHOLE, _OPENING, _ENDING)]
    said = pl.col("text")
    return (
        pl.DataFrame({"text": texts})
        .select(pl.coalesce([said.str.extract(pattern, 1) for pattern in patterns]))
        .to_series()
    )


def _choices(questions: pl.Series, texts: pl.Series, letters: str) -> tuple[Bools, Bools]:
    """(where an answer is a letter for listed options, where the question does not show it)."""
    given = _answer_letters(texts, letters)
    is_choice = given.is_not_null().to_numpy().copy()
    for letter in letters[:2]:
        if not is_choice.any():
            break
        listed = questions.filter(pl.Series(is_choice)).str.contains(_LISTED.format(letter=letter))
        is_choice[is_choice] = listed.to_numpy()
    is_missing = np.zeros_like(is_choice)
    for letter in letters[2:]:
        here = is_choice & (given == letter).fill_null(False).to_numpy()
        if not here.any():
            continue
        shown = questions.filter(pl.Series(here)).str.contains(_SHOWN.format(letter=letter))
        is_missing[here] = ~shown.to_numpy()
    return is_choice, is_missing


class OptionLetters(Filter):
    """Drops multiple-choice samples whose answer names an option that the question does not have:
    the pair is broken, and teaches to answer by letter without reading."""

    name: ClassVar[str] = "option_letters"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("option_not_listed",)
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
        said = answers(batch)
        asked = said.questions()
        capitals = _choices(asked, said.texts_a, _LETTERS)
        small = _choices(asked, said.texts_a, _LETTERS.lower())
        return score_batch(
            SCORES,
            num_choice_answers=said.count(capitals[0] | small[0]),
            num_missing_letters=said.count(capitals[1] | small[1]),
            num_nulls=said.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        right = (pl.col("num_missing_letters") == 0) & (pl.col("num_nulls") == 0)
        return first_reason(scores, {"option_not_listed": right})


FILTER = OptionLetters()
