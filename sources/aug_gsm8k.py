"""AugGSM8K (MuggleMATH): questions grown from GSM8K's training questions, with answers, as text.

SmolLM2 read it as text in its last stage. A row's question and answer become one document, an
empty line between them; how upstream's authors joined them for SmolLM2 is not documented.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.conversations import RowError
from sources.documents import DocumentSource


class AugGsm8k(DocumentSource):
    name: ClassVar[str] = "aug_gsm8k"
    version: ClassVar[int] = 1

    def take_text(self, values: dict[str, Any]) -> object:
        pair = values.pop("query", None), values.pop("response", None)
        for name, text in zip(("query", "response"), pair, strict=True):
            if not isinstance(text, str):
                raise RowError("row_malformed", f"{name} is not a string")
            if not text.strip():
                raise RowError("text_empty", f"{name} is empty")
        return "\n\n".join(text.strip() for text in pair)


SOURCE = AugGsm8k()
