"""Clips that are too short to move, too long for their frames, or of no frame rate or size.

Facts alone are asked, no pixels. Length and rate are those of the frames that are in the file
(`pipelines/packets.py`), not what its header claims; the size is the clip's own, as shown. A file
with sound alone gives no frames and never comes here: curate stops it with `video_audio_only`.
Edges as of images (icons, strips) are asked by image_bounds.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from filters.base import Filter, Params, first_reason
from filters.conversation import equals, score_batch

SCORES = pa.schema(
    [
        ("is_image", pa.bool_()),  # not asked here
        ("duration_seconds", pa.float64()),  # 0: unknown
        ("frames_per_second", pa.float64()),  # on average; 0: unknown
        ("shortest_side_px", pa.int32()),  # 0: unknown
        ("longest_side_px", pa.int32()),
    ]
)


class VideoBoundsParams(Params):
    """Bounds, all allowed, e.g. `max_seconds: 180` for clips whose frames lie 3 s apart at most.

    The numbers are ours; no mixture documents any. Under one second a clip gives one frame, which
    is an image. Frames are 64 at most (SmolVLM2): of an hour they are 56 s apart. A frame every two
    seconds is a slow set of slides, and 240 a second is what phones film in slow motion: more is a
    file whose times are wrong. 64 px is half of the smallest side among 23 real clips of a second
    or more, and 8,192 px above the 7,680 of 8K.
    """

    min_seconds: float = Field(default=1.0, ge=0.0, description="shortest clip allowed")
    max_seconds: float = Field(default=3600.0, ge=0.0, description="longest clip allowed")
    min_fps: float = Field(default=0.5, ge=0.0, description="fewest frames a second allowed")
    max_fps: float = Field(default=240.0, ge=0.0, description="most frames a second allowed")
    min_side_px: int = Field(default=64, ge=1, description="shortest side allowed")
    max_side_px: int = Field(default=8192, ge=1, description="longest side allowed")


def _known(column: pa.Array) -> np.ndarray:
    """Values as float64; null, and what is no amount, are 0."""
    values = pc.fill_null(pc.cast(column, pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(values), np.maximum(values, 0.0), 0.0)


class VideoBounds(Filter):
    """Drops clips by length, frame rate or size: of a second or less there is no film to learn."""

    name: ClassVar[str] = "video_bounds"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "media"
    columns: ClassVar[tuple[str, ...]] = ("kind", "duration_ms", "fps", "width", "height")
    reasons: ClassVar[tuple[str, ...]] = (
        "video_facts_unknown",
        "video_too_short",
        "video_too_long",
        "frame_rate_too_low",
        "frame_rate_too_high",
        "video_side_too_small",
        "video_side_too_large",
    )
    params_type: ClassVar[type[Params]] = VideoBoundsParams
    source: ClassVar[str] = "ours"
    policies: ClassVar[tuple[str, ...]] = ("video",)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        width, height = _known(batch.column("width")), _known(batch.column("height"))
        shortest = np.minimum(width, height)
        return score_batch(
            SCORES,
            is_image=equals(batch.column("kind"), "image"),
            duration_seconds=_known(batch.column("duration_ms")) / 1000,
            frames_per_second=_known(batch.column("fps")),
            shortest_side_px=shortest.astype(np.int64),
            longest_side_px=np.where(shortest > 0, np.maximum(width, height), 0).astype(np.int64),
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, VideoBoundsParams)
        seconds, fps = pl.col("duration_seconds"), pl.col("frames_per_second")
        shortest, longest = pl.col("shortest_side_px"), pl.col("longest_side_px")
        keep = {
            "video_facts_unknown": (seconds > 0) & (fps > 0) & (shortest > 0),
            "video_too_short": seconds >= params.min_seconds,
            "video_too_long": seconds <= params.max_seconds,
            "frame_rate_too_low": fps >= params.min_fps,
            "frame_rate_too_high": fps <= params.max_fps,
            "video_side_too_small": shortest >= params.min_side_px,
            "video_side_too_large": longest <= params.max_side_px,
        }
        return first_reason(scores, {why: pl.col("is_image") | ok for why, ok in keep.items()})


FILTER = VideoBounds()
