"""Orca-Math (microsoft/orca-math-word-problems-200k): grade-school problems with long solutions."""

from __future__ import annotations

from typing import ClassVar

from sources.chats import PairSource


class OrcaMath(PairSource):
    name: ClassVar[str] = "orca_math"
    version: ClassVar[int] = 1
    question: ClassVar[str] = "question"
    answer: ClassVar[str] = "answer"


SOURCE = OrcaMath()
