"""Slide shows: stills with a change at once from one to the next, and nothing that moves.

A pair of successive frames belongs to the show where it is still (`_changes.py`), or where it is a
lone change between still pairs (or at an end of the clip): a picture gave way to another
within that second. A frozen clip is a show of one slide.

Not seen: slides that change each second or faster (no pair is still), that fade into each other for
longer than a second, or over which the view moves; and a lecture's slides cannot be told from a
show of photos. Most video mixtures want lectures, so it is on for no policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._changes import Bools, changes
from filters.base import Params
from filters.pixels import PixelFilter, Pixels

SCORES = pa.schema(
    [
        ("kind_code", pa.string()),
        ("is_measured", pa.bool_()),
        ("num_pairs", pa.int32()),  # of successive frames
        ("slide_share", pa.float64()),  # of the pairs: still, or a change between two stills
    ]
)


class SlideShowParams(Params):
    """How much of a clip may be slides, e.g. `max_slide_share: 0.5` for films alone.

    Ours: rendered shows of photos and of lecture slides give 1, and so does a blinking cursor on a
    slide; with fades of one second 0.5. Of 22 real clips a test of plain colours gives 1, the
    others 0.25 at most.
    """

    max_slide_share: float = Field(
        default=0.95, ge=0.0, le=1.0, description="largest share of pairs that are of slides"
    )
    min_num_pairs: int = Field(
        default=4, ge=1, description="pairs of frames below which a clip is not judged"
    )


def _is_slide(is_still_p: Bools) -> Bools:
    """Still pairs, and those that alone part two still ones; an end of the clip is as a still."""
    if not is_still_p.any():
        return is_still_p
    around = np.pad(is_still_p, 1, constant_values=True)
    return np.asarray(is_still_p | (around[:-2] & around[2:]))


class SlideShow(PixelFilter):
    """Drops slide shows, lectures of bare slides among them; for films in which things move."""

    name: ClassVar[str] = "slide_show"
    version: ClassVar[int] = 1
    on: ClassVar[Literal["image", "video"]] = "video"
    reasons: ClassVar[tuple[str, ...]] = ("slide_show_unmeasured", "video_is_slides")
    params_type: ClassVar[type[Params]] = SlideShowParams
    source: ClassVar[str] = "ours"

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        found = changes(pictures)
        share = _is_slide(found.is_still_p).sum() / max(found.num_pairs, 1)
        return {"num_pairs": found.num_pairs, "slide_share": float(share)}

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, SlideShowParams)
        moves = pl.col("slide_share") <= params.max_slide_share
        return self.judged(
            scores, {"video_is_slides": moves | (pl.col("num_pairs") < params.min_num_pairs)}
        )


FILTER = SlideShow()
