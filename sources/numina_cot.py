"""NuminaMath-CoT (AI-MO/NuminaMath-CoT): competition and school problems with worked solutions.

`messages` is the conversation; `problem` and `solution` say the same, and are read where it is
empty.
`data/test-*.parquet` is held out: the card's patterns name train files only.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.base import Message
from sources.chats import TurnSource, take_text
from sources.conversations import RowError, build_chat, parse_conversation

_PAIR = ("problem", "solution")


class NuminaCot(TurnSource):
    name: ClassVar[str] = "numina_cot"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (*TurnSource.required, _PAIR)

    def messages(self, values: dict[str, Any]) -> list[Message]:
        turns = values.pop(self.turns, None)
        if turns:
            for column in _PAIR:
                values.pop(column, None)
            return parse_conversation(turns, None, 0)
        if all(values.get(column) is None for column in _PAIR):
            raise RowError("no_turns", "no messages, and no problem with a solution")
        problem, solution = (take_text(values, column) for column in _PAIR)
        return build_chat([(problem, solution)])


SOURCE = NuminaCot()
