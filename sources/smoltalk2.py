"""SmolTalk2 (HuggingFaceTB/smoltalk2): the post-training data of SmolLM3, its sets being splits.

    Mid/<split>-*.parquet           messages, source
    SFT/<split>-*.parquet           messages, chat_template_kwargs, source
    Preference/<split>-*.parquet    chosen, rejected, prompt, chat_template_kwargs, source

Upstream took system prompts out of the turns into `chat_template_kwargs.custom_instructions`; they
are put back. Descriptions of tools (`python_tools`, `xml_tools`) stay in `extra`, for no template
here has a place for them. Of a preference the chosen conversation is read, and the rejected one
kept in `extra`; `prompt` repeats its first turn.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.base import Message
from sources.chats import TurnSource, take_system
from sources.conversations import parse_conversation

_SETTINGS = "chat_template_kwargs"


class SmolTalk2(TurnSource):
    name: ClassVar[str] = "smoltalk2"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        *TurnSource.required,
        ("chosen[].role", "chosen[].content"),
    )
    left_out: ClassVar[frozenset[str]] = frozenset(("prompt",))

    def messages(self, values: dict[str, Any]) -> list[Message]:
        turns = "chosen" if "chosen" in values else self.turns
        messages = parse_conversation(values.pop(turns, None), None, 0)
        settings = values.get(_SETTINGS)
        if isinstance(settings, dict):
            take_system(messages, settings, "custom_instructions")
        return messages


SOURCE = SmolTalk2()
