"""The answers of a batch of chats, and the question before each, as flat columns.

Suffix `_a`: one value an answer. An answer is a whole assistant message: its text items joined with
nothing between them, as the chat template renders them. A null text counts as empty here and is
counted in `num_nulls_s`, which a filter must turn into a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import Bools, Conversations, Ints, count_per, equals, flatten

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """Every assistant message of a batch in order."""

    chats: Conversations
    message_a: Ints  # message that the answer is
    sample_a: Ints
    texts_a: pl.Series

    @property
    def num_answers_s(self) -> Ints:
        return self.count(np.ones(len(self.sample_a), dtype=np.bool_))

    @property
    def num_nulls_s(self) -> Ints:
        return self.chats.num_nulls_s

    def count(self, mask_a: Bools | pl.Series) -> Ints:
        """How many of the masked answers each sample holds."""
        mask = mask_a.to_numpy() if isinstance(mask_a, pl.Series) else mask_a
        return count_per(self.sample_a, mask, self.chats.num_samples)

    def largest(self, values_a: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The largest value among each sample's answers; 0 without one. Values are not negative."""
        found = np.zeros(self.chats.num_samples, dtype=values_a.dtype)
        np.maximum.at(found, self.sample_a, values_a)
        return found

    def questions(self) -> pl.Series:
        """The user message just before each answer, joined as answers are; "" if there is none."""
        before = np.maximum(self.message_a - 1, 0)
        asked = equals(self.chats.roles_m, "user")
        has_one = (self.chats.position_m[self.message_a] > 0) & asked[before]
        wanted_m = np.zeros(self.chats.num_messages, dtype=np.bool_)
        wanted_m[before[has_one]] = True
        # Messages before different answers differ, so both sides stand in the same order.
        rows = np.where(has_one, np.cumsum(has_one) - 1, -1)
        texts = pl.concat([_texts(self.chats, wanted_m), pl.Series([""], dtype=pl.String)])
        return texts.gather(np.where(rows < 0, len(texts) - 1, rows))


def _texts(chats: Conversations, wanted_m: Bools) -> pl.Series:
    """The text of each wanted message."""
    speaks = equals(chats.types_i, "text") & wanted_m[chats.message_i]
    pieces = pc.fill_null(chats.texts_i.filter(pa.array(speaks)), "")
    counts = count_per(chats.message_i, speaks, chats.num_messages)[wanted_m]
    if (counts != 1).any():
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        pieces = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), pieces), "")
    texts = pl.from_arrow(pieces)
    assert isinstance(texts, pl.Series)
    return texts


def answers(batch: pa.RecordBatch) -> Answers:
    """The answers of a batch (or of a slice of one) with `STORE_SCHEMA` types."""
    chats = flatten(batch)
    wanted_m = equals(chats.roles_m, "assistant")
    return Answers(
        chats=chats,
        message_a=np.flatnonzero(wanted_m),
        sample_a=chats.sample_m[wanted_m],
        texts_a=_texts(chats, wanted_m),
    )


def where(mask: pl.Series, texts: pl.Series, found: pl.Series) -> pl.Series:
    """`found`, one value for each masked text, spread over all texts; 0 or false elsewhere."""
    spread = np.zeros(len(texts), dtype=found.to_numpy().dtype)
    spread[mask.to_numpy()] = found.to_numpy()
    return pl.Series(spread)
