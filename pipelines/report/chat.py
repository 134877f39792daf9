"""A sample's messages as the page shows them: turns with texts, and strips of small pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.progress import printable
from pipelines.report.thumbs import FRAME_EDGE, IMAGE_EDGE, Room

# What styles write before a frame; its caption says the same.
_FRAME_LABEL = re.compile(r"\s*Frame from \d+:\d+:?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is shown of one sample; frames are taken evenly, first and last among them."""

    pictures: int = 4
    chars: int = 1200
    pieces: int = 60

    def numbers(self, count: int) -> set[int]:
        """Which of so many pictures are shown."""
        if count <= self.pictures:
            return set(range(count))
        return {i * (count - 1) // (self.pictures - 1) for i in range(self.pictures)}


# Of a card.
SOME = Limits()


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture of a sample: encoded bytes, None where nobody has them any more.

    `uri` is where a page finds it, where it is not to be inside the page.
    """

    data: bytes | None
    is_frame: bool
    width: int = 0
    height: int = 0
    timestamp_ms: int | None = None
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Thumb:
    """`uri` is empty where there is no picture to show."""

    uri: str
    label: str
    is_frame: bool


@dataclass(slots=True)
class Piece:
    """A text, or a strip of pictures with how many more there are."""

    text: str = ""
    cut: int = 0  # characters that are not shown
    thumbs: list[Thumb] = field(default_factory=list)
    more: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    pieces: list[Piece]


def clock(timestamp_ms: int) -> str:
    """0:07, 12:40, 1:02:03."""
    minutes, seconds = divmod(timestamp_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def turns_of(
    messages: Sequence[dict[str, Any]], media: Sequence[Medium], room: Room, limits: Limits = SOME
) -> list[Turn]:
    """The conversation, cut off after some characters; media stand where their items do."""
    writer = _Writer(media, room, limits)
    turns = [Turn(m["role"], writer.pieces(m["content"] or ())) for m in messages]
    shown = [turn for turn in turns if turn.pieces]
    if shown and (writer.cut or writer.hidden):
        shown[-1].pieces.append(Piece(cut=writer.cut, more=writer.hidden))
    return shown


@dataclass(slots=True)
class _Writer:
    """`cut` and `hidden` count characters and pictures after the last piece that is shown."""

    media: Sequence[Medium]
    room: Room
    limits: Limits
    at: int = 0
    chars: int = field(init=False)
    num_pieces: int = 0
    cut: int = 0
    hidden: int = 0
    shown: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.chars = self.limits.chars
        self.shown = self.limits.numbers(len(self.media))

    @property
    def is_full(self) -> bool:
        return self.chars <= 0 or self.num_pieces >= self.limits.pieces

    def pieces(self, items: Sequence[dict[str, Any]]) -> list[Piece]:
        found: list[Piece] = []
        for item in items:
            if item["type"] != "text":
                self._picture(found)
            elif not (self.media and _FRAME_LABEL.fullmatch(item["text"])):
                self._text(found, printable(item["text"]).strip())
        return found

    def _text(self, found: list[Piece], text: str) -> None:
        if self.is_full:
            self.cut += len(text)
        elif text:
            shown = text[: self.chars]
            self.chars -= len(shown)
            self._add(found, Piece(text=shown, cut=len(text) - len(shown)))

    def _picture(self, found: list[Piece]) -> None:
        number, self.at = self.at, self.at + 1
        is_shown = number in self.shown and number < len(self.media)
        if not is_shown and self.is_full:
            self.hidden += 1
            return
        if not found or found[-1].text:
            self._add(found, Piece())
        if is_shown:
            found[-1].thumbs.append(self._thumb(self.media[number]))
        else:
            found[-1].more += 1

    def _add(self, found: list[Piece], piece: Piece) -> None:
        found.append(piece)
        self.num_pieces += 1

    def _thumb(self, medium: Medium) -> Thumb:
        edge = FRAME_EDGE if medium.is_frame else IMAGE_EDGE
        label = f"{medium.width} \u00d7 {medium.height}" if medium.width else "image"
        if medium.is_frame:
            label = "frame" if medium.timestamp_ms is None else clock(medium.timestamp_ms)
        return Thumb(medium.uri or self.room.take(medium.data, edge), label, medium.is_frame)
