"""FineVision (HuggingFaceM4): some 185 sets as `images`, `texts` and ratings, one folder each.

Like The Cauldron, whose texts hold no marker either: the images stand before the first question.
Columns, and the fields of a turn, come in any order. The ratings (`relevance_ratings` and others,
one a turn, any of them null) go to `extra` with everything else, so that they stay aligned with the
turns. Folders that the card does not name are not read.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from sources.base import Draft, RowShard
from sources.conversations import build_chat, json_columns, question_answers
from sources.tables import ImageTableSource

# nanoVLM's data/datasets.py takes its image token out of every text before it puts the images
# first; what is left in the texts are the tokens of those who built the sets.
_STRAY = re.compile(r"[\r\n]*(?:<image>|<\|image\|>)[\r\n]*")


class FineVision(ImageTableSource):
    name: ClassVar[str] = "finevision"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (("texts[].user", "texts[].assistant"),)

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        pairs, turn_sources = question_answers(values.get("texts"))
        refs = self.image_refs(shard, row, values)
        if refs:
            pairs = [(_without_tokens(user), _without_tokens(answer)) for user, answer in pairs]
        extra = {name: value for name, value in values.items() if name not in ("images", "texts")}
        if turn_sources:
            extra["turn_sources"] = turn_sources
        messages = build_chat(pairs, "image", len(refs))
        return Draft(row, shard.subset, messages, refs, extra=json_columns(extra))


SOURCE = FineVision()


def _without_tokens(text: str) -> str:
    """Lines on both sides of a token stay two lines."""
    return _STRAY.sub(lambda found: "\n" if "\n" in found[0] else "", text)
