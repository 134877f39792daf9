"""Bounds on the characters of one message, so that no turn is a stub and none fills the context.

A message's length is the sum over its text items, white space alone counting nothing. A user
message of media alone has no length: whether it may stand is a matter of `empty_turns`. Documents
are not turns and are not judged. A conversation without a message that has a length scores 0 and 0.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from filters.base import Filter, Params, first_reason
from filters.conversation import (
    Bools,
    Conversations,
    Ints,
    count_per,
    equals,
    extremes_per,
    flatten,
    is_blank,
    score_batch,
    sum_per,
)
from manifests.schema import Kind

SCORES = pa.schema(
    [
        ("shortest_turn_chars", pa.int64()),
        ("longest_turn_chars", pa.int64()),
        ("num_turns", pa.int32()),  # messages that have a length
        ("num_nulls", pa.int32()),  # what has no length that could be known, among them
    ]
)


class TurnLengthParams(Params):
    """Bounds, both allowed, e.g. `min_chars: 2` to drop answers of one letter.

    Both are ours. One character, because "A" is a full answer in multiple choice. 32,768, because
    the released models were trained on 8,192 tokens (mixtures.md 3.4) and English text takes about
    four characters a token: a longer turn cannot fit whole.
    """

    min_chars: int = Field(default=1, ge=0, description="fewest characters of a message")
    max_chars: int = Field(default=32_768, ge=1, description="most characters of a message")


def _lengths(chats: Conversations) -> tuple[Ints, Bools]:
    """(characters of each message, whether it is a turn with a length)."""
    speaks = equals(chats.types_i, "text") & ~is_blank(chats.texts_i)
    chars_i = pc.fill_null(pc.utf8_length(chats.texts_i), 0).to_numpy(zero_copy_only=False)
    chars_m = sum_per(chats.num_items_m, np.where(speaks, chars_i, 0).astype(np.int64))
    shows = equals(chats.types_i, "image") | equals(chats.types_i, "video")
    has_media = count_per(chats.message_i, shows, chats.num_messages) > 0
    media_alone = has_media & (chars_m == 0) & equals(chats.roles_m, "user")
    return chars_m, ~media_alone


class TurnLength(Filter):
    name: ClassVar[str] = "turn_length"
    version: ClassVar[int] = 2
    level: ClassVar[Literal["sample", "media"]] = "sample"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat",)
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("turn_too_short", "turn_too_long")
    params_type: ClassVar[type[Params]] = TurnLengthParams

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        chars_m, is_turn = _lengths(chats)
        num_turns = chats.messages_per_sample(is_turn)
        shortest, longest = extremes_per(num_turns, chars_m[is_turn])
        return score_batch(
            SCORES,
            shortest_turn_chars=shortest,
            longest_turn_chars=longest,
            num_turns=num_turns,
            num_nulls=chats.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, TurnLengthParams)
        known = pl.col("num_nulls") == 0
        turns = pl.col("num_turns") > 0
        long_enough = turns & (pl.col("shortest_turn_chars") >= params.min_chars)
        short_enough = pl.col("longest_turn_chars") <= params.max_chars
        return first_reason(
            scores, {"turn_too_short": known & long_enough, "turn_too_long": short_enough}
        )


FILTER = TurnLength()
