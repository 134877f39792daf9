"""The nested `messages` column as flat arrays, so that filters count without a Python loop.

A batch of conversations is seen at three levels, and every flat array carries its level as a
suffix: `_s` one value a sample, `_m` one a message, `_i` one a content item. Nulls take part as
nulls, never as a guess: they are counted in `num_nulls_s`, and a filter that needs the missing
piece must turn that count into a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Conversations:
    """All messages and items of a batch in order; no text is copied."""

    num_messages_s: Ints
    num_nulls_s: Ints  # nulls anywhere below `messages`, and the column itself
    sample_m: Ints  # sample that the message belongs to
    position_m: Ints  # place of the message in its sample, from 0
    num_items_m: Ints
    roles_m: pa.Array
    message_i: Ints  # message that the item belongs to
    sample_i: Ints
    types_i: pa.Array
    texts_i: pa.Array

    @property
    def num_samples(self) -> int:
        return len(self.num_messages_s)

    @property
    def num_messages(self) -> int:
        return len(self.num_items_m)

    def messages_per_sample(self, mask_m: Bools) -> Ints:
        """How many of the masked messages each sample holds."""
        return count_per(self.sample_m, mask_m, self.num_samples)

    def items_per_sample(self, mask_i: Bools) -> Ints:
        """How many of the masked content items each sample holds."""
        return count_per(self.sample_i, mask_i, self.num_samples)


def children(array: pa.ListArray) -> tuple[pa.Array, Ints]:
    """(all values in order, number of values of each list); right for slices, null lists hold none.

    `.values` and `.offsets` would show what lies outside a slice and under a null.
    """
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    return array.flatten(), lengths.to_numpy(zero_copy_only=False).astype(np.int64)


def parents(lengths: Ints) -> Ints:
    """For each value of lists of these lengths, the list that it belongs to."""
    return np.repeat(np.arange(len(lengths)), lengths)


def count_per(parents: Ints, mask: Bools, num_parents: int) -> Ints:
    """How many masked values each parent has."""
    return np.bincount(parents[mask], minlength=num_parents).astype(np.int64)


def starts(lengths: Ints) -> Ints:
    """Index of the first value of each list (of the next list's where it is empty)."""
    return np.cumsum(lengths) - lengths


def sum_per(lengths: Ints, values: Ints) -> Ints:
    """Sum of each list's values; 0 for an empty list."""
    totals = np.concatenate([[0], np.cumsum(values)])
    first = starts(lengths)
    return np.asarray(totals[first + lengths] - totals[first], dtype=np.int64)


def extremes_per(lengths: Ints, values: Ints) -> tuple[Ints, Ints]:
    """(smallest, largest) of each list's values; 0 for an empty list."""
    low, high = np.zeros_like(lengths), np.zeros_like(lengths)
    filled = lengths > 0
    if filled.any():
        first = starts(lengths)[filled]
        low[filled] = np.minimum.reduceat(values, first)
        high[filled] = np.maximum.reduceat(values, first)
    return low, high


def truth(array: pa.Array) -> Bools:
    """A boolean Arrow array as numpy, null as False."""
    found: Bools = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
    return found


def equals(array: pa.Array, word: str) -> Bools:
    """Where a string array holds exactly this word."""
    return truth(pc.equal(array, word))


def is_blank(texts: pa.Array) -> Bools:
    """Where a text is null, empty or white space alone, as `str.strip` sees white space."""
    shown = pc.and_(pc.greater(pc.binary_length(texts), 0), pc.invert(pc.utf8_is_space(texts)))
    return ~truth(shown)


def _nulls_per(array: pa.Array, parents: Ints, num_parents: int) -> Ints:
    if array.null_count == 0:
        return np.zeros(num_parents, dtype=np.int64)
    return count_per(parents, truth(array.is_null()), num_parents)


def flatten(batch: pa.RecordBatch) -> Conversations:
    """The `messages` column of a batch (or a slice of one) with `STORE_SCHEMA` types."""
    column = batch.column("messages")
    messages, num_messages_s = children(column)
    sample_m = parents(num_messages_s)
    roles, contents = pc.struct_field(messages, "role"), pc.struct_field(messages, "content")
    items, num_items_m = children(contents)
    message_i = parents(num_items_m)
    sample_i = sample_m[message_i]
    types, texts = pc.struct_field(items, "type"), pc.struct_field(items, "text")
    num_samples = len(column)
    return Conversations(
        num_messages_s=num_messages_s,
        num_nulls_s=_nulls_per(column, np.arange(num_samples), num_samples)
        + _nulls_per(roles, sample_m, num_samples)
        + _nulls_per(contents, sample_m, num_samples)
        + _nulls_per(types, sample_i, num_samples)
        + _nulls_per(texts, sample_i, num_samples),
        sample_m=sample_m,
        position_m=np.arange(len(sample_m)) - starts(num_messages_s)[sample_m],
        num_items_m=num_items_m,
        roles_m=roles,
        message_i=message_i,
        sample_i=sample_i,
        types_i=types,
        texts_i=texts,
    )


def is_document(batch: pa.RecordBatch) -> Bools:
    """Where `kind` says document; a null or unknown kind is judged as a chat."""
    return equals(batch.column("kind"), "document")


def score_batch(schema: pa.Schema, **columns: npt.NDArray[Any]) -> pa.RecordBatch:
    """Numpy columns as score columns of the documented types."""
    arrays = [pa.array(columns.pop(field.name), type=field.type) for field in schema]
    assert not columns, f"scores that the schema does not name: {', '.join(columns)}"
    return pa.record_batch(arrays, schema=schema)
