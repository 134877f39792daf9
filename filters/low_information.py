"""Pictures that say very little: few levels of gray, or a file of next to no bytes a pixel.

Opt-in, for sources that are photos alone. Drawings are few-levelled by nature and their files are
small: by default it drops nearly all documents, charts and diagrams of the samples, of which the
barest geometry drawing has 0.2 bits, and a sound fax page has 0.0002 bytes a pixel.
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
        ("entropy_bits", pa.float64()),  # of the histogram of 256 levels of gray, 0 to 8
        ("byte_ratio", pa.float64()),  # bytes of upstream's file by pixel; 0: size unknown
    ]
)


class LowInformationParams(Params):
    """The least that a photo says.

    Ours. Of 378 photos 9 have less than 3 bits, silhouettes and cut-outs on a plain ground all of
    them. None has less than 0.05 bytes a pixel; four of scikit-image's as JPEGs of quality 5, all
    blocks, have 0.022 to 0.032.
    """

    min_entropy_bits: float = Field(
        default=3.0, ge=0.0, le=8.0, description="least entropy of the levels of gray, in bits"
    )
    min_byte_ratio: float = Field(
        default=0.03, ge=0.0, description="least bytes of upstream's file a pixel"
    )


class LowInformation(PixelFilter):
    """Drops images whose pixels, or whose file, hold next to no information."""

    name: ClassVar[str] = "low_information"
    version: ClassVar[int] = 1
    on: ClassVar[Literal["image", "video"]] = "image"
    columns: ClassVar[tuple[str, ...]] = ("kind", "pictures", "upstream_bytes", "width", "height")
    reasons: ClassVar[tuple[str, ...]] = (
        "information_unmeasured",
        "image_few_levels",
        "image_few_bytes",
    )
    params_type: ClassVar[type[Params]] = LowInformationParams

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        pixels_l = view_of(pictures[0]).histogram
        share_l = pixels_l[pixels_l > 0] / pixels_l.sum()
        num_pixels = (media["width"] or 0) * (media["height"] or 0)
        num_bytes = media["upstream_bytes"] or 0
        return {
            # A single level has minus zero.
            "entropy_bits": abs(float(share_l @ np.log2(share_l))),
            "byte_ratio": num_bytes / num_pixels if num_pixels > 0 else 0.0,
        }

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, LowInformationParams)
        return self.judged(
            scores,
            {
                "image_few_levels": pl.col("entropy_bits") >= params.min_entropy_bits,
                "image_few_bytes": pl.col("byte_ratio") >= params.min_byte_ratio,
            },
        )


FILTER = LowInformation()
