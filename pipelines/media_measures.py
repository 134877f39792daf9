"""Measures that near duplicates and leaks are found by: codes of pictures, once a medium.

They judge nothing and are no filters; curate makes them while it has the decoded picture, or later
from the packs (pixel_scores.py). What is not measured has nulls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import pyarrow as pa

from filters.base import Measure
from filters.pixels import PixelMeasure, Pixels
from mixtures.recipe import Recipe
from pipelines.near import clip_codes, image_codes

_SEEN = [("kind_code", pa.string()), ("is_measured", pa.bool_())]


class _Codes(PixelMeasure):
    # Of some kilobytes each.
    row_group_rows: ClassVar[int] = 4096
    schema: ClassVar[pa.Schema]

    @property
    def scores(self) -> pa.Schema:
        return pa.schema([*_SEEN, *self.schema])

    @property
    def nothing(self) -> dict[str, Any]:
        return {}


class ImageCodes(_Codes):
    """`near.image_codes` of an image."""

    name: ClassVar[str] = "image_codes"
    version: ClassVar[int] = 1
    on: ClassVar[Literal["image", "video"]] = "image"
    schema: ClassVar[pa.Schema] = image_codes.SCHEMA

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        (picture,) = pictures
        return image_codes.image_code(picture).row()


class ClipCodes(_Codes):
    """`near.clip_codes` of a clip's sampled frames."""

    name: ClassVar[str] = "clip_codes"
    version: ClassVar[int] = 1
    columns: ClassVar[tuple[str, ...]] = (
        *("kind", "pictures", "timestamps_ms", "duration_ms", "width", "height"),
    )
    on: ClassVar[Literal["image", "video"]] = "video"
    schema: ClassVar[pa.Schema] = clip_codes.SCHEMA

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        return clip_codes.clip_code_of_medium(pictures, media).row()


MEASURES: dict[str, PixelMeasure] = {made.ref: made for made in (ImageCodes(), ClipCodes())}


def wanted_measures(recipe: Recipe) -> list[Measure]:
    """Those that a recipe's near duplicates and leaks are found by."""
    near, leaks = recipe.near_duplicates, recipe.decontaminate is not None
    wants = {
        "image_codes": leaks or (near is not None and near.image is not None),
        "clip_codes": leaks or (near is not None and near.video is not None),
    }
    return [MEASURES[name] for name, is_wanted in wants.items() if is_wanted]
