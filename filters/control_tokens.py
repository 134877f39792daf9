"""No text holds a control token of the target model.

The tokenizer turns such a text into the control token itself: a quoted `<end_of_utterance>` ends
the answer, a stray `<image>` asks for pixels that are not there. Markers that upstream left in an
answer end here too, for a source turns them into items in user messages only.

    token                                    what it does              (reference: mixtures.md 3.1)
    <image>                                  one visual token
    <video>                                  the template's place for a clip
    <fake_token_around_image>                around every tile
    <global-img>                             before the whole image
    <row_R_col_C>, R and C from 1 to 6       before a tile
    <end_of_utterance>                       eos
    <|im_start|>                             bos
    <|im_end|>                               pad
    <|endoftext|>                            end of text of the language model below it

Tokens are matched as the tokenizer does: exact case, no spaces inside. `<row_7_col_1>` and `<img>`
are plain text. So are the language model's markers for code corpora (`<filename>` and others):
they structure no chat, and answers about a shell use them innocently.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from filters.base import Filter, Params, first_reason
from filters.conversation import flatten, score_batch, sum_per

SMOLVLM_TOKENS = (
    "<image>",
    "<video>",
    "<fake_token_around_image>",
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
    "<end_of_utterance>",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
)
_PATTERN = "|".join(re.escape(token) for token in SMOLVLM_TOKENS)

SCORES = pa.schema(
    [
        ("num_control_tokens", pa.int32()),
        ("num_nulls", pa.int32()),  # texts that could not be searched, among them
    ]
)


class ControlTokens(Filter):
    name: ClassVar[str] = "control_tokens"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("control_token",)
    params_type: ClassVar[type[Params]] = Params

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        found = pc.fill_null(pc.count_substring_regex(chats.texts_i, _PATTERN), 0)
        counts_i = found.to_numpy(zero_copy_only=False).astype(np.int64)
        items_s = sum_per(chats.num_messages_s, chats.num_items_m)
        return score_batch(
            SCORES, num_control_tokens=sum_per(items_s, counts_i), num_nulls=chats.num_nulls_s
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        clean = (pl.col("num_control_tokens") == 0) & (pl.col("num_nulls") == 0)
        return first_reason(scores, {"control_token": clean})


FILTER = ControlTokens()
