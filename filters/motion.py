"""Clips with too little or too much motion, as the mean change from one sampled frame to the next.

The unit is gray levels (of 255), the mean over the cells of 32 by 32 thumbs and over pairs of
frames that are no cut (`_changes.py`). That is not speed: a thing that crosses the view counts by
its size and contrast, and frames further apart (clips over 64 s) differ more. A clip of cuts alone,
or of one frame, has no such pair: its motion is 0, and it is not judged.
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
        ("num_pairs", pa.int32()),  # of successive frames that are no cut
        ("motion_mean", pa.float64()),  # gray levels; 0 without a pair
    ]
)


class MotionParams(Params):
    """Bounds, both allowed, e.g. `min_motion: 0` to ask only for what is not too fast.

    Ours, and for films: slides with a pointer have 0.07, typing 0.01, a real screen recording 0.2,
    and all of them fall, so it is on for no policy. Photos held still have up to 0.4 (noise of a
    sensor), a globe that turns slowly 1.7, a face that talks in a car 13, moving cameras 14 to 27;
    windows of 30 s of Big Buck Bunny have 5 to 17, its 64 frames 9 s apart 28.
    """

    min_motion: float = Field(
        default=0.5, ge=0.0, le=255.0, description="smallest mean change, in gray levels"
    )
    max_motion: float = Field(
        default=64.0, ge=0.0, le=255.0, description="largest mean change, in gray levels"
    )


class Motion(PixelFilter):
    """Drops clips in which hardly anything moves, or so much that no frame is like the last."""

    name: ClassVar[str] = "motion"
    version: ClassVar[int] = 1
    on: ClassVar[Literal["image", "video"]] = "video"
    reasons: ClassVar[tuple[str, ...]] = (
        "motion_unmeasured",
        "too_little_motion",
        "too_much_motion",
    )
    params_type: ClassVar[type[Params]] = MotionParams
    source: ClassVar[str] = "ours"

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        found = changes(pictures)
        within_p = found.mean_p[~found.is_cut_p]
        mean = float(within_p.mean()) if len(within_p) else 0.0
        return {"num_pairs": len(within_p), "motion_mean": mean}

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, MotionParams)
        motion, is_bare = pl.col("motion_mean"), pl.col("num_pairs") == 0
        return self.judged(
            scores,
            {
                "too_little_motion": is_bare | (motion >= params.min_motion),
                "too_much_motion": is_bare | (motion <= params.max_motion),
            },
        )


FILTER = Motion()
