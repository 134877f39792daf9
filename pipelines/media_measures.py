"""Measures that near duplicates and leaks are found by: codes of pictures, once a medium.

They judge nothing and are no filters; curate makes them while it has the decoded picture, or later
from the packs (pixel_scores.py). What is not measured has nulls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Literal

import orjson
import pyarrow as pa

from filters.base import Measure
from filters.models import is_bound_ref, restore
from filters.pixels import PixelMeasure, Pixels
from mixtures.recipe import Recipe
from pipelines import image_embedding
from pipelines.image_embedding import ImageEmbedding
from pipelines.measures import EMBEDDING
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
    version: ClassVar[int] = 2
    on: ClassVar[Literal["image", "video"]] = "image"
    schema: ClassVar[pa.Schema] = image_codes.SCHEMA

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        (picture,) = pictures
        return image_codes.image_code(picture).row()


class ClipCodes(_Codes):
    """`near.clip_codes` of a clip's sampled frames."""

    name: ClassVar[str] = "clip_codes"
    version: ClassVar[int] = 2
    columns: ClassVar[tuple[str, ...]] = (
        *("kind", "pictures", "timestamps_ms", "duration_ms", "width", "height"),
    )
    on: ClassVar[Literal["image", "video"]] = "video"
    schema: ClassVar[pa.Schema] = clip_codes.SCHEMA

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        return clip_codes.clip_code_of_medium(pictures, media).row()


# One object a process: what it has loaded stays loaded.
@cache
def embedding(ref: str) -> ImageEmbedding:
    """`image_embedding`, bound to what a `ref` says."""
    if not is_bound_ref(ref):
        return image_embedding.MEASURE
    return restore(orjson.loads(ref), image_embedding.MEASURE)


MEASURES: dict[str, PixelMeasure] = {made.ref: made for made in (ImageCodes(), ClipCodes())}


def wanted_measures(recipe: Recipe) -> list[Measure]:
    """Those that a recipe's near duplicates and leaks are found by."""
    near, leaks = recipe.near_duplicates, recipe.decontaminate is not None
    wants = {
        "image_codes": leaks or (near is not None and near.image is not None),
        "clip_codes": leaks or (near is not None and near.video is not None),
    }
    found: list[Measure] = [MEASURES[name] for name, is_wanted in wants.items() if is_wanted]
    if near is not None and near.image is not None and near.image.model is not None:
        found.append(embedding(recipe.filter_ref(EMBEDDING)))
    return found
