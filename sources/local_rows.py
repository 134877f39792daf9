"""Rows of a user's own data to conversations: every common dialect, told apart by its fields."""

from __future__ import annotations

from typing import Any

from manifests.schema import ContentType
from sources.base import Draft, MediaRef, Message
from sources.conversations import RowError, clean_text, json_columns, parse_conversation
from sources.documents import document

CHATS = ("messages", "conversations")
IMAGES, VIDEOS = ("images", "image"), ("videos", "video")
TEXT = "text"
_USED = {*CHATS, *IMAGES, *VIDEOS}
_PARTS: dict[object, ContentType] = {"text": "text", "image": "image", "video": "video"}


def make_draft(subset: str, row: int, values: dict[str, Any], refs: list[MediaRef]) -> Draft:
    """The row's conversation; of a row that has only a text, a document, or what media show.

    Raises RowError: `row_malformed`, `no_turns`, `unknown_role`, `text_empty`.
    """
    chat = next((values[name] for name in CHATS if values.get(name) is not None), None)
    text = values.get(TEXT)
    if chat is None and isinstance(text, str):
        return _text_draft(subset, row, values, text, refs)
    if chat is None:
        raise RowError("row_malformed", f"the row has none of {', '.join((*CHATS, TEXT))}")
    extra = {name: value for name, value in values.items() if name not in _USED}
    return Draft(row, subset, _messages(chat, refs), refs, extra=json_columns(extra))


def _text_draft(
    subset: str, row: int, values: dict[str, Any], text: str, refs: list[MediaRef]
) -> Draft:
    extra = {name: value for name, value in values.items() if name not in {TEXT, *_USED}}
    if not refs:
        return document(row, subset, text, extra)
    answer = Message("assistant", [("text", clean_text(text))])
    places: list[tuple[ContentType, str]] = [(ref.kind, "") for ref in refs]
    return Draft(row, subset, [Message("user", places), answer], refs, extra=json_columns(extra))


def _messages(chat: object, refs: list[MediaRef]) -> list[Message]:
    """Messages of any dialect; `refs` are sorted into the order of their places."""
    if isinstance(chat, list) and any(_has_parts(turn) for turn in chat):
        messages = [_message(number, turn) for number, turn in enumerate(chat)]
        _order(refs, messages)
        return messages
    kinds = {ref.kind for ref in refs}
    if len(kinds) > 1:
        raise RowError("row_malformed", "images and videos: only typed parts say which is where")
    return parse_conversation(chat, kinds.pop() if kinds else None, len(refs))


def _has_parts(turn: object) -> bool:
    return isinstance(turn, dict) and isinstance(turn.get("content"), list)


def _message(number: int, turn: Any) -> Message:
    has_parts = _has_parts(turn)
    (plain,) = parse_conversation([{**turn, "content": ""} if has_parts else turn], None, 0)
    if not has_parts:
        return plain
    content: list[tuple[ContentType, str]] = []
    for part in turn["content"]:
        kind = _PARTS.get(part.get("type")) if isinstance(part, dict) else None
        text = part.get("text") if kind == "text" else ""
        if kind is None or not isinstance(text, str):
            raise RowError("row_malformed", f"turn {number}: a part is no text, image or video")
        content.append((kind, clean_text(text)))
    return Message(plain.role, content or [("text", "")])


def _order(refs: list[MediaRef], messages: list[Message]) -> None:
    """Rows list images and videos apart; wrong numbers are left for the filter of placeholders."""
    kinds = [kind for message in messages for kind, _ in message.content if kind != "text"]
    if sorted(kinds) == sorted(ref.kind for ref in refs):
        queues = {kind: iter([r for r in refs if r.kind == kind]) for kind in ("image", "video")}
        refs[:] = [next(queues[kind]) for kind in kinds]
