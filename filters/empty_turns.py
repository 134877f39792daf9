"""Messages that say nothing: no text after strip and no media, or an answer without text.

A user message of media alone is kept by default: the template renders it, and "image, then its
caption" is how captioning and transcription rows without a question look. A recipe that wants a
question in words sets `allow_media_only: false`. A conversation without any message is empty too.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
import pyarrow as pa
from pydantic import Field

from filters.base import Filter, Params, first_reason
from filters.conversation import count_per, equals, flatten, is_blank, score_batch

SCORES = pa.schema(
    [
        ("num_messages", pa.int32()),
        ("num_empty_messages", pa.int32()),  # nothing at all, or an assistant without text
        ("num_media_only_messages", pa.int32()),  # others: media but no text
    ]
)


class EmptyTurnsParams(Params):
    """What counts as empty, e.g. `allow_media_only: false` to ask for words from every user."""

    allow_media_only: bool = Field(
        default=True, description="keep a user or system message of media without text"
    )


class EmptyTurns(Filter):
    name: ClassVar[str] = "empty_turns"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("empty_turn",)
    params_type: ClassVar[type[Params]] = EmptyTurnsParams

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        says = equals(chats.types_i, "text") & ~is_blank(chats.texts_i)
        shows = equals(chats.types_i, "image") | equals(chats.types_i, "video")
        mute = count_per(chats.message_i, says, chats.num_messages) == 0
        blind = count_per(chats.message_i, shows, chats.num_messages) == 0
        empty = mute & (blind | equals(chats.roles_m, "assistant"))
        return score_batch(
            SCORES,
            num_messages=chats.num_messages_s,
            num_empty_messages=chats.messages_per_sample(empty),
            num_media_only_messages=chats.messages_per_sample(mute & ~empty),
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, EmptyTurnsParams)
        full = (pl.col("num_messages") > 0) & (pl.col("num_empty_messages") == 0)
        if not params.allow_media_only:
            full &= pl.col("num_media_only_messages") == 0
        return first_reason(scores, {"empty_turn": full})


FILTER = EmptyTurns()
