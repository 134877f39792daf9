"""Which rows formats of questions and answers take, and how content becomes one text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.export.chats import (
    IMAGE,
    Chat,
    Turn,
    chat_of,
    marked_text,
    plain_text,
    without_markers,
)
from pipelines.export.rows import LeftOut, Row
from tests.pipelines.export.made import clip, mixed, said, sample

ASK, ANSWER = said("user", "What?"), said("assistant", "That.")

LEFT_OUT: list[tuple[str, dict[str, Any]]] = [
    ("document", sample(0, said("assistant", "Text."), kind="document")),
    ("no_question", sample(0, ANSWER)),
    ("no_question", sample(0, said("system", "Be brief."))),
    ("no_question", sample(0)),
    ("no_answer", sample(0, ASK)),
    ("not_in_turns", sample(0, ASK, ASK, ANSWER)),
    ("not_in_turns", sample(0, ASK, ANSWER, said("system", "Now be long."), ASK, ANSWER)),
    ("image_outside_question", sample(0, ASK, said("assistant", None))),
    ("image_outside_question", sample(0, said("system", None), ASK, ANSWER)),
    ("video_clip", clip(0)),
]


@pytest.mark.parametrize(("reason", "values"), LEFT_OUT)
def test_what_has_no_turns_is_left_out_with_its_reason(reason: str, values: dict[str, Any]) -> None:
    with pytest.raises(LeftOut, match=f"^{reason}$"):
        chat_of(Row("train", 0, values))


def test_a_chat_is_its_system_message_and_its_turns() -> None:
    chat = chat_of(Row("train", 0, mixed()[1]))
    assert chat.system == "Be brief." and len(chat.turns) == 1
    assert chat_of(Row("train", 0, mixed()[2])).system == ""


TEXTS: list[tuple[list[str | None], str]] = [
    ([None, "What?"], "<image>\nWhat?"),
    (["What?", None], "What?\n<image>"),
    ([None, None, "What?"], "<image>\n<image>\nWhat?"),
    (["Now: ", "what?"], "Now: what?"),
    (["First: ", None, "\nthen"], "First: <image>\nthen"),
    (["a", None, "", "b"], "a\n<image>\nb"),
    ([None], "<image>"),
    ([], ""),
]


@pytest.mark.parametrize(("items", "text"), TEXTS)
def test_a_marker_stands_where_the_image_stood(items: list[str | None], text: str) -> None:
    content = said("user", *items)["content"]
    assert marked_text(content, IMAGE) == text
    plain = plain_text(content)
    assert IMAGE not in plain and plain.split() == text.replace(IMAGE, "").split()


SPELT = st.sampled_from(["<", "image>", "<image>", "<im", "age>", "a b", "\n", ""])
PIECES = st.one_of(st.none(), SPELT)


@given(st.lists(PIECES, max_size=6))
def test_there_are_as_many_markers_as_images_and_no_letter_is_lost(items: list[str | None]) -> None:
    """Whatever the texts spell: a trainer that counts markers finds the images that there are."""
    content = said("user", *items)["content"]
    chat = Chat("", [Turn(content, said("assistant", "That.")["content"])])
    clean, found = without_markers(chat, [IMAGE])
    question = clean.turns[0].question
    marked = marked_text(question, IMAGE)
    assert marked.count(IMAGE) == items.count(None)
    assert found == (plain_text(question).split() != plain_text(content).split())
    assert "".join(marked.replace(IMAGE, "").split()) == "".join(plain_text(content).split())
