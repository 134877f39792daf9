"""Who speaks when: an optional system message, then user and assistant in turn, the answer last.

A document (kind `document`, pretraining text) is right as a single assistant message and nothing
else. Both chat templates and answer-only labels assume this order; a conversation that ends on a
question teaches nothing, and one without any answer is told apart because it is a frequent defect
of its own.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from filters.base import Filter, Params, first_reason
from filters.conversation import (
    Bools,
    Conversations,
    equals,
    flatten,
    is_document,
    score_batch,
    starts,
)

SCORES = pa.schema(
    [
        ("num_messages", pa.int32()),
        ("num_assistant_messages", pa.int32()),
        ("num_misplaced_messages", pa.int32()),  # role null, unknown, or not the place's
        ("ends_with_assistant", pa.bool_()),
    ]
)


def _misplaced(chats: Conversations, is_assistant: Bools, document_s: Bools) -> Bools:
    first = chats.position_m == 0
    opens_with_system = np.zeros(chats.num_samples, dtype=np.int64)
    opens_with_system[chats.sample_m[first & equals(chats.roles_m, "system")]] = 1
    place = chats.position_m - opens_with_system[chats.sample_m]  # -1 is the system message
    expected = np.where(place % 2 == 0, equals(chats.roles_m, "user"), is_assistant)
    in_document = document_s[chats.sample_m]
    right: Bools = np.where(in_document, first & is_assistant, expected | (place == -1))
    return ~right


class Roles(Filter):
    name: ClassVar[str] = "roles"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    columns: ClassVar[tuple[str, ...]] = ("messages", "kind")
    reasons: ClassVar[tuple[str, ...]] = ("no_answer", "roles_not_alternating")
    params_type: ClassVar[type[Params]] = Params

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        is_assistant = equals(chats.roles_m, "assistant")
        filled = chats.num_messages_s > 0
        ends = np.zeros(chats.num_samples, dtype=np.bool_)
        last = starts(chats.num_messages_s) + chats.num_messages_s - 1
        ends[filled] = is_assistant[last[filled]]
        misplaced = _misplaced(chats, is_assistant, is_document(batch))
        return score_batch(
            SCORES,
            num_messages=chats.num_messages_s,
            num_assistant_messages=chats.messages_per_sample(is_assistant),
            num_misplaced_messages=chats.messages_per_sample(misplaced),
            ends_with_assistant=ends,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        in_order = (pl.col("num_misplaced_messages") == 0) & pl.col("ends_with_assistant")
        return first_reason(
            scores,
            {"no_answer": pl.col("num_assistant_messages") > 0, "roles_not_alternating": in_order},
        )


FILTER = Roles()
