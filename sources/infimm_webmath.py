"""InfiMM-WebMath-40B: web pages as texts and images in turn, of which the texts are taken.

`text_list` and `image_list` run in parallel: where one holds a text or an address, the other holds
null. The texts of a page become one document, an empty line between two; no image is fetched. Some
copies call the list `text`, and a text that is no list is taken as it is.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.conversations import RowError
from sources.documents import DocumentSource


class InfimmWebMath(DocumentSource):
    name: ClassVar[str] = "infimm_webmath"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("text_list[]",), ("text[]",), ("text",))
    json_texts: ClassVar[frozenset[str]] = frozenset(("metadata",))

    def take_text(self, values: dict[str, Any]) -> object:
        text = values.pop("text_list", None)
        other = values.pop("text", None)
        text = other if text is None else text
        if not isinstance(text, list):
            return text
        if not all(piece is None or isinstance(piece, str) for piece in text):
            raise RowError("row_malformed", "a piece of the text is neither a text nor null")
        return "\n\n".join(piece for piece in text if piece and piece.strip())


SOURCE = InfimmWebMath()
