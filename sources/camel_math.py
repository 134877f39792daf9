"""CAMEL's problem sets (camel-ai/math, physics, chemistry, biology): GPT-4 asks and answers.

A repository is a subset: one zip with a JSON file for each row. The column `topic;` really ends on
a semicolon; it is `topic` in `extra`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.base import Message
from sources.chats import ZippedPairSource


class CamelMath(ZippedPairSource):
    name: ClassVar[str] = "camel_math"
    version: ClassVar[int] = 1
    question: ClassVar[str] = "message_1"
    answer: ClassVar[str] = "message_2"

    def messages(self, values: dict[str, Any]) -> list[Message]:
        if "topic;" in values:
            values["topic"] = values.pop("topic;")
        return super().messages(values)


SOURCE = CamelMath()
