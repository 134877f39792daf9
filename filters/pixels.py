"""What filters of pixels see: a picture decoded once, as a viewer shows it, for all of them.

A filter of pixels says in `score` what it measures of one medium. While upstream is read, curate
gives it the picture that it has decoded anyway; a filter that comes later has them decoded from the
packs of the store. Both see the same stored bytes, so that scores do not depend on when they are
made. An image is one picture; a clip is its sampled frames, in order of time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from PIL import Image

from filters.base import Filter, Measure, first_reason
from manifests.images import ImageError, ImageFacts, decode_image

Gray = npt.NDArray[np.uint8]
# Edge of `Pixels.thumb`, in pixels.
THUMB_EDGE = 32
# Larger pictures are seen at a half (a third ...) of their sides, so that no measure of them needs
# more memory than this allows. Ours; 4,096 x 4,096.
MAX_SEEN_PIXELS = 1 << 24
# Gray of 16 bits becomes 8 in bands of so many rows.
_BAND_ROWS = 256
# Where media lie, and what they are called upstream: not the same for equal bytes.
_NOT_OF_BYTES = {"key", "pack", "offsets", "lengths", "pictures"}


class Pixels:
    """One picture, upright, its transparency laid on white; the first of an animation.

    Filters of pixels look at gray: of a JPEG `image` is the luma that it holds (`read_pixels`).
    One of more than MAX_SEEN_PIXELS is reduced by a whole number: `width` and `height` of a medium
    are its own, those of `image` may be less.
    """

    def __init__(self, image: Image.Image, has_alpha: bool = False) -> None:
        """`image` is of mode L or RGB; `has_alpha`: upstream's had transparency."""
        assert image.mode in ("L", "RGB"), image.mode
        self.image = image
        self.has_alpha = has_alpha

    @cached_property
    def gray_image(self) -> Image.Image:
        """Luma of ITU-R 601, as Pillow makes it; mode L."""
        return self.image if self.image.mode == "L" else self.image.convert("L")

    @cached_property
    def gray(self) -> Gray:
        """The same as an array of height by width, without a copy where Pillow has one block."""
        image = self.gray_image
        try:
            levels: Gray = pa.array(image).to_numpy()
        except ValueError:
            return np.asarray(image)
        return levels.reshape(image.height, image.width)

    @cached_property
    def thumb(self) -> Gray:
        """Gray means of areas, THUMB_EDGE by THUMB_EDGE, whatever the picture's shape."""
        size = (THUMB_EDGE, THUMB_EDGE)
        return np.asarray(self.gray_image.resize(size, Image.Resampling.BOX))


def read_pixels(data: bytes) -> Pixels:
    """The encoded image, decoded whole; ImageError as of `manifests.images.probe_image`."""
    return see_image(data)[1]


def see_image(data: bytes) -> tuple[ImageFacts, Pixels]:
    """The same with what `probe_image` says of it."""
    facts, image = decode_image(data, luma=True)
    return facts, pixels_of(image)


def read_color(data: bytes) -> Image.Image:
    """The same picture in RGB, for models; it costs a decode of its own."""
    return pixels_of(decode_image(data)[1]).image.convert("RGB")


def pixels_of(image: Image.Image) -> Pixels:
    """A decoded upright image of any mode, as it is seen."""
    has_alpha = image.has_transparency_data
    plain = _reduced(_plain(image, has_alpha))
    del image
    if plain.mode in ("LA", "RGBA"):
        mode = plain.mode.removesuffix("A")
        white = Image.new(mode, plain.size, "white")
        white.paste(plain.convert(mode), mask=plain.getchannel("A"))
        plain = white
    return Pixels(plain, has_alpha)


def _plain(image: Image.Image, has_alpha: bool) -> Image.Image:
    """In mode L, LA, RGB or RGBA."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _of_deep_gray(image)
    if image.mode == "LAB":
        return image.getchannel("L")
    is_gray = image.mode in ("1", "L", "LA", "La")
    mode = ("L" if is_gray else "RGB") + ("A" if has_alpha else "")
    return image if image.mode == mode else image.convert(mode)


def _of_deep_gray(image: Image.Image) -> Image.Image:
    """The upper 8 of 16 bits; floats are stretched from their least to their greatest value."""
    low, scale = 0.0, 1 / 256
    if image.mode == "F":
        low, high = map(float, np.ravel(image.getextrema()))
        scale = 255 / (high - low) if np.isfinite(high - low) and high > low else 0.0
    gray = Image.new("L", image.size)
    for top in range(0, image.height, _BAND_ROWS):
        box = (0, top, image.width, min(top + _BAND_ROWS, image.height))
        band = (np.asarray(image.crop(box), np.float64) - low) * scale
        gray.paste(Image.fromarray(np.nan_to_num(band.clip(0, 255)).astype(np.uint8)), box)
    return gray


def _reduced(image: Image.Image) -> Image.Image:
    times = 1
    while image.width * image.height > MAX_SEEN_PIXELS * times**2:
        times += 1
    return image.reduce(times) if times > 1 else image


class PixelMeasure(Measure):
    """A measure of what is seen; its `scores` begin with `kind_code` and `is_measured`.

    A medium of the other kind, one that has no picture to look at, and one of which a picture
    cannot be decoded score `nothing`.
    """

    level: ClassVar[Literal["sample", "media"]] = "media"
    columns: ClassVar[tuple[str, ...]] = ("kind", "pictures")
    on: ClassVar[Literal["image", "video"]]
    # Of the column file: what is held in memory at once while it is written.
    row_group_rows: ClassVar[int] = 100_000

    @property
    def nothing(self) -> dict[str, Any]:
        """Scores of what is not measured, but the first two."""
        return zeros(self.scores)

    @abstractmethod
    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        """Scores of one medium, but the first two; `pictures` is never empty.

        `media` has the `columns` that are facts of the medium's bytes: equal bytes are scored once,
        so neither its `key` nor its place in the store.
        """

    def facts(self, medium: Mapping[str, Any]) -> dict[str, Any]:
        """What `score` is told of a row of the media table."""
        return {name: medium.get(name) for name in self.columns if name not in _NOT_OF_BYTES}

    def scored(
        self, media: Sequence[Mapping[str, Any]], scores: Sequence[Mapping[str, Any] | None]
    ) -> pa.RecordBatch:
        """A batch of what `score` gave for each medium; None: there was nothing to look at."""
        rows = [
            {
                **self.nothing,
                **(found or {}),
                "kind_code": medium["kind"] or "",
                "is_measured": found is not None,
            }
            for medium, found in zip(media, scores, strict=True)
        ]
        return pa.RecordBatch.from_pylist(rows, schema=self.scores)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Decodes the encoded `pictures` of the batch: what curate does not have at hand."""
        media = batch.to_pylist()
        return self.scored(media, [self._look(medium) for medium in media])

    def _look(self, medium: Mapping[str, Any]) -> dict[str, Any] | None:
        encoded = medium["pictures"] or []
        if medium["kind"] != self.on or None in encoded:
            return None
        try:
            pictures = [read_pixels(data) for data in encoded]
        except ImageError:
            return None
        return self.score(pictures, self.facts(medium)) if pictures else None


class PixelFilter(PixelMeasure, Filter):
    """A filter of what is seen: what is not measured scores zeros.

    A medium of the other kind is kept. One that has no picture to look at, or of which one cannot
    be decoded, has the first of `reasons`.
    """

    def judged(self, scores: pl.DataFrame, keep: Mapping[str, pl.Expr]) -> pl.Series:
        """`first_reason` of `keep` for media that the filter is `on`; null for those of another."""
        whole = {self.reasons[0]: pl.col("is_measured"), **keep}
        reasons = first_reason(scores, whole)
        other = "image" if self.on == "video" else "video"
        is_other = scores["kind_code"].eq_missing(other)
        return reasons.set(is_other, None)


def zeros(scores: pa.Schema) -> dict[str, Any]:
    """What is not measured: 0, false or no text for each score."""
    plain = {"string": "", "bool": False, "double": 0.0}
    return {field.name: plain.get(str(field.type), 0) for field in scores}
