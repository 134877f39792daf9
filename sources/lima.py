"""LIMA (GAIR/lima): a thousand chosen conversations whose turns are bare strings in turn.

Upstream's loading script is not run: its `train.jsonl` is read. A conversation of an odd number of
turns ends on a question, which the filters drop. `test.jsonl` has questions alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.base import Message
from sources.chats import TurnSource
from sources.conversations import parse_conversation


class Lima(TurnSource):
    name: ClassVar[str] = "lima"
    version: ClassVar[int] = 1
    turns: ClassVar[str] = "conversations"
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("conversations[]",),)

    def messages(self, values: dict[str, Any]) -> list[Message]:
        texts = values.pop(self.turns, None)
        if isinstance(texts, list):
            roles = ("user", "assistant")
            texts = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
        return parse_conversation(texts, None, 0)


SOURCE = Lima()
