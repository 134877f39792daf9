"""Arrow batches of conversations, against the plain way to make them: a dict a row."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sources
from manifests.errors import CardError
from manifests.ids import turn_digest
from manifests.schema import REJECTED_SCHEMA, STORE_SCHEMA, TURNS_SCHEMA
from pipelines.row_batches import SampleBatch, rejected_batch, split_turns
from sources.base import Draft, MediaRef, Message, Rejected

CARD = sources.get("m4_instruct").card
ITEMS = st.tuples(st.sampled_from(["text", "image"]), st.text(max_size=5))
MESSAGES = st.builds(
    Message, st.sampled_from(["system", "user", "assistant"]), st.lists(ITEMS, max_size=3)
)
DRAFTS = st.builds(
    Draft,
    row=st.integers(0, 2**40),
    subset=st.sampled_from(["NLVR2", "other"]),
    messages=st.lists(MESSAGES, max_size=5),
    media=st.lists(st.builds(MediaRef, st.just("image"), st.text(max_size=5)), max_size=2),
    group=st.integers(0, 9),
    extra=st.none() | st.just({}) | st.just({"b": 1, "a": ["x"]}),
    kind=st.sampled_from(["chat", "document"]),
)


def plain_row(draft: Draft) -> dict[str, Any]:
    subset = CARD.subset(draft.subset)
    return {
        "row": draft.row,
        "group": draft.group,
        "subset": draft.subset,
        "category": subset.category,
        "kind": draft.kind,
        "messages": [
            {"role": m.role, "content": [{"type": kind, "text": text} for kind, text in m.content]}
            for m in draft.messages
        ],
        "media": [{"kind": ref.kind, "key": ref.key} for ref in draft.media],
        "license": subset.license or CARD.license,
        "extra": '{"a":["x"],"b":1}' if draft.extra else None,
    }


def plain_turn(sample: int, number: int, turn: list[Message]) -> dict[str, Any]:
    texts = [(m.role, text) for m in turn for _, text in m.content]
    sizes = {
        f"{role}_bytes": sum(len(text.encode()) for who, text in texts if who == role)
        for role in ("system", "user", "assistant")
    }
    return {
        "sample": sample,
        "turn": number,
        "digest": turn_digest((m.role, kind, text) for m in turn for kind, text in m.content),
        "num_messages": len(turn),
        "num_answers": [m.role for m in turn].count("assistant"),
        "num_media": [kind for m in turn for kind, _ in m.content].count("image"),
        **sizes,
    }


@settings(deadline=None)  # pyarrow's first array imports pandas
@given(st.lists(DRAFTS, max_size=6), st.integers(0, 2**33))
def test_columns_are_those_of_plain_rows(drafts: list[Draft], first: int) -> None:
    batch = SampleBatch(CARD, first)
    for draft in drafts:
        batch.add(draft)
    assert len(batch) == len(drafts)
    rows = [plain_row(draft) for draft in drafts]
    assert batch.samples().equals(pa.RecordBatch.from_pylist(rows, schema=STORE_SCHEMA))
    turns = [
        plain_turn(first + sample, number, turn)
        for sample, draft in enumerate(drafts)
        for number, turn in enumerate(split_turns(draft.messages))
    ]
    assert batch.turns(batch.samples()).equals(
        pa.RecordBatch.from_pylist(turns, schema=TURNS_SCHEMA)
    )


def test_a_turn_begins_with_its_question() -> None:
    roles = ["system", "system", "user", "assistant", "assistant", "user", "user", "assistant"]
    messages = [Message(role, []) for role in roles]  # type: ignore[arg-type]
    assert [[m.role for m in turn] for turn in split_turns(messages)] == [
        ["system", "system", "user", "assistant", "assistant"],
        ["user"],
        ["user", "assistant"],
    ]
    assert split_turns([]) == []


def test_a_subset_that_the_card_lacks_is_said() -> None:
    with pytest.raises(CardError, match="no subset 'gone'"):
        SampleBatch(CARD, 0).add(Draft(0, "gone", []))


def test_rejections_keep_their_detail() -> None:
    batch = rejected_batch([Rejected(3, "NLVR2", "no_turns", "why", 1)])
    row = {"row": 3, "group": 1, "subset": "NLVR2", "reason": "no_turns", "detail": "why"}
    assert batch.to_pylist() == [row]
    assert rejected_batch([]).schema == REJECTED_SCHEMA
