"""Conversations to Arrow batches, column by column: what a row task stores of them.

Built from flat lists and offsets, since a dict a message and pyarrow's own conversion of it cost
several times as much as reading the row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import count_per, equals, flatten, sum_per
from manifests.cards import SourceCard
from manifests.ids import turn_digest
from manifests.schema import (
    CONTENT_TYPE,
    MEDIA_REF_TYPE,
    MESSAGE_TYPE,
    REJECTED_SCHEMA,
    STORE_SCHEMA,
    TURNS_SCHEMA,
)
from sources.base import Draft, Message, Rejected


def split_turns(messages: list[Message]) -> list[list[Message]]:
    """Turns of a conversation: each starts at a user (or leading system) message."""
    turns: list[list[Message]] = []
    only_system = False
    for message in messages:
        if not turns or (message.role == "user" and not only_system):
            turns.append([])
            only_system = len(turns) == 1
        turns[-1].append(message)
        only_system = only_system and message.role == "system"
    return turns


class Lists:
    """A list column as it grows: the values of all rows, and where each row's begin and end."""

    def __init__(self, item: pa.StructType) -> None:
        self._item = item
        self.fields: tuple[list[Any], ...] = tuple([] for _ in item)
        self._offsets = [0]

    def end_row(self) -> None:
        self._offsets.append(len(self.fields[0]))

    def as_array(self, *nested: pa.Array) -> pa.Array:
        """`nested` are the item's last columns, where they are lists themselves."""
        flat = list(zip(self.fields, self._item, strict=True))[: len(self.fields) - len(nested)]
        columns = [*(pa.array(values, field.type) for values, field in flat), *nested]
        items = pa.StructArray.from_arrays(columns, fields=list(self._item))
        offsets = pa.array(self._offsets, pa.int32())
        return pa.ListArray.from_arrays(offsets, items, type=pa.list_(self._item))


class SampleBatch:
    """Rows of `STORE_SCHEMA` and their turns; category and license come from the card's subset."""

    def __init__(self, card: SourceCard, first: int) -> None:
        """`first` is the position of its first row among the task's samples."""
        self._facts = {s.name: (s.category, s.license or card.license) for s in card.subsets}
        self._card = card
        self._first = first
        self._plain: list[tuple[Any, ...]] = []
        # Of each turn its sample and its number there; of each message its turn.
        self._samples: list[int] = []
        self._numbers: list[int] = []
        self._digests: list[bytes] = []
        self._turn_m: list[int] = []
        self._messages, self._items = Lists(MESSAGE_TYPE), Lists(CONTENT_TYPE)
        self._media = Lists(MEDIA_REF_TYPE)

    def __len__(self) -> int:
        return len(self._plain)

    def add(self, draft: Draft) -> None:
        if draft.subset not in self._facts:
            self._card.subset(draft.subset)  # says what the card has
        sample = len(self)
        category, license_ = self._facts[draft.subset]
        extra = _extra(draft.extra)
        facts = (draft.row, draft.group, draft.subset, category, draft.kind, license_, extra)
        self._plain.append(facts)
        self._add_messages(draft.messages)
        kinds, keys = self._media.fields
        kinds += [ref.kind for ref in draft.media]
        keys += [ref.key for ref in draft.media]
        self._media.end_row()
        for number, turn in enumerate(split_turns(draft.messages)):
            self._turn_m += [len(self._digests)] * len(turn)
            self._samples.append(sample)
            self._numbers.append(number)
            items = [(m.role, kind, text) for m in turn for kind, text in m.content]
            self._digests.append(turn_digest(items))

    def _add_messages(self, messages: list[Message]) -> None:
        roles, types, texts = self._messages.fields[0], *self._items.fields
        for message in messages:
            roles.append(message.role)
            for kind, text in message.content:
                types.append(kind)
                texts.append(text)
            self._items.end_row()
        self._messages.end_row()

    def samples(self) -> pa.RecordBatch:
        names = ("row", "group", "subset", "category", "kind", "license", "extra")
        plain = zip(*self._plain, strict=True) if self._plain else ((),) * len(names)
        columns: dict[str, Any] = dict(zip(names, plain, strict=True))
        columns["messages"] = self._messages.as_array(self._items.as_array())
        columns["media"] = self._media.as_array()
        return pa.RecordBatch.from_pydict(columns, schema=STORE_SCHEMA)

    def turns(self, samples: pa.RecordBatch) -> pa.RecordBatch:
        """`samples` is what `samples()` gave."""
        chats = flatten(samples)
        count, turn_m = len(self._digests), np.array(self._turn_m, np.int64)
        bytes_i = pc.binary_length(chats.texts_i).to_numpy().astype(np.int64)
        bytes_m = sum_per(chats.num_items_m, bytes_i)
        is_media = equals(chats.types_i, "image") | equals(chats.types_i, "video")
        columns: dict[str, Any] = {
            "sample": np.array(self._samples, np.int64) + self._first,
            "turn": self._numbers,
            "digest": self._digests,
            "num_messages": np.bincount(turn_m, minlength=count),
            "num_answers": count_per(turn_m, equals(chats.roles_m, "assistant"), count),
            "num_media": count_per(turn_m[chats.message_i], is_media, count),
        }
        for role in ("system", "user", "assistant"):
            spoken = np.where(equals(chats.roles_m, role), bytes_m, 0)
            columns[f"{role}_bytes"] = sum_per(columns["num_messages"], spoken)
        return pa.RecordBatch.from_pydict(columns, schema=TURNS_SCHEMA)


def rejected_batch(items: list[Rejected]) -> pa.RecordBatch:
    names = REJECTED_SCHEMA.names
    rows = [{name: getattr(item, name) for name in names} for item in items]
    return pa.RecordBatch.from_pylist(rows, schema=REJECTED_SCHEMA)


def _extra(extra: dict[str, Any] | None) -> str | None:
    """Upstream columns without a place, as JSON with sorted keys; null where there are none."""
    if not extra:
        return None
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    return orjson.dumps(extra, default=str, option=options).decode()
