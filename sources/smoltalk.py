"""SmolTalk (HuggingFaceTB/smoltalk): 14 configs, `all` being the union of the other 13.

A folder is a config: `data/<config>/train-NNNNN-of-NNNNN.parquet`. Beside each lies a test split of
about 5 %, which is held out: the card's patterns name train files only. Turns are {content, role},
in this order, with system prompts in some configs; `source` exists in `all` alone.
"""

from __future__ import annotations

from typing import ClassVar

from sources.chats import TurnSource


class SmolTalk(TurnSource):
    name: ClassVar[str] = "smoltalk"
    version: ClassVar[int] = 1


SOURCE = SmolTalk()
