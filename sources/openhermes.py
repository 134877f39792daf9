"""OpenHermes 2.5 (teknium/OpenHermes-2.5): one JSON array of a million rows, `openhermes2_5.json`.

Rows have `conversations` and whatever else their origin had: the keys vary from row to row. A
system prompt stands in the first turn or beside the turns. Some turns carry a `weight`; where any
does, `turn_weights` in `extra` has one value a turn.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.base import Message
from sources.chats import TurnSource, take_system
from sources.conversations import parse_conversation


class OpenHermes(TurnSource):
    name: ClassVar[str] = "openhermes"
    version: ClassVar[int] = 1
    turns: ClassVar[str] = "conversations"
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("conversations[].from", "conversations[].value"),
    )

    def messages(self, values: dict[str, Any]) -> list[Message]:
        turns = values.pop(self.turns, None)
        messages = parse_conversation(turns, None, 0)
        weights = [turn.get("weight") for turn in turns]
        if any(weight is not None for weight in weights):
            values["turn_weights"] = weights
        take_system(messages, values, "system_prompt")
        return messages


SOURCE = OpenHermes()
