"""The seven filters once more, slow and row by row, to hold the vectorised ones against."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from filters.base import Params
from filters.empty_turns import EmptyTurnsParams
from filters.image_bounds import ImageBoundsParams
from filters.turn_length import TurnLengthParams
from tests.filters.rows import Row

_TOKEN = re.compile(
    r"<(image|video|fake_token_around_image|global-img|end_of_utterance|row_[1-6]_col_[1-6])>"
    r"|<\|(im_start|im_end|endoftext)\|>"
)


def _messages(row: Row) -> list[tuple[Any, list[tuple[Any, Any]]]]:
    """(role, [(type, text)]) with None for whatever is null."""
    found = []
    for message in row["messages"] or []:
        message = message or {"role": None, "content": None}
        items = [item or {"type": None, "text": None} for item in message["content"] or []]
        found.append((message["role"], [(item["type"], item["text"]) for item in items]))
    return found


def _any_null(row: Row) -> bool:
    if row["messages"] is None:
        return True
    for message in row["messages"]:
        if message is None or message["role"] is None or message["content"] is None:
            return True
        if any(i is None or i["type"] is None or i["text"] is None for i in message["content"]):
            return True
    return False


def _words(items: list[tuple[Any, Any]]) -> list[str]:
    return [text for kind, text in items if kind == "text" and text is not None and text.strip()]


def _has_media(items: list[tuple[Any, Any]]) -> bool:
    return any(kind in ("image", "video") for kind, _ in items)


def roles(row: Row, params: Params) -> str | None:
    said = [role for role, _ in _messages(row)]
    if "assistant" not in said:
        return "no_answer"
    if row.get("kind") == "document":
        return None if said == ["assistant"] else "roles_not_alternating"
    turns = said[1:] if said[0] == "system" else said
    right = turns == ["user", "assistant"] * (len(turns) // 2)
    return None if right else "roles_not_alternating"


def empty_turns(row: Row, params: Params) -> str | None:
    assert isinstance(params, EmptyTurnsParams)
    for role, items in _messages(row):
        if not _words(items):
            excused = role != "assistant" and _has_media(items) and params.allow_media_only
            if not excused:
                return "empty_turn"
    return None if _messages(row) else "empty_turn"


def content_items(row: Row, params: Params) -> str | None:
    for _, items in _messages(row):
        if not items:
            return "content_malformed"
        for kind, text in items:
            if kind not in ("text", "image", "video") or (kind != "text" and text):
                return "content_malformed"
    return "content_malformed" if _any_null(row) else None


def placeholders(row: Row, params: Params) -> str | None:
    if _any_null(row) or row["media"] is None or None in row["media"]:
        return "placeholder_mismatch"
    for ref in row["media"]:
        if ref["kind"] not in ("image", "video") or ref["key"] is None:
            return "placeholder_mismatch"
    for kind in ("image", "video"):
        items = [i for _, content in _messages(row) for i in content if i[0] == kind]
        if len(items) != sum(ref["kind"] == kind for ref in row["media"]):
            return "placeholder_mismatch"
    strays = [role for role, items in _messages(row) if role != "user" and _has_media(items)]
    return "placeholder_mismatch" if strays else None


def control_tokens(row: Row, params: Params) -> str | None:
    texts = [text or "" for _, items in _messages(row) for _, text in items]
    return "control_token" if _any_null(row) or any(map(_TOKEN.search, texts)) else None


def turn_length(row: Row, params: Params) -> str | None:
    assert isinstance(params, TurnLengthParams)
    if _any_null(row):
        return "turn_too_short"
    lengths = []
    for role, items in _messages(row):
        chars = sum(map(len, _words(items)))
        if chars or role != "user" or not _has_media(items):
            lengths.append(chars)
    if not lengths or min(lengths) < params.min_chars:
        return "turn_too_short"
    return "turn_too_long" if max(lengths) > params.max_chars else None


def image_bounds(row: Row, params: Params) -> str | None:
    assert isinstance(params, ImageBoundsParams)
    sides = sorted([row["width"] or 0, row["height"] or 0])
    if sides[0] <= 0:
        return "image_size_unknown"
    if sides[0] < params.min_side_px:
        return "image_side_too_small"
    if sides[1] > params.max_side_px:
        return "image_side_too_large"
    return "aspect_ratio_too_high" if sides[1] / sides[0] > params.max_aspect_ratio else None


ORACLES: dict[str, Callable[[Row, Params], str | None]] = {
    "roles": roles,
    "empty_turns": empty_turns,
    "content_items": content_items,
    "placeholders": placeholders,
    "control_tokens": control_tokens,
    "turn_length": turn_length,
    "image_bounds": image_bounds,
}
