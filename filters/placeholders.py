"""As many placeholders as media: image items for image references, video items for videos.

Media belong to user messages: the template renders a placeholder anywhere, but an answer or a
system prompt made of pixels is no upstream's intent, it is a marker that slipped. A reference of
another kind, without a key, or a null where a placeholder could have been is a mismatch: what
cannot be counted cannot match.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from filters.base import Filter, Params, first_reason
from filters.conversation import (
    Conversations,
    Ints,
    children,
    count_per,
    equals,
    flatten,
    parents,
    score_batch,
    truth,
)

SCORES = pa.schema(
    [
        ("num_image_items", pa.int32()),
        ("num_image_refs", pa.int32()),
        ("num_video_items", pa.int32()),
        ("num_video_refs", pa.int32()),
        ("num_media_outside_user", pa.int32()),
        ("num_unreadable", pa.int32()),  # nulls, and references of an unknown kind
    ]
)


def _refs(media: pa.ListArray, chats: Conversations) -> tuple[Ints, Ints, Ints]:
    """(images, videos, unusable references) of each sample; a null list is one unusable."""
    refs, num_refs = children(media)
    sample = parents(num_refs)
    kinds = pc.struct_field(refs, "kind")
    keyed = truth(pc.struct_field(refs, "key").is_valid())
    images = keyed & equals(kinds, "image")
    videos = keyed & equals(kinds, "video")
    unusable = count_per(sample, ~(images | videos), chats.num_samples)
    return (
        count_per(sample, images, chats.num_samples),
        count_per(sample, videos, chats.num_samples),
        unusable + truth(media.is_null()).astype(np.int64),
    )


class Placeholders(Filter):
    name: ClassVar[str] = "placeholders"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "sample"
    columns: ClassVar[tuple[str, ...]] = ("messages", "media")
    reasons: ClassVar[tuple[str, ...]] = ("placeholder_mismatch",)
    params_type: ClassVar[type[Params]] = Params

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        chats = flatten(batch)
        images, videos = equals(chats.types_i, "image"), equals(chats.types_i, "video")
        in_user = equals(chats.roles_m, "user")[chats.message_i]
        image_refs, video_refs, unusable = _refs(batch.column("media"), chats)
        return score_batch(
            SCORES,
            num_image_items=chats.items_per_sample(images),
            num_image_refs=image_refs,
            num_video_items=chats.items_per_sample(videos),
            num_video_refs=video_refs,
            num_media_outside_user=chats.items_per_sample((images | videos) & ~in_user),
            num_unreadable=unusable + chats.num_nulls_s,
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        fits = (
            (pl.col("num_image_items") == pl.col("num_image_refs"))
            & (pl.col("num_video_items") == pl.col("num_video_refs"))
            & (pl.col("num_media_outside_user") == 0)
            & (pl.col("num_unreadable") == 0)
        )
        return first_reason(scores, {"placeholder_mismatch": fits})


FILTER = Placeholders()
