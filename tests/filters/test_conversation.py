"""The flat view: slices, null lists that hide values, nulls at every level, and white space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from filters import conversation
from manifests.schema import MESSAGES_TYPE


def _batch(messages: Sequence[object]) -> pa.RecordBatch:
    return pa.record_batch({"messages": pa.array(messages, type=MESSAGES_TYPE)})


def _message(role: str | None, *items: tuple[str | None, str | None]) -> dict[str, object]:
    return {"role": role, "content": [{"type": kind, "text": text} for kind, text in items]}


CHATS = [
    [_message("user", ("image", ""), ("text", "What?")), _message("assistant", ("text", "A cat."))],
    [],
    None,
    [_message("user", ("text", "Hi")), None, {"role": "assistant", "content": None}],
    [_message(None, (None, None)), {"role": "user", "content": [None]}],
]


def test_flatten_whole() -> None:
    chats = conversation.flatten(_batch(CHATS))
    assert chats.num_messages_s.tolist() == [2, 0, 0, 3, 2]
    assert chats.sample_m.tolist() == [0, 0, 3, 3, 3, 4, 4]
    assert chats.position_m.tolist() == [0, 1, 0, 1, 2, 0, 1]
    assert chats.num_items_m.tolist() == [2, 1, 1, 0, 0, 1, 1]
    assert chats.message_i.tolist() == [0, 0, 1, 2, 5, 6]
    assert chats.sample_i.tolist() == [0, 0, 0, 3, 4, 4]
    assert chats.roles_m.to_pylist() == [
        "user",
        "assistant",
        "user",
        None,
        "assistant",
        None,
        "user",
    ]
    assert chats.types_i.to_pylist() == ["image", "text", "text", "text", None, None]
    assert chats.texts_i.to_pylist() == ["", "What?", "A cat.", "Hi", None, None]
    # A null message is a null role and a null content; a null item a null type and a null text.
    assert chats.num_nulls_s.tolist() == [0, 0, 1, 3, 5]


@pytest.mark.parametrize(("start", "stop"), [(1, 5), (3, 4), (0, 1), (2, 2), (4, 5)])
def test_flatten_slice_equals_copy(start: int, stop: int) -> None:
    sliced = conversation.flatten(_batch(CHATS).slice(start, stop - start))
    copied = conversation.flatten(_batch(CHATS[start:stop]))
    for name in conversation.Conversations.__slots__:
        assert getattr(sliced, name).tolist() == getattr(copied, name).tolist(), name


def test_values_under_a_null_list_are_not_seen() -> None:
    values = pa.array([1, 2, 3, 4], type=pa.int64())
    hidden = pa.ListArray.from_arrays([0, 2, 3, 4], values, mask=pa.array([True, False, False]))
    assert hidden.values.to_pylist() == [1, 2, 3, 4]
    found, lengths = conversation.children(hidden)
    assert (found.to_pylist(), lengths.tolist()) == ([3, 4], [0, 1, 1])


def test_segments_with_empty_lists() -> None:
    lengths = np.array([0, 2, 0, 1, 0])
    values = np.array([5, -3, 7])
    assert conversation.starts(lengths).tolist() == [0, 0, 2, 2, 3]
    assert conversation.sum_per(lengths, values).tolist() == [0, 2, 0, 7, 0]
    low, high = conversation.extremes_per(lengths, values)
    assert (low.tolist(), high.tolist()) == ([0, -3, 0, 7, 0], [0, 5, 0, 7, 0])
    low, high = conversation.extremes_per(lengths[:1], values[:0])
    assert (low.tolist(), high.tolist()) == ([0], [0])


def test_blank_is_what_strip_leaves_empty() -> None:
    characters = [chr(code) for code in range(0x3100)]
    blank = conversation.is_blank(pa.array(characters))
    assert blank.tolist() == [not character.strip() for character in characters]
    assert conversation.is_blank(pa.array([None, "", " a "])).tolist() == [True, True, False]


def test_scores_refuse_columns_that_no_schema_names() -> None:
    with pytest.raises(AssertionError, match="num_typos"):
        conversation.score_batch(pa.schema([]), num_typos=np.zeros(0))
