"""Vectorised rendering equals the plain one: conversations, turns, clips, merges and styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import IntegrityError
from manifests.schema import MESSAGES_TYPE, Role
from mixtures.styles import PLAIN, STYLES, Style
from pipelines.render import Rendered, RowMedia, render
from pipelines.row_batches import split_turns
from pipelines.written import Parts
from sources.base import Message
from tests.pipelines.plain_render import Media, Output, Row, plain_render

SMOLVLM2 = STYLES["smolvlm2"]
INFERENCE = STYLES["smolvlm-inference"]
# Words in every place, as no single style has them.
WORDY = replace(SMOLVLM2, name="wordy", clip_outro="So much for the clip. ")


def _stored(chat: Sequence[Message]) -> list[dict[str, Any]]:
    return [
        {"role": m.role, "content": [{"type": kind, "text": text} for kind, text in m.content]}
        for m in chat
    ]


def run(rows: Sequence[Row], style: Style, places: Sequence[int] | None = None) -> Rendered:
    """Render a batch; conversation c lies at `places[c]` of the store's rows."""
    chats = [chat for row in rows for chat in row.chats]
    at = np.array(range(len(chats)) if places is None else places, np.int64)
    stored: list[Any] = [None] * len(chats)
    for place, chat in zip(at, chats, strict=True):
        stored[place] = _stored(chat)
    media = [one for row in rows for one in row.media]
    times = [time for one in media for time in one.times_ms or ()]
    return render(
        pa.array(stored, MESSAGES_TYPE),
        at,
        Parts(
            row_c=np.repeat(np.arange(len(rows)), [len(row.chats) for row in rows]),
            turns_r=pa.array([row.turns for row in rows], pa.list_(pa.int16())),
            ids_r=pa.array([f"s/t/{n}" for n in range(len(rows))]),
        ),
        RowMedia(
            counts_r=np.array([len(row.media) for row in rows]),
            is_video=np.array([one.times_ms is not None for one in media], bool),
            num_frames=np.array([len(one.times_ms or (0,)) for one in media], np.int64),
            duration_ms=np.array([one.duration_ms for one in media], np.int64),
            times_ms=np.array(times, np.int64),
        ),
        np.array([row.is_document for row in rows], bool),
        style,
    )


def outputs(rows: Sequence[Row], made: Rendered) -> list[Output]:
    """What `render` made, as the plain one writes it."""
    first_media = np.concatenate([[0], np.cumsum([len(row.media) for row in rows])])
    ends = np.cumsum(made.counts_r)
    row_c = [n for n, row in enumerate(rows) for _ in row.chats]
    first_c = np.concatenate([[0], np.cumsum([len(row.chats) for row in rows])])
    found = []
    for n, messages in enumerate(made.messages.to_pylist()):
        media = made.media_x[ends[n] - made.counts_r[n] : ends[n]] - first_media[n]
        turns = [
            (int(c - first_c[n]), int(t))
            for c, t in zip(made.turns.conversation_t, made.turns.number_t, strict=True)
            if row_c[c] == n
        ]
        chat = [
            (m["role"], [(item["type"], item["text"]) for item in m["content"]]) for m in messages
        ]
        found.append(Output(chat, media.tolist(), turns))
    return found


def only(row: Row, style: Style) -> list[tuple[str, list[str]]]:
    """Messages of one row, as (role, texts, with `image` for images)."""
    (made,) = outputs([row], run([row], style))
    return [(role, [text or kind for kind, text in items]) for role, items in made.messages]


TEXTS = st.sampled_from(["", "Why?", "Look: ", "\u00e9t\u00e9"])
ROLES: st.SearchStrategy[Role] = st.sampled_from(["user", "assistant", "user", "system"])
KINDS = st.sampled_from(["text", "image", "image", "video"])


@st.composite
def chats(draw: st.DrawFn) -> tuple[Message, ...]:
    messages = [Message("system", [("text", "Be brief.")])] * draw(st.integers(0, 2))
    for _ in range(draw(st.integers(1, 4))):
        role = draw(ROLES)
        kinds = draw(st.lists(KINDS, max_size=4))
        items: list[Any] = [(kind, draw(TEXTS) if kind == "text" else "") for kind in kinds]
        if role == "system":
            items = [("text", "New rules.")]
        messages.append(Message(role, items))
    return (*messages, Message("user", [("text", "Last")]))


def media_of(draw: st.DrawFn, chat: Sequence[Message]) -> tuple[Media, ...]:
    found = []
    for kind in [kind for m in chat for kind, _ in m.content if kind != "text"]:
        if kind == "image":
            found.append(Media())
        else:
            times = draw(st.lists(st.integers(0, 4_000_000), min_size=1, max_size=3))
            found.append(Media(tuple(times), draw(st.integers(0, 9_000_000))))
    return tuple(found)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    own, *others = draw(st.lists(chats(), min_size=1, max_size=3))
    num_turns = sum(len(split_turns(list(chat))) for chat in (own, *others))
    numbers = st.lists(st.integers(0, num_turns - 1), min_size=1, unique=True).map(tuple)
    return Row(
        (own, *others),
        media_of(draw, own),
        draw(st.one_of(st.none(), numbers)),
        draw(st.booleans()),
    )


@given(
    st.lists(rows(), min_size=1, max_size=5), st.sampled_from([*STYLES.values(), WORDY]), st.data()
)
@settings(max_examples=100, deadline=None)
def test_equals_the_plain_rendering(batch: list[Row], style: Style, data: st.DataObject) -> None:
    num_chats = sum(len(row.chats) for row in batch)
    places = data.draw(st.permutations(range(num_chats)))
    expected = [plain_render(row, style) for row in batch]
    assert outputs(batch, run(batch, style, places)) == expected


ASK = Message("user", [("image", ""), ("text", "What?")])
SAY = Message("assistant", [("text", "A cat.")])
MORE = Message("user", [("text", "Why?")])
CLIP = Message("user", [("video", ""), ("text", "When?")])
SYSTEM = Message("system", [("text", "Be brief.")])
TWO_FRAMES = Media((0, 61_000), 90_000)


def test_plain_images_and_texts_are_passed_on() -> None:
    row = Row(((ASK, SAY, MORE, SAY),), (Media(),))
    assert only(row, PLAIN) == [
        ("user", ["image", "What?"]),
        ("assistant", ["A cat."]),
        ("user", ["Why?"]),
        ("assistant", ["A cat."]),
    ]


def test_plain_clips_have_labels_alone() -> None:
    row = Row(((CLIP, SAY),), (TWO_FRAMES,))
    assert only(row, PLAIN)[0] == (
        "user",
        ["Frame from 00:00:", "image", "Frame from 01:01:", "image", "When?"],
    )


def test_smolvlm2_words_around_an_image() -> None:
    row = Row(((ASK, SAY),), (Media(),))
    assert only(row, SMOLVLM2) == [
        ("system", [SMOLVLM2.system]),
        (
            "user",
            ["Here are some images: ", "image", "Now answer the following question: ", "What?"],
        ),
        ("assistant", ["A cat."]),
    ]


def test_smolvlm2_words_around_a_clip() -> None:
    row = Row(((SYSTEM, CLIP, SAY),), (TWO_FRAMES,))
    assert only(row, SMOLVLM2) == [
        ("system", ["Be brief."]),
        (
            "user",
            [
                "You are provided the following series of two frames from a 0:01:30 [H:MM:SS] "
                "video.\n",
                *("Frame from 00:00:", "image", "Frame from 01:01:", "image"),
                *("Now answer the following question: ", "When?"),
            ],
        ),
        ("assistant", ["A cat."]),
    ]


def test_inference_words_around_two_clips_and_an_image() -> None:
    asked = Message("user", [("video", ""), ("image", ""), ("video", ""), ("text", "Same?")])
    row = Row(((asked, SAY),), (Media((0,), 1000), Media(), Media((2000,), 3000)))
    intro = "You are provided the following series of one frames from a 0:00:0{} [H:MM:SS] video.\n"
    assert only(row, INFERENCE)[0] == (
        "user",
        [
            *(intro.format(1), "\nFrame from 00:00:", "image", "\n\n"),
            "image",
            *(intro.format(3), "\nFrame from 00:02:", "image", "\n\n"),
            "Same?",
        ],
    )


def test_a_run_of_images_has_one_intro_and_the_message_one_outro() -> None:
    asked = Message(
        "user",
        [("image", ""), ("text", "and"), ("image", ""), ("video", ""), ("image", "")],
    )
    row = Row(((asked, SAY),), (Media(), Media(), Media((0,), 1000), Media()))
    texts = only(row, SMOLVLM2)[1][1]
    assert [text for text in texts if text.startswith(("Here", "Now", "You", "and"))] == [
        "Here are some images: ",
        "and",
        SMOLVLM2.clip_intro(1, 1000),
        "Here are some images: ",
        "Now answer the following question: ",
    ]
    assert texts[-1] == "Now answer the following question: "


def test_texts_alone_get_a_system_message_and_documents_none() -> None:
    chat, page = ((MORE, SAY),), ((SAY,),)
    assert only(Row(chat), SMOLVLM2)[0] == ("system", [SMOLVLM2.system])
    assert only(Row(page, is_document=True), SMOLVLM2) == [("assistant", ["A cat."])]


def test_media_of_the_first_turn_stand_before_whichever_is_first() -> None:
    row = Row(((SYSTEM, ASK, SAY, MORE, SAY),), (Media(),), turns=(1, 0))
    assert only(row, PLAIN) == [
        ("system", ["Be brief."]),
        ("user", ["image", "Why?"]),
        ("assistant", ["A cat."]),
        ("user", ["What?"]),
        ("assistant", ["A cat."]),
    ]


def test_media_of_a_turn_that_is_not_written_are_not() -> None:
    row = Row(((MORE, SAY, ASK, SAY, ASK, SAY),), (Media(), Media()), turns=(0, 2))
    (made,) = outputs([row], run([row], PLAIN))
    assert made.media == [1] and len(made.messages) == 4


def test_merged_rows_share_the_media_of_the_first() -> None:
    row = Row(((ASK, SAY), (ASK, SAY, MORE, SAY)), (Media(),), turns=(0, 2, 1))
    (made,) = outputs([row], run([row], PLAIN))
    assert made.media == [0] and made.turns == [(0, 0), (1, 1), (1, 0)]
    assert made.messages[4] == ("user", [("text", "What?")])


def test_a_message_of_media_alone_keeps_an_empty_text() -> None:
    mute = Message("user", [("image", "")])
    row = Row(((ASK, SAY), (mute, SAY)), (Media(),))
    assert only(row, PLAIN)[2] == ("user", ["text"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Row(((ASK, SAY),), ()), "sample s/t/1 has 1 media items for 0 media"),
        (Row(((ASK, SAY),), (TWO_FRAMES,)), "item of one kind"),
        (Row(((ASK, SAY),), (Media(),), turns=(1,)), "turn 1, and has turns 0 to 0"),
        (Row(((ASK, SAY),), (Media(),), turns=(-1,)), "turn -1"),
    ],
)
def test_what_does_not_fit_is_an_error(row: Row, said: str) -> None:
    with pytest.raises(IntegrityError, match=said):
        run([Row(((MORE, SAY),)), row], SMOLVLM2)
