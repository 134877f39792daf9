"""Images and clips that are too small to show anything, too large, or mere strips.

Sizes are pixels as shown (EXIF and container rotation applied) of the upstream media: of a clip,
its own, not those of the frames sampled from it. A medium without a size has score 0 and the
reason `image_size_unknown`; an unreadable one never comes here, for the join stops it.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from filters.base import Filter, Params, first_reason
from filters.conversation import score_batch

SCORES = pa.schema(
    [
        ("shortest_side_px", pa.int32()),  # 0: unknown
        ("longest_side_px", pa.int32()),  # 0: unknown
        ("aspect_ratio", pa.float64()),  # longest by shortest side, 1.0 or more; 0: unknown
    ]
)


class ImageBoundsParams(Params):
    """Bounds, all allowed, e.g. `max_aspect_ratio: 20` to let long receipts and formulas pass.

    The numbers are ours; no mixture documents any. 28 px is two of the 14 px patches of the 2.2B
    model's encoder (mixtures.md 3.2): less is an icon or a tracking pixel. 16,384 px is eight times
    2,048 px, the longest edge that the released processors keep: beyond, letters 40 px high shrink
    below 5 px. At 10 to 1 the short side holds 51 px of the 512 px square that the whole view is,
    about two lines of text.
    """

    min_side_px: int = Field(default=28, ge=1, description="shortest side allowed")
    max_side_px: int = Field(default=16_384, ge=1, description="longest side allowed")
    max_aspect_ratio: float = Field(default=10.0, ge=1.0, description="longest by shortest side")


def _pixels(sides: pa.Array) -> npt.NDArray[np.int64]:
    """Sides as int64; null and what is no size are 0."""
    pixels: npt.NDArray[np.int64] = pc.fill_null(sides, 0).to_numpy(zero_copy_only=False)
    return np.maximum(pixels.astype(np.int64), 0)


class ImageBounds(Filter):
    name: ClassVar[str] = "image_bounds"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "media"
    columns: ClassVar[tuple[str, ...]] = ("width", "height")
    reasons: ClassVar[tuple[str, ...]] = (
        "image_size_unknown",
        "image_side_too_small",
        "image_side_too_large",
        "aspect_ratio_too_high",
    )
    params_type: ClassVar[type[Params]] = ImageBoundsParams

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        width, height = _pixels(batch.column("width")), _pixels(batch.column("height"))
        shortest = np.minimum(width, height)
        longest = np.where(shortest > 0, np.maximum(width, height), 0)
        ratio = longest / np.maximum(shortest, 1)
        return score_batch(
            SCORES, shortest_side_px=shortest, longest_side_px=longest, aspect_ratio=ratio
        )

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, ImageBoundsParams)
        return first_reason(
            scores,
            {
                "image_size_unknown": pl.col("shortest_side_px") > 0,
                "image_side_too_small": pl.col("shortest_side_px") >= params.min_side_px,
                "image_side_too_large": pl.col("longest_side_px") <= params.max_side_px,
                "aspect_ratio_too_high": pl.col("aspect_ratio") <= params.max_aspect_ratio,
            },
        )


FILTER = ImageBounds()
