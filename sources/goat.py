"""Goat (tiedong/goat): arithmetic in random wordings, one JSON array, `dataset.json`.

`input` is the sum in symbols and `answer` the bare number; both are kept in `extra`.
"""

from __future__ import annotations

from typing import ClassVar

from sources.chats import PairSource


class Goat(PairSource):
    name: ClassVar[str] = "goat"
    version: ClassVar[int] = 1
    question: ClassVar[str] = "instruction"
    answer: ClassVar[str] = "output"


SOURCE = Goat()
