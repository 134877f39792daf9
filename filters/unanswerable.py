"""Answers that say only that there is no answer, in the words of VizWiz's annotations.

VizWiz's annotations (arXiv 1802.08218) have "unanswerable" where a question cannot be answered from
the image, and "unsuitable" or "unsuitable image" where the image is too poor; sets built on it (and
some document question sets) pass such answers on. A model that learns them answers nothing to what
it could see. Only a whole answer counts: a sentence that explains why nothing can be said is a good
answer.
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

SCORES = pa.schema(
    [
        ("num_unanswerable", pa.int32()),  # answers that say so and nothing else
        ("unanswerable_share", pa.float64()),  # of the sample's answers; 0 without one
        ("num_nulls", pa.int32()),  # texts that could not be read, among them
    ]
)

# In any case, with white space, quotes and full stops around it. "n/a" is an answer of its own in
# tables and forms, and so is "none".
_NO_ANSWER = (
    r"(?i)^[\s\"'*.(\[]*"
    r"(?:(?:the |this )?(?:question|image|picture|photo) is )?"
    r"(?:un-?answerable|not answerable|unsuitable|not suitable)"
    r"(?: (?:question|image|picture|photo))?"
    r"[\s\"'*.!)\]]*$"
)


class UnanswerableParams(Params):
    """How much of a sample may say nothing, e.g. `max_share: 0.2` for rows of many turns.

    The default is ours: one such answer among many turns is seldom worth the row's other answers'
    loss, yet no default here cuts turns out of a row, so none is let pass.
    """

    max_share: float = Field(
        default=0.0, ge=0, le=1, description="largest share of answers that say only that"
    )


class Unanswerable(Filter):
    """Drops samples whose answers are "unanswerable" or "unsuitable image": nothing is learned."""

    name: ClassVar[str] = "unanswerable"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("answer_unanswerable",)
    params_type: ClassVar[type[Params]] = UnanswerableParams
    source: ClassVar[str] = "VizWiz's annotations (arXiv 1802.08218); threshold ours"
    policies: ClassVar[tuple[str, ...]] = ("photo", "document_image", "chart", "video")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        said = answers(batch)
        found = said.count(said.texts_a.str.contains(_NO_ANSWER))
        return score_batch(
            SCORES,
            num_unanswerable=found,
            unanswerable_share=found / np.maximum(said.num_answers_s, 1),
            num_nulls=said.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, UnanswerableParams)
        few = pl.col("unanswerable_share") <= params.max_share
        return first_reason(scores, {"answer_unanswerable": (pl.col("num_nulls") == 0) & few})


FILTER = Unanswerable()
