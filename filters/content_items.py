"""Content that every trainer can read: items of exactly {type, text}, and at least one a message.

Arrow fixes the two fields; what can still be wrong is counted here. A type is text, image or
video; a media item has the empty text, for the media itself stands in `images`; nothing is null:
the conversation, a message, a role, a content list, an item, a type, a text.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from filters.base import Filter, Params, first_reason
from filters.conversation import equals, flatten, score_batch, truth

SCORES = pa.schema(
    [
        ("num_nulls", pa.int32()),
        ("num_contents_empty", pa.int32()),
        ("num_types_unknown", pa.int32()),
        ("num_media_with_text", pa.int32()),
    ]
)


class ContentItems(Filter):
    name: ClassVar[str] = "content_items"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    columns: ClassVar[tuple[str, ...]] = ("messages",)
    reasons: ClassVar[tuple[str, ...]] = ("content_malformed",)
    params_type: ClassVar[type[Params]] = Params

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        is_media = equals(chats.types_i, "image") | equals(chats.types_i, "video")
        known = is_media | equals(chats.types_i, "text")
        has_text = truth(pc.greater(pc.binary_length(chats.texts_i), 0))
        # A null content list is counted again here: it holds nothing either.
        return score_batch(
            SCORES,
            num_nulls=chats.num_nulls_s,
            num_contents_empty=chats.messages_per_sample(chats.num_items_m == 0),
            num_types_unknown=chats.items_per_sample(~known),
            num_media_with_text=chats.items_per_sample(is_media & has_text),
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        sound = pl.all_horizontal([pl.col(name) == 0 for name in SCORES.names])
        return first_reason(scores, {"content_malformed": sound})


FILTER = ContentItems()
