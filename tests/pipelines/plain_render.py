"""Rendering as its rules read, one conversation at a time: what the vectorised one must equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mixtures.styles import Style
from pipelines.row_batches import split_turns
from sources.base import Message

Item = tuple[str, str]
# An item with the number of the media that it stands for; None for a text.
Placed = tuple[Item, int | None]


@dataclass(frozen=True)
class Media:
    """One media of a row: `times_ms` of its written frames, None for an image."""

    times_ms: tuple[int, ...] | None = None
    duration_ms: int = 0

    @property
    def kind(self) -> str:
        return "image" if self.times_ms is None else "video"


@dataclass(frozen=True)
class Row:
    """What is written of one row: its conversations, own first, and the media of its own."""

    chats: tuple[tuple[Message, ...], ...]
    media: tuple[Media, ...] = ()
    turns: tuple[int, ...] | None = None
    is_document: bool = False


@dataclass
class Output:
    messages: list[tuple[str, list[Item]]] = field(default_factory=list)
    media: list[int] = field(default_factory=list)
    turns: list[tuple[int, int]] = field(default_factory=list)  # (conversation, turn) as written


Spoken = tuple[str, list[Placed]]


def _placed(row: Row) -> list[list[list[Spoken]]]:
    """Messages by conversation and turn; media of merged conversations are gone."""
    number = 0
    chats = []
    for which, chat in enumerate(row.chats):
        turns = []
        for turn in split_turns(list(chat)):
            spoken: list[Spoken] = []
            for message in turn:
                items: list[Placed] = []
                for item in message.content:
                    if item[0] == "text":
                        items.append((item, None))
                    elif which == 0:
                        items.append((item, number))
                        number += 1
                spoken.append((message.role, _never_empty(items, message.content)))
            turns.append(spoken)
        chats.append(turns)
    return chats


def _never_empty(items: list[Placed], before: Sequence[object]) -> list[Placed]:
    return items if items or not before else [(("text", ""), None)]


def _chosen(row: Row) -> tuple[list[Spoken], list[tuple[int, int]]]:
    chats = _placed(row)
    every = [(c, t) for c, turns in enumerate(chats) for t in range(len(turns))]
    if row.turns is None:
        return [message for c, t in every for message in chats[c][t]], every
    wanted = [every[turn] for turn in row.turns]
    front: list[Spoken] = []
    first = chats[0][0]
    while first and first[0][0] == "system":
        front.append(first.pop(0))
    leading = [p for _, items in [*front, *first] for p in items if p[1] is not None]
    moved = leading if wanted[0] != (0, 0) and len(leading) == len(row.media) else []
    if moved:
        chats[0][0] = [_without_media(message) for message in first]
        front = [_without_media(message) for message in front]
    messages = front + [message for c, t in wanted for message in chats[c][t]]
    if moved:
        at = next(n for n, (role, _) in enumerate(messages) if role != "system")
        messages[at] = (messages[at][0], [*moved, *messages[at][1]])
    return messages, wanted


def _without_media(message: Spoken) -> Spoken:
    role, items = message
    return role, _never_empty([item for item in items if item[1] is None], items)


def plain_render(row: Row, style: Style) -> Output:
    messages, turns = _chosen(row)
    output = Output(turns=turns)
    if style.system and not row.is_document and "system" not in [role for role, _ in messages]:
        output.messages.append(("system", [("text", style.system)]))
    for role, items in messages:
        worded = role == "user" and not row.is_document
        output.messages.append((role, _with_words(row, items, style, worded)))
        output.media += [number for _, number in items if number is not None]
    return output


def _with_words(row: Row, items: list[Placed], style: Style, worded: bool) -> list[Item]:
    texts: list[Item] = []
    left = sum(number is not None for _, number in items)
    before = None

    def say(words: str) -> None:
        if worded and words:
            texts.append(("text", words))

    for item, number in items:
        if number is None:
            texts.append(item)
            continue
        media = row.media[number]
        left -= 1
        if media.times_ms is None:
            if before != "image":
                say(style.image_intro)
            texts.append(("image", ""))
        else:
            if style.clip_intro_form:
                say(style.clip_intro(len(media.times_ms), media.duration_ms))
            for time_ms in media.times_ms:
                texts += [("text", style.frame_label(time_ms)), ("image", "")]
            say(style.clip_outro)
        before = media.kind
        if not left:
            say(style.outro)
    return texts
