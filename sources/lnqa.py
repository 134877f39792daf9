"""LNQA (vikhyatk/lnqa): questions about the images of Localized Narratives.

`data/train-NNNNN-of-NNNNN.parquet` hold `image` and `qa`, a list of {question, answer}, about five
an image; all of them are one conversation, the image before the first question. Localized
Narratives takes its images from COCO, Flickr30k, ADE20K and Open Images.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.base import Draft, RowShard
from sources.conversations import RowError, build_chat, json_columns
from sources.tables import ImageTableSource


class Lnqa(ImageTableSource):
    name: ClassVar[str] = "lnqa"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("image.bytes", "qa[].question", "qa[].answer"),
    )
    image_columns: ClassVar[tuple[str, ...]] = ("image",)

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        refs = self.image_refs(shard, row, values)
        if not refs:
            raise RowError("row_malformed", "the row has no image")
        messages = build_chat(_pairs(values["qa"]), "image", len(refs))
        extra = {name: value for name, value in values.items() if name not in ("image", "qa")}
        return Draft(row, shard.subset, messages, refs, extra=json_columns(extra))


SOURCE = Lnqa()


def _pairs(turns: object) -> list[tuple[str, str]]:
    if not isinstance(turns, list):
        raise RowError("row_malformed", "qa is not a list")
    if not turns:
        raise RowError("no_turns", "qa is empty")
    pairs = []
    for number, turn in enumerate(turns):
        for side in ("question", "answer"):
            if not isinstance(turn, dict) or not isinstance(turn.get(side), str):
                raise RowError("row_malformed", f"qa[{number}].{side} is not a string")
        pairs.append((turn["question"], turn["answer"]))
    return pairs
