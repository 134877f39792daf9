"""LLaVA-OneVision-Data (lmms-lab): single images with LLaVA conversations, one folder a config.

`<config>/train-NNNNN-of-NNNNN.parquet` hold `id`, `image`, `conversations` and `data_source`. The
marker for the image is `<image>`, in the first human turn. Sets of text alone have a null image or
no such column; there a marker is text, for people ask about HTML. Folders that the card does not
name are not read. Everything but image and conversations goes to `extra`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sources.base import Draft, RowShard
from sources.conversations import MediaKind, json_columns, parse_conversation
from sources.tables import ImageTableSource


class LlavaOneVision(ImageTableSource):
    name: ClassVar[str] = "llava_onevision"
    version: ClassVar[int] = 1
    required: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("conversations[].from", "conversations[].value"),
    )
    image_columns: ClassVar[tuple[str, ...]] = ("image",)

    def draft(self, shard: RowShard, row: int, values: dict[str, Any]) -> Draft:
        refs = self.image_refs(shard, row, values)
        is_text = not refs and self.card.subset(shard.subset).modality == "text"
        kind: MediaKind | None = None if is_text else "image"
        messages = parse_conversation(values.get("conversations"), kind, len(refs))
        extra = {name: value for name, value in values.items() if name not in _OWN}
        return Draft(row, shard.subset, messages, refs, extra=json_columns(extra))


SOURCE = LlavaOneVision()

_OWN = ("image", "conversations")
