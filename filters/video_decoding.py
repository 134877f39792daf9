"""Clips of which wanted frames are lost: what is said of them is in part about what is not there.

Curate decodes a clip to its end, leaves out frames that damage may have touched, and refuses one of
which less than half are left (`video_truncated`, `pipelines/frames.py`). Here that bound is a
recipe's to make stricter. Nothing is decoded again.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from filters.base import Filter, Params, first_reason
from filters.conversation import equals, score_batch, truth

SCORES = pa.schema(
    [
        ("is_image", pa.bool_()),  # not asked here
        ("is_measured", pa.bool_()),  # whether curate told the share
        ("decoded_share", pa.float64()),  # of the frames wanted; 0 where it is not told
    ]
)


class VideoDecodingParams(Params):
    """How much may be lost, e.g. `min_decoded_share: 1` for whole clips alone.

    Ours: one frame of five is the end of a sentence, or of an action. Of the damaged clips tried,
    `corrupted.mp4` of torchcodec's tests gives 3 of 5 frames and falls; 27 undamaged ones give all.
    """

    min_decoded_share: float = Field(
        default=0.8, ge=0.0, le=1.0, description="smallest share of wanted frames that decode"
    )


class VideoDecoding(Filter):
    """Drops clips of which too many of the wanted frames are damaged or missing."""

    name: ClassVar[str] = "video_decoding"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "media"
    columns: ClassVar[tuple[str, ...]] = ("kind", "decoded_ratio")
    reasons: ClassVar[tuple[str, ...]] = ("video_decoding_unknown", "video_frames_lost")
    params_type: ClassVar[type[Params]] = VideoDecodingParams
    source: ClassVar[str] = "ours"
    policies: ClassVar[tuple[str, ...]] = ("video",)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        ratio = batch.column("decoded_ratio")
        return score_batch(
            SCORES,
            is_image=equals(batch.column("kind"), "image"),
            is_measured=truth(pc.is_finite(ratio)),
            decoded_share=np.nan_to_num(pc.fill_null(ratio, 0.0).to_numpy(zero_copy_only=False)),
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, VideoDecodingParams)
        other = pl.col("is_image")
        enough = pl.col("decoded_share") >= params.min_decoded_share
        return first_reason(
            scores,
            {
                "video_decoding_unknown": other | pl.col("is_measured"),
                "video_frames_lost": other | enough,
            },
        )


FILTER = VideoDecoding()
