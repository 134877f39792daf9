"""What formats of questions and answers have in common: turns, and texts with image markers.

A row that is not one optional system message and then questions and answers in turn is left out,
with a reason; so is one with an image outside of its questions, since what is learned of an answer
cannot be a picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pipelines.export.rows import LeftOut, Row

IMAGE = "<image>"
# What is told of a row that is written, but not as it stands (docs/export.md).
MARKER_IN_TEXT = "marker_in_text"
SYSTEM_IN_QUESTION = "system_in_question"
IMAGES_FIRST = "images_first"


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, each as content items."""

    question: list[dict[str, str]]
    answer: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Chat:
    """`system` is empty where there is no such message."""

    system: str
    turns: list[Turn]


def refuse_clips(row: Row) -> None:
    """A clip that was kept whole: no format here takes one."""
    items = (item for message in row.values["messages"] for item in message["content"])
    if row.values["videos"] or any(item["type"] == "video" for item in items):
        raise LeftOut("video_clip")


def chat_of(row: Row) -> Chat:
    """The row as turns; LeftOut where it has none."""
    refuse_clips(row)
    if row.values["kind"] == "document":
        raise LeftOut("document")
    messages = list(row.values["messages"])
    system = ""
    if messages and messages[0]["role"] == "system":
        head = messages.pop(0)["content"]
        _refuse_images(head)
        system = plain_text(head)
    return Chat(system, list(_turns(messages)))


def _turns(messages: list[dict[str, Any]]) -> Iterator[Turn]:
    roles = [message["role"] for message in messages]
    if roles[:1] != ["user"]:
        raise LeftOut("no_question")
    if roles[-1] != "assistant":
        raise LeftOut("no_answer")
    if roles != ["user", "assistant"] * (len(roles) // 2):
        raise LeftOut("not_in_turns")
    for asked, answered in zip(messages[::2], messages[1::2], strict=True):
        _refuse_images(answered["content"])
        yield Turn(asked["content"], answered["content"])


def _refuse_images(content: Sequence[dict[str, str]]) -> None:
    if any(item["type"] == "image" for item in content):
        raise LeftOut("image_outside_question")


def plain_text(content: Sequence[dict[str, str]]) -> str:
    """Text items one after another, as SmolVLM's template puts them; a new line for an image."""
    return marked_text(content, "")


def marked_text(content: Sequence[dict[str, str]], marker: str) -> str:
    """The same with a marker on a line of its own for each image."""
    text = ""
    is_after_image = False
    for item in content:
        is_image = item["type"] == "image"
        piece = marker if is_image else item["text"]
        if not piece:
            is_after_image = is_after_image or is_image
            continue
        borders = (is_image or is_after_image) and text and not text[-1].isspace()
        text += ("\n" if borders and not piece[0].isspace() else "") + piece
        is_after_image = is_image
    return text


def without_markers(chat: Chat, markers: Sequence[str]) -> tuple[Chat, bool]:
    """The chat with a space in each marker that its own texts spell; whether there was one.

    A trainer that counts markers would look for an image that is not there.
    """
    pattern = re.compile("|".join(re.escape(marker) for marker in markers))
    found = False

    def clean(text: str) -> str:
        nonlocal found
        cleaned = pattern.sub(lambda match: f"< {match[0][1:]}", text)
        found = found or cleaned != text
        return cleaned

    def items(content: list[dict[str, str]]) -> list[dict[str, str]]:
        return [{**item, "text": clean(item["text"])} for item in _joined(content)]

    turns = [Turn(items(turn.question), items(turn.answer)) for turn in chat.turns]
    return Chat(clean(chat.system), turns), found


def _joined(content: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Neighbouring texts as one: together they may spell what none of them does."""
    for kind, items in groupby(content, key=lambda item: item["type"]):
        if kind == "text":
            yield {"type": kind, "text": "".join(item["text"] for item in items)}
        else:
            yield from items


def with_system(chat: Chat, question: str) -> str:
    """The first question below the system message, where a format has no place for that."""
    return f"{chat.system}\n\n{question}" if chat.system else question
