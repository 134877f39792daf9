"""Smol-SmolTalk (HuggingFaceTB/smol-smoltalk): SmolTalk cut down for the two smallest models.

Shorter conversations, no function calling, no advanced mathematics. `data/test-*.parquet` is held
out: the card's patterns name train files only.
"""

from __future__ import annotations

from typing import ClassVar

from sources.chats import TurnSource


class SmolSmolTalk(TurnSource):
    name: ClassVar[str] = "smol_smoltalk"
    version: ClassVar[int] = 1


SOURCE = SmolSmolTalk()
