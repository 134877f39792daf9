"""Judged in the order of the recipe, a defect that several filters see has the reason that fits."""

from __future__ import annotations

import polars as pl
import pytest

from filters import get
from tests.filters.rows import Row, batch_of

ORDER = ("content_items", "roles", "empty_turns", "placeholders", "control_tokens", "turn_length")


def _first_reason(row: Row) -> str | None:
    for name in ORDER:
        here = get(name)
        scores = pl.DataFrame(here.measure(batch_of(here, [row])))
        reason: str | None = here.judge(scores, here.params_type())[0]
        if reason is not None:
            return reason
    return None


def _chat(question: list[tuple[str, str]], answer: list[tuple[str, str]]) -> list[Row]:
    return [
        {"role": role, "content": [{"type": kind, "text": text} for kind, text in content]}
        for role, content in (("user", question), ("assistant", answer))
    ]


ONE_IMAGE = [{"kind": "image", "key": "a"}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": None}, "content_malformed"),
        ({"messages": []}, "no_answer"),
        ({"messages": _chat([("text", "Why?")], [("text", "")])}, "empty_turn"),
        ({"messages": _chat([("text", "")], [("text", "So.")])}, "empty_turn"),
        ({"messages": _chat([("text", "Why?")], [("text", "<image>")])}, "control_token"),
        (
            {"messages": _chat([("text", "Why?")], [("text", "<image>")]), "media": ONE_IMAGE},
            "placeholder_mismatch",
        ),
        ({"messages": _chat([("text", "Why?")], [("text", "x" * 32_769)])}, "turn_too_long"),
        ({"messages": _chat([("text", "Why?")], [("text", "x" * 32_768)])}, None),
        ({"messages": _chat([("image", "")], [("text", "So.")]), "media": ONE_IMAGE}, None),
    ],
)
def test_first_reason_wins(row: Row, reason: str | None) -> None:
    assert _first_reason(row) == reason
