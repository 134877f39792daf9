"""WebSight (HuggingFaceM4/WebSight): screenshots of made-up web pages, and the HTML they show.

v0.1 lies in `data` (columns image, text: HTML with its own CSS), v0.2 in `v0.2` (also
llm_generated_idea; HTML with Tailwind classes and photos). The HTML is the answer, as it stands.
Upstream gives no question: one of PROMPTS is asked, chosen by the HTML.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.base import Draft, RowShard
from sources.conversations import RowError, build_chat, choose_prompt, json_columns
from sources.tables import ImageTableSource

PROMPTS = (
    "Write the HTML of the web page in this screenshot.",
    "Which HTML gives a page that looks like this?",
    "Rebuild this web page as HTML.",
    "This is a screenshot of a web page. Give its source code.",
    "Turn this screenshot into a single HTML file.",
    "Code the page that you see here in HTML, styles included.",
)


class WebSight(ImageTableSource):
    name: ClassVar[str] = "websight"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("image.bytes", "text"),)
    image_columns: ClassVar[tuple[str, ...]] = ("image",)

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        code = values["text"]
        if not isinstance(code, str):
            raise RowError("row_malformed", "text is not a string")
        refs = self.image_refs(shard, row, values)
        if not refs:
            raise RowError("row_malformed", "the row has no image")
        messages = build_chat([(choose_prompt(PROMPTS, code), code)], "image", len(refs))
        extra = {name: value for name, value in values.items() if name not in ("image", "text")}
        return Draft(row, shard.subset, messages, refs, extra=json_columns(extra))


SOURCE = WebSight()
