"""Answers that say the question again: echoes, and columns that were mixed up upstream.

Texts are compared without case, space and punctuation; letters, marks, numbers and the signs of
sums count. The score is the longest common part as a share of the longer of the two texts. So an
extract from a passage in the question, an option said again and a rewritten text score low: the
question holds much else. It is exact from 3/4 on (texts that loop aside) and 0 or less than 3/4
below: a common part that long covers the answer's middle half, which alone is searched for.

Texts of fewer than three words are not compared ("Hello", "B"), nor are those of which one is over
twice as long as the other as it stands.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._answers import Floats, answers
from filters.base import Filter, Params, first_reason
from filters.conversation import score_batch
from manifests.schema import Kind

_MIN_WORDS = 3
# "-" and "/" stay with \p{Sm} (+ < = >): "x - 1" is not "x + 1".
_IGNORED = r"[^\p{L}\p{M}\p{N}\p{Sm}/^-]+"

SCORES = pa.schema(
    [
        ("question_common_share", pa.float64()),  # largest over the answers
        ("num_nulls", pa.int32()),  # texts that could not be compared, among them
    ]
)


class AnswerRepeatsQuestionParams(Params):
    """How alike the two may be, e.g. `max_common_share: 1` to keep even an answer that is equal.

    Nine tenths is ours: an echo differs by a mark or a greeting, a corrected text by more.
    """

    max_common_share: float = Field(
        default=0.9, ge=0.75, le=1.0, description="largest common part, as a share of the longer"
    )


def _plain(texts: pl.Series) -> pl.Series:
    return texts.str.to_lowercase().str.replace_all(_IGNORED, " ").str.strip_chars(" ")


def _same_from_here(left: str, right: str) -> int:
    """Length of the common beginning, by halving: no loop over characters."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_share(question: str, answer: str) -> float:
    """Longest common part that covers the middle half of `answer`, by the longer text."""
    first, last = len(answer) // 4, len(answer) - len(answer) // 4
    place = question.find(answer[first:last])
    after = _same_from_here(question[place:], answer[first:])
    before = _same_from_here(question[:place][::-1], answer[:first][::-1])
    return (before + after) / max(len(question), len(answer))


def _shares(questions: pl.Series, texts: pl.Series) -> Floats:
    """The common share of each pair; few pairs hold one's middle in the other."""
    shares = np.zeros(len(texts))
    asked, said = questions.str.len_bytes(), texts.str.len_bytes()
    alike = (asked <= 2 * said) & (said <= 2 * asked) & (said > 0)
    rows = alike.arg_true()
    pairs = pl.DataFrame({"question": _plain(questions.gather(rows)), "row": rows}).with_columns(
        answer=_plain(texts.gather(rows))
    )
    quarter = pl.col("answer").str.len_chars() // 4
    middle = pl.col("answer").str.slice(quarter, pl.col("answer").str.len_chars() - 2 * quarter)
    enough = pl.col("answer").str.count_matches(" ", literal=True) >= _MIN_WORDS - 1
    held = pl.col("question").str.contains(middle, literal=True)
    for question, row, answer in pairs.filter(enough & held).iter_rows():
        shares[row] = _common_share(question, answer)
    return shares


class AnswerRepeatsQuestion(Filter):
    """Drops chats with an answer that is its question again, or all but a tenth of it: an echo
    teaches nothing."""

    name: ClassVar[str] = "answer_repeats_question"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("answer_repeats_question",)
    params_type: ClassVar[type[Params]] = AnswerRepeatsQuestionParams
    source: ClassVar[str] = "ours"
    # Not code: a mended program is its question but for a few characters.
    policies: ClassVar[tuple[str, ...]] = (
        "chat",
        "math",
        "document_image",
        "chart",
        "photo",
        "video",
    )

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found = answers(batch)
        shares = _shares(found.questions(), found.texts_a)
        return score_batch(
            SCORES, question_common_share=found.largest(shares), num_nulls=found.num_nulls_s
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, AnswerRepeatsQuestionParams)
        differs = pl.col("question_common_share") <= params.max_common_share
        known = pl.col("num_nulls") == 0
        return first_reason(scores, {"answer_repeats_question": differs & known})


FILTER = AnswerRepeatsQuestion()
