"""The texts between special tokens of stored conversations, in every form in which they may be
written: bare, with media where they stand in each style, and led by the media of their sample.

The chat template writes `Role: ` before a message, or `Role:` where an image comes first; special
tokens (images, a message's end) part texts, so that each part has its ids for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import equals, flatten, is_document
from mixtures.styles import PLAIN, STYLES, Style
from pipelines.flat import starts

# (content type, text)
_Item = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FormText:
    """A text that `column` of a turn holds; `instead` is a message whose bare text it replaces."""

    column: str
    turn: int
    text: str
    instead: int | None


class TurnTexts:
    """Texts of a batch of samples.arrow."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        chats = self.chats = flatten(batch)
        self.system_m = equals(chats.roles_m, "system")
        self.answer_m = equals(chats.roles_m, "assistant")
        spoken = starts((~self.system_m).astype(np.int64))
        first_m = starts(chats.num_messages_s)[:-1]
        # It and all messages before it in its conversation are system messages.
        self.front_m = spoken[1:] == spoken[first_m[chats.sample_m]]
        after_front = np.append(False, self.front_m)[: chats.num_messages]
        asks_m = equals(chats.roles_m, "user") & ~after_front
        starts_turn = (chats.position_m == 0) | asks_m
        self.turn_m = np.cumsum(starts_turn) - 1
        self.num_turns = int(starts_turn.sum())
        self._media_i = equals(chats.types_i, "image") | equals(chats.types_i, "video")
        self._document_s = is_document(batch)
        self._roles = pc.fill_null(self.chats.roles_m, "").to_pylist()
        self._texts = pc.fill_null(self.chats.texts_i, "").to_pylist()
        self._types = pc.fill_null(self.chats.types_i, "").to_pylist()
        self._ends = np.cumsum(self.chats.num_items_m).tolist()

    def bare(self) -> list[str]:
        """Of each message its text without media."""
        texts = list(self._texts)
        for at in np.flatnonzero(self._media_i).tolist():
            texts[at] = ""
        heads = {role: f"{role.capitalize()}: " for role in set(self._roles)}
        counts = self.chats.num_items_m.tolist()
        return [
            heads[role] + (texts[end - 1] if number == 1 else "".join(texts[end - number : end]))
            for role, end, number in zip(self._roles, self._ends, counts, strict=True)
        ]

    def forms(self) -> Iterator[FormText]:
        """What turns of samples with media hold in place of their bare texts."""
        with_media = np.zeros(self.chats.num_messages, bool)
        with_media[self.chats.message_i[self._media_i]] = True
        for message in np.flatnonzero(with_media).tolist():
            yield from self._own(message)
        ends = np.cumsum(self.chats.num_messages_s)
        for sample in np.unique(self.chats.sample_m[with_media]).tolist():
            end = int(ends[sample])
            yield from self._led(range(end - int(self.chats.num_messages_s[sample]), end))

    def _own(self, message: int) -> Iterator[FormText]:
        items = self._items(message)
        if self._roles[message] == "assistant":
            yield from self._form("answer", message, items, PLAIN)
            return
        for name, style in STYLES.items():
            yield from self._form(f"own:{name}", message, items, style)

    def _led(self, messages: range) -> Iterator[FormText]:
        """All media of the sample before the first user message of each turn."""
        items = [item for message in messages for item in self._items(message)]
        media = [item for item in items if item[0] != "text"]
        users = [message for message in messages if self._roles[message] == "user"]
        first = {int(self.turn_m[message]): message for message in reversed(users)}
        for message in first.values():
            texts = [item for item in self._items(message) if item[0] == "text"]
            for name, style in STYLES.items():
                yield from self._form(f"led:{name}", message, [*media, *texts], style)

    def _form(
        self, column: str, message: int, items: Sequence[_Item], style: Style
    ) -> Iterator[FormText]:
        role, turn = self._roles[message], int(self.turn_m[message])
        document = self._document_s[self.chats.sample_m[message]]
        texts = segments(role, items, style, worded=role == "user" and not document)
        yield FormText(column, turn, texts[0], message)
        for text in texts[1:]:
            if text:
                yield FormText(column, turn, text, None)

    def _items(self, message: int) -> list[_Item]:
        end = self._ends[message]
        start = end - int(self.chats.num_items_m[message])
        return list(zip(self._types[start:end], self._texts[start:end], strict=True))


def segments(role: str, items: Sequence[_Item], style: Style, *, worded: bool) -> list[str]:
    """The texts of a message between its images, one more than there are images.

    Every clip is its stand-in: one frame at 0:00, of a clip of no length. `worded` messages have
    the style's words around their media (mixtures/styles.py); others have frame labels alone.
    """
    words = style if worded else Style(name="", frame_label_form=style.frame_label_form)
    media = [at for at, (kind, _) in enumerate(items) if kind != "text"]
    parts, before = [""], ""
    for at, (kind, text) in enumerate(items):
        if kind == "text":
            parts[-1] += text
            continue
        if kind == "video":
            parts[-1] += words.clip_intro(1, 0) + words.frame_label(0)
        elif before != "image":
            parts[-1] += words.image_intro
        after = words.clip_outro if kind == "video" else ""
        parts.append(after + (words.outro if at == media[-1] else ""))
        before = kind
    image_first = bool(items) and items[0][0] == "image" and not words.image_intro
    parts[0] = f"{role.capitalize()}{':' if image_first else ': '}{parts[0]}"
    return parts
