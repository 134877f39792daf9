"""Black clips: frames without a light in them, as of sound that was put on a video site.

A frame is black where no cell of its thumb (32 by 32 means of areas) is lighter than 12 of 255
levels. Asking all cells, not most, keeps a terminal with one short line on it and a night scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import polars as pl
import pyarrow as pa
from pydantic import Field

from filters.base import Params
from filters.pixels import PixelFilter, Pixels

# Ours: a black clip with noise of a sensor (normal, mean 4, deviation 6) has no cell above 5, one
# of three characters on black at 1280 x 720 has one of 17, photos at 15 % of their light of 28.
_BLACK_LEVELS = 12

SCORES = pa.schema(
    [
        ("kind_code", pa.string()),
        ("is_measured", pa.bool_()),
        ("num_frames", pa.int32()),
        ("black_share", pa.float64()),  # of the frames
    ]
)


class BlackVideoParams(Params):
    """How much may be black, e.g. `max_black_share: 0.5` where fades and titles are rare.

    Ours: of 22 real clips the one with most is a trailer with 5 of 56 frames, where it fades; of
    one that fades to black over all of its 10 s no frame is.
    """

    max_black_share: float = Field(
        default=0.9, ge=0.0, le=1.0, description="largest share of black frames"
    )


class BlackVideo(PixelFilter):
    """Drops clips that are black for nearly all of their length: there is nothing to see."""

    name: ClassVar[str] = "black_video"
    version: ClassVar[int] = 1
    on: ClassVar[Literal["image", "video"]] = "video"
    reasons: ClassVar[tuple[str, ...]] = ("black_video_unmeasured", "video_black")
    params_type: ClassVar[type[Params]] = BlackVideoParams
    source: ClassVar[str] = "ours"
    policies: ClassVar[tuple[str, ...]] = ("video",)

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        num_black = sum(int(picture.thumb.max()) <= _BLACK_LEVELS for picture in pictures)
        return {"num_frames": len(pictures), "black_share": num_black / len(pictures)}

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, BlackVideoParams)
        return self.judged(scores, {"video_black": pl.col("black_share") <= params.max_black_share})


FILTER = BlackVideo()
