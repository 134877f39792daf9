"""Dolly 15k (databricks/databricks-dolly-15k): instructions that employees wrote, JSON Lines.

Where there is a `context`, it stands before the instruction on lines of its own; most rows have
the empty string there. Marks of Wikipedia such as [42] are left in it, as upstream has them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.chats import PairSource, take_text


class Dolly(PairSource):
    name: ClassVar[str] = "dolly"
    version: ClassVar[int] = 1
    question: ClassVar[str] = "instruction"
    answer: ClassVar[str] = "response"

    def pair(self, values: dict[str, Any]) -> tuple[str, str]:
        instruction, response = super().pair(values)
        if not values.get("context"):
            values.pop("context", None)
            return instruction, response
        return f"{take_text(values, 'context').strip()}\n{instruction}", response


SOURCE = Dolly()
