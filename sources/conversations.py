"""LLaVA-shaped conversations to messages: roles, media markers, and chats built from pairs.

What most upstreams share is here; what one upstream alone does is in its module. Nothing is judged:
a wrong number of markers, an empty message, a marker in an answer are passed on for the filters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from manifests.ids import key_digest
from manifests.schema import ContentType, Role
from sources.base import Draft, Message, Rejected

MediaKind = Literal["image", "video"]

_ROLES: dict[str, Role] = {
    "human": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "user": "user",
    "system": "system",
}
# The two dialects of a turn: LLaVA's and the chat templates'.
_DIALECTS = (("from", "value"), ("role", "content"))
_MARKERS = ("<image>", "<video>")
_MARKER_CHARS = 7  # of each
_MARKER = re.compile("|".join(_MARKERS))
_NEWLINES = "\r\n"


class RowError(Exception):
    """A row that no conversation can be made of: `reason` as in `Rejected`, `detail` for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def draft_or_rejected(
    row: int, subset: str, make: Callable[..., Draft], *args: Any
) -> Draft | Rejected:
    """What `make(*args)` makes of a row, or the rejection that its RowError says."""
    try:
        return make(*args)
    except RowError as error:
        return Rejected(row, subset, error.reason, error.detail)


def parse_conversation(
    turns: object, media_kind: MediaKind | None, num_media: int
) -> list[Message]:
    """Messages of `[{from, value}, ...]` or `[{role, content}, ...]`.

    `<image>` and `<video>` in user messages become items of `media_kind`, whatever the marker says;
    where no user message has one, `num_media` items stand first in the first user message. Newlines
    beside a marker go, and text of white space alone between two. In a text source, `media_kind`
    None, nothing is a marker: people ask about the `<video>` of HTML there. Raises RowError:
    `row_malformed`, `no_turns`, `unknown_role`.
    """
    if not isinstance(turns, list):
        raise RowError("row_malformed", f"the conversation is {_kind(turns)}, not a list")
    if not turns:
        raise RowError("no_turns", "the conversation is empty")
    messages = []
    placed = media_kind is None
    for number, turn in enumerate(turns):
        role, text = _turn(number, turn)
        if media_kind and role == "user" and ("<image>" in text or "<video>" in text):
            messages.append(Message(role, _split_at_markers(text, media_kind)))
            placed = True
        else:
            messages.append(Message(role, [("text", text)]))
    if media_kind and not placed:
        _put_first(messages, media_kind, num_media)
    return messages


def build_chat(
    pairs: Iterable[tuple[str, str]], media_kind: MediaKind = "image", num_media: int = 0
) -> list[Message]:
    """Messages of (user, assistant) text pairs; media stand first in the first user message.

    Markers are left as they are: these texts come from upstreams that use none.
    """
    messages = []
    for user, assistant in pairs:
        messages.append(Message("user", [("text", clean_text(user))]))
        messages.append(Message("assistant", [("text", clean_text(assistant))]))
    _put_first(messages, media_kind, num_media)
    return messages


def question_answers(texts: object) -> tuple[list[tuple[str, str]], list[Any]]:
    """Pairs of `[{user, assistant, source?}, ...]`, and the turns' sources if any has one.

    The shape that Hugging Face's own vision sets share. RowError: `row_malformed`, `no_turns`.
    """
    if not isinstance(texts, list):
        raise RowError("row_malformed", "texts is not a list")
    if not texts:
        raise RowError("no_turns", "texts is empty")
    pairs = []
    for number, turn in enumerate(texts):
        for side in ("user", "assistant"):
            if not isinstance(turn, dict) or not isinstance(turn.get(side), str):
                raise RowError("row_malformed", f"texts[{number}].{side} is not a string")
        pairs.append((turn["user"], turn["assistant"]))
    sources = [turn.get("source") for turn in texts]
    return pairs, sources if any(source is not None for source in sources) else []


def choose_prompt(prompts: Sequence[str], answer: str) -> str:
    """A question of ours for an upstream that has none: the same one for the same answer."""
    return prompts[int(key_digest("prompt", answer), 16) % len(prompts)]


def clean_text(text: str) -> str:
    """Text without white space at its ends; RowError for lone surrogates: no file can hold them."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            why = f"a text is not valid Unicode: {error.reason}"
            raise RowError("row_malformed", why) from error
    return text.strip()


def json_columns(columns: Mapping[str, Any]) -> dict[str, Any] | None:
    """Columns without a place in the schema as a draft's `extra`: JSON values, nulls left out.

    What JSON cannot say is said otherwise: NaN as null, bytes as their number, times as text.
    """
    found = {name: _json_value(value) for name, value in columns.items()}
    return {name: value for name, value in found.items() if value is not None} or None


def _json_value(value: object) -> Any:
    if isinstance(value, dict):
        return {str(key): _json_value(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_json_value(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value if value is None or isinstance(value, str | int) else str(value)


def _kind(value: object) -> str:
    return "missing" if value is None else f"of type {type(value).__name__}"


def _turn(number: int, turn: Any) -> tuple[Role, str]:
    try:
        role, text = _ROLES[turn["from"]], turn["value"]
    except (KeyError, TypeError):
        role, text = _other_turn(number, turn)
    if not isinstance(text, str):
        raise RowError("row_malformed", f"the text of turn {number} is {_kind(text)}")
    return role, clean_text(text)


def _other_turn(number: int, turn: object) -> tuple[Role, object]:
    """A turn of the other dialect, or what is wrong with it."""
    if not isinstance(turn, dict):
        raise RowError("row_malformed", f"turn {number} is {_kind(turn)}, not an object")
    role_key, text_key = _DIALECTS["from" not in turn and "role" in turn]
    speaker = turn.get(role_key)
    if not isinstance(speaker, str):
        raise RowError("row_malformed", f"turn {number}: {role_key} is {_kind(speaker)}")
    if speaker not in _ROLES:
        raise RowError("unknown_role", f"turn {number} is spoken by {speaker[:40]!r}")
    return _ROLES[speaker], turn.get(text_key)


def _split_at_markers(text: str, media_kind: MediaKind) -> list[tuple[ContentType, str]]:
    content: list[tuple[ContentType, str]] = []
    while text.startswith(_MARKERS):
        content.append((media_kind, ""))
        text = text[_MARKER_CHARS:].lstrip(_NEWLINES)
    for number, piece in enumerate(pieces := _MARKER.split(text)):
        if number > 0:
            content.append((media_kind, ""))
            piece = piece.lstrip(_NEWLINES)
        if number < len(pieces) - 1:
            piece = piece.rstrip(_NEWLINES)
        if piece and not piece.isspace():
            content.append(("text", piece))
    _strip_ends(content)
    return content


def _strip_ends(content: list[tuple[ContentType, str]]) -> None:
    """Strip a message's text where it begins and ends, also where that is beside a marker."""
    for places, strip in (
        (range(len(content)), str.lstrip),
        (range(-1, ~len(content), -1), str.rstrip),
    ):
        for index in places:
            if content[index][0] == "text":
                content[index] = ("text", strip(content[index][1]))
                break


def _put_first(messages: list[Message], media_kind: MediaKind, num_media: int) -> None:
    """Put `num_media` media items before the text of the first user message, where there is one."""
    for message in messages:
        if message.role == "user" and num_media:
            media: list[tuple[ContentType, str]] = [(media_kind, "")] * num_media
            text = [item for item in message.content if item != ("text", "")]
            message.content = media + text
            return
