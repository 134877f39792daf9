"""Which held-out rows a model is asked to answer in its own words, and with what.

A row is asked its first question: the messages before its first answer. Asked are rows whose first
answer is short, the first so many of each source in the order of the split: that of their draws,
splitmix64 of (seed, id), which has nothing to do with the order in which rows arrive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trainer.build_rows import BuildRows, Unit
from trainer.items import GROUPS, Encoder, Item

# Datasets of questions are answered in a few words; what is longer, exact match says nothing of.
MOST_WORDS, MOST_BYTES = 10, 64
# An id of a byte-level tokenizer is at least one byte: room for any short answer, with the space
# before it and the <end_of_utterance> after.
MOST_IDS = MOST_BYTES + 2

Message = Mapping[str, Any]
Groups = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """One row's; `answers` are those that the row gives to the same question."""

    unit: Unit  # of this row alone
    answers: tuple[str, ...]


@dataclass
class Chosen:
    """Questions in the order of the split, and the groups of rows that are not asked, by reason."""

    questions: list[Question] = field(default_factory=list)
    left_out: list[tuple[str, Groups]] = field(default_factory=list)


def choose(rows: BuildRows, most: int) -> Chosen:
    """At most so many rows a source; reads no pictures."""
    chosen = Chosen()
    taken: dict[str, int] = {}
    for unit, row in rows.texts():
        groups = {name: row[name] for name in GROUPS}
        answers = short_answers(row["messages"])
        if not answers:
            chosen.left_out.append(("not_short", groups))
        elif taken.get(row["source"], 0) == most:
            chosen.left_out.append(("not_drawn", groups))
        else:
            taken[row["source"]] = taken.get(row["source"], 0) + 1
            chosen.questions.append(Question(unit, answers))
    return chosen


def short_answers(messages: Sequence[Message]) -> tuple[str, ...]:
    """Those to the first question; none where the first answer is not a short text."""
    pairs = list(_pairs(messages))
    if not pairs or not _is_short(pairs[0][1]):
        return ()
    same = (answer for question, answer in pairs if question == pairs[0][0])
    return tuple(dict.fromkeys(answer for answer in same if _is_short(answer)))


def first_exchange(messages: Sequence[Message]) -> Sequence[Message]:
    """To the end of the first answer."""
    roles = [message["role"] for message in messages]
    return messages[: roles.index("assistant") + 1]


@dataclass(frozen=True, slots=True)
class AskingEncoder(Encoder):
    """Makes of a row its first question, to `Assistant:`; no id of it is a label."""

    def item(self, number: int, row: Mapping[str, Any]) -> Item:
        messages = first_exchange(row["messages"])
        shown = sum(item["type"] == "image" for m in messages for item in m["content"])
        first = {
            **row,
            "messages": messages,
            "images": row["images"][:shown],
            "media": row["media"][:shown],
        }
        whole = Encoder.item(self, number, first)
        asked = int(whole.is_learned.argmax())
        return replace(whole, ids=whole.ids[:asked], is_learned=whole.is_learned[:asked] & False)


def asking(encoder: Encoder) -> AskingEncoder:
    """Writes rows as `encoder` does, with answers as labels: where they begin, one is asked."""
    return AskingEncoder(
        encoder.processor, encoder.vocabulary, "answers", encoder.image_scale, encoder.seed
    )


def _pairs(messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """What each user's message asks, and the answer after it; empty where it is not text alone."""
    for before, message in zip(messages, messages[1:], strict=False):
        if before["role"] != "user" or message["role"] != "assistant":
            continue
        is_text = all(item["type"] == "text" for item in message["content"])
        yield _text(before).strip(), _text(message).strip() if is_text else ""


def _text(message: Message) -> str:
    return "".join(item["text"] or "" for item in message["content"])


def _is_short(answer: str) -> bool:
    return 0 < len(answer.split()) <= MOST_WORDS and len(answer.encode()) <= MOST_BYTES
