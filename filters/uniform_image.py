"""Blank pictures: one level of gray all over, or so faint a difference that nothing is shown.

A picture that is transparent all over is seen as white, and so is blank. Levels are of gray: two
colours of the very same luma are one level, which no picture of the samples comes near.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from filters._views import view_of
from filters.base import Params
from filters.pixels import PixelFilter, Pixels

SCORES = pa.schema(
    [
        ("kind_code", pa.string()),
        ("is_measured", pa.bool_()),
        ("level_share", pa.float64()),  # of the pixels, in the commonest band of 17 levels of gray
        ("gray_std", pa.float64()),  # in levels, 0 to 127.5
        ("has_alpha", pa.bool_()),  # transparency, laid on white before it was measured
    ]
)


class UniformImageParams(Params):
    """How plain a picture may be, e.g. `min_gray_std: 5` for a source of photos alone.

    Ours, so that any page stays that says a word. On a white one of 827 by 1,169 px (A4 at 100 dpi)
    "Hello" 16 px high leaves a share of 0.9996 and a deviation of 2.0 levels, and is kept; a page
    number leaves 0.99993 and 0.5. Of 1,122 pictures (samples, scikit-image, scans) one is dropped,
    which is transparent all over; then come a fax page with 0.9997 and 1.9, a table with 0.983, and
    photos with 0.93 and 9. Empty pages with the grain of paper, 2 levels and more, are kept.
    """

    max_level_share: float = Field(
        default=0.9999, ge=0.0, le=1.0, description="share of pixels allowed in one band of levels"
    )
    min_gray_std: float = Field(
        default=1.5, ge=0.0, le=127.5, description="least standard deviation of gray, in levels"
    )


class UniformImage(PixelFilter):
    """Drops blank and nearly blank images: an answer about them is a guess, or about another."""

    name: ClassVar[str] = "uniform_image"
    version: ClassVar[int] = 1
    on: ClassVar[Literal["image", "video"]] = "image"
    reasons: ClassVar[tuple[str, ...]] = ("uniformity_unmeasured", "image_uniform")
    params_type: ClassVar[type[Params]] = UniformImageParams
    policies: ClassVar[tuple[str, ...]] = ("document_image", "chart", "photo")

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        view = view_of(pictures[0])
        pixels_l, levels = view.histogram, np.arange(256)
        num_pixels = pixels_l.sum()
        mean = pixels_l @ levels / num_pixels
        return {
            "level_share": view.ground[1],
            "gray_std": float(np.sqrt(pixels_l @ (levels - mean) ** 2 / num_pixels)),
            "has_alpha": pictures[0].has_alpha,
        }

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, UniformImageParams)
        differs = pl.col("level_share") <= params.max_level_share
        shows = pl.col("gray_std") >= params.min_gray_std
        return self.judged(scores, {"image_uniform": differs & shows})


FILTER = UniformImage()
