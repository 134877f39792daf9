"""MetaMathQA (meta-math/MetaMathQA): GSM8K and MATH training questions, each rewritten many times.

One JSON array, `MetaMathQA-395K.json`. Rows that share `original_question`, which `extra` keeps
together with `type`, are near duplicates by design. All are from the training sets of both.
"""

from __future__ import annotations

from typing import ClassVar

from sources.chats import PairSource


class MetaMathQA(PairSource):
    name: ClassVar[str] = "metamathqa"
    version: ClassVar[int] = 1
    question: ClassVar[str] = "query"
    answer: ClassVar[str] = "response"


SOURCE = MetaMathQA()
