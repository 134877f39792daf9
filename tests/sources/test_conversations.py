"""LLaVA-shaped conversations: one case for each rule, by value."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.conversations import RowError, build_chat, json_columns, parse_conversation

VIDEO = ("video", "")
IMAGE = ("image", "")


def human(text: Any) -> dict[str, Any]:
    return {"from": "human", "value": text}


def gpt(text: Any) -> dict[str, Any]:
    return {"from": "gpt", "value": text}


def contents(turns: Any, kind: Any = "image", num_media: int = 1) -> list[Any]:
    return [message.content for message in parse_conversation(turns, kind, num_media)]


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("<image>\nWhat?", [IMAGE, ("text", "What?")]),
        ("<image><image>\nWhat?", [IMAGE, IMAGE, ("text", "What?")]),
        ("What?\n<image>", [("text", "What?"), IMAGE]),
        (
            "A <image> and\r\n<image>\n b",
            [("text", "A "), IMAGE, ("text", " and"), IMAGE, ("text", " b")],
        ),
        ("<image> What? ", [IMAGE, ("text", "What?")]),
        ("<image> \n <image>", [IMAGE, IMAGE]),
        ("<video>\nWhat?", [IMAGE, ("text", "What?")]),
        ("<IMAGE> What?", [IMAGE, ("text", "<IMAGE> What?")]),
    ],
)
def test_markers_become_items_in_place(text: str, content: list[Any]) -> None:
    assert contents([human(text)]) == [content]


def test_a_marker_is_of_the_kind_of_the_rows_media() -> None:
    assert contents([human("<image>\nWhat?")], "video") == [[VIDEO, ("text", "What?")]]


def test_without_markers_media_stand_first_in_the_first_user_message() -> None:
    turns = [{"from": "system", "value": "Be kind."}, human("a"), gpt("b"), human("c"), gpt("d")]
    system, first, _, second, _ = contents(turns, "image", 2)
    assert system == [("text", "Be kind.")]
    assert first == [IMAGE, IMAGE, ("text", "a")]
    assert second == [("text", "c")]


def test_a_marker_in_a_later_user_message_places_the_media_there() -> None:
    first, _, second = contents([human("a"), gpt("b"), human("<image>\nc")])
    assert first == [("text", "a")]
    assert second == [IMAGE, ("text", "c")]


def test_a_wrong_number_of_markers_is_passed_on() -> None:
    assert contents([human("<image>a")], num_media=3) == [[IMAGE, ("text", "a")]]
    assert contents([human("<image>a")], num_media=0) == [[IMAGE, ("text", "a")]]


def test_markers_of_assistant_and_system_stay_text() -> None:
    turns = [{"from": "system", "value": "<image>"}, human("a"), gpt("see <video>")]
    assert contents(turns) == [
        [("text", "<image>")],
        [IMAGE, ("text", "a")],
        [("text", "see <video>")],
    ]


def test_in_a_text_source_nothing_is_a_marker() -> None:
    assert contents([human("Explain <video> of HTML")], None, 0) == [
        [("text", "Explain <video> of HTML")]
    ]


def test_empty_messages_are_passed_on() -> None:
    assert contents([human(" \n"), gpt("")]) == [[IMAGE], [("text", "")]]
    assert contents([human("")], num_media=0) == [[("text", "")]]


def test_both_dialects_and_all_roles() -> None:
    names = ["system", "human", "gpt", "user", "assistant"]
    roles = ["system", "user", "assistant", "user", "assistant"]
    for role_key, text_key in (("from", "value"), ("role", "content")):
        turns = [{role_key: name, text_key: "x"} for name in names]
        assert [message.role for message in parse_conversation(turns, "image", 0)] == roles


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        (None, "row_malformed"),
        ("text", "row_malformed"),
        ([], "no_turns"),
        (["text"], "row_malformed"),
        ([{"value": "x"}], "row_malformed"),
        ([{"from": 1, "value": "x"}], "row_malformed"),
        ([{"from": "human"}], "row_malformed"),
        ([human(None)], "row_malformed"),
        ([human(["x"])], "row_malformed"),
        ([human("\ud800")], "row_malformed"),
        ([human("x"), {"from": "bing", "value": "x"}], "unknown_role"),
        ([{"from": "Human", "value": "x"}], "unknown_role"),
    ],
)
def test_what_is_no_conversation_has_a_reason(turns: Any, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        parse_conversation(turns, "image", 1)
    assert caught.value.reason == reason
    assert caught.value.detail
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.reason, copy.detail) == (caught.value.reason, caught.value.detail)


@given(st.lists(st.sampled_from(["<image>", "<video>", "\n", " ", "a", "<", "image>"])))
def test_markers_are_counted_and_no_word_is_lost(parts: list[str]) -> None:
    text = "".join(parts)
    (content,) = contents([human(text)], num_media=0)
    num_markers = text.count("<image>") + text.count("<video>")
    assert sum(kind == "image" for kind, _ in content) == num_markers
    words = text.replace("<image>", "").replace("<video>", "")
    assert "".join("".join(t.split()) for _, t in content) == "".join(words.split())


def test_newlines_without_end_are_read_in_linear_time() -> None:
    text = "\n" * 500_000 + "x"
    assert contents([human(text + "<image>" + text)], num_media=1) == [
        [("text", "x"), IMAGE, ("text", "x")]
    ]


def test_build_chat_alternates_and_puts_media_first() -> None:
    messages = build_chat([(" a ", "b\n"), ("c", "d")], "video", 1)
    assert [(m.role, m.content) for m in messages] == [
        ("user", [VIDEO, ("text", "a")]),
        ("assistant", [("text", "b")]),
        ("user", [("text", "c")]),
        ("assistant", [("text", "d")]),
    ]


def test_build_chat_leaves_markers_as_text() -> None:
    assert build_chat([("<image>", "b")], "image", 1)[0].content == [IMAGE, ("text", "<image>")]


def test_json_columns_says_what_json_cannot() -> None:
    columns = {
        "nan": float("nan"),
        "list": [1.5, float("inf"), None, b"abc"],
        "struct": {"a": None, "b": True},
        "null": None,
        "set": {1},
    }
    assert json_columns(columns) == {
        "list": [1.5, None, None, "3 bytes"],
        "struct": {"a": None, "b": True},
        "set": "{1}",
    }
    assert json_columns({"null": None}) is None
