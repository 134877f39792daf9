"""Images that stand for one that is gone: "image not available", sent in its place by its host.

Two codes are kept of each image: the beginning of the SHA-256 of its file, and a difference hash of
what is drawn on it. By default images go whose file is one of those that hosts are known to send
(two, below). That is all that is caught unasked: other hosts' placeholders are not, nor these once
they were saved anew. They cannot be told by their looks, for a line of gray letters on a plain
ground is as well a formula, a rendered text, or a slide.

What a source is full of is found by counting: the codes are in the measures of the store, and of a
placeholder there are thousands. Its code, given as `hashes`, drops it at any size and quality.

The hash has 64 bits, one for each two neighbours on 8 rows of 9 cells: set where the right one is
brighter, as in the difference hash of N. Krawetz (hackerfactor.com, "Kind of Like That"). Two
things are ours. Where at least half of the picture is plain ground, only the box around the rest is
hashed: of the whole, letters on a plain ground set 4 to 7 bits, and a blank page is as near them as
they are themselves. And a bit is set from 2 levels of difference up, so that noise sets none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from PIL import Image
from pydantic import Field, field_validator, model_validator

from filters._views import view_of
from filters.base import Params
from filters.pixels import PixelFilter, Pixels

# Files that hosts send for images that are gone, by SHA-256. The first is named by a score of
# public downloaders, the second by that of K. Chatfield and K. McGuinness (2012), none other.
_KNOWN_DIGESTS: Mapping[str, str] = {
    "9b5936f4006146e4e1e9025b474c02863c0b5614132ad40db4b925a10e8bfbb9": "imgur, removed.png",
    "0f28f49410a89e24c95acfd345210cc6f2294814584ad7c60f698fee74e46aad": "Flickr, unavailable",
}
_DIGEST_CHARS = 16
# How far from the ground what is drawn begins, and how much of a picture is a ground.
_DRAWN_LEVELS = 32
_GROUND_SHARE = 0.5
_CELLS = (9, 8)
# Brightness that a cell must exceed its left neighbour by to set a bit.
_STEP_LEVELS = 1

SCORES = pa.schema(
    [
        ("kind_code", pa.string()),
        ("is_measured", pa.bool_()),
        ("digest_code", pa.string()),  # first 64 bits of the file's SHA-256, in hex
        ("dhash_code", pa.string()),  # 64 bits of what is drawn, in hex
    ]
)


class PlaceholderImageParams(Params):
    """What is dropped, e.g. `hashes: [8d13317c66c69b23]`.

    The radius is ours. Of four placeholders of our own drawing, saved anew at 0.5 to 1.7 times
    their size and JPEG qualities 90 to 30, 29 of 36 copies were within 8 bits, two at 9; those of
    12 and more were of the smallest, 81 px high, at low quality. No other of 1,122 pictures (of the
    samples, scikit-image, scans) was within 16.
    """

    digests: tuple[str, ...] = Field(
        default=tuple(_KNOWN_DIGESTS), description="SHA-256 of placeholders' files, in hex"
    )
    hashes: tuple[str, ...] = Field(
        default=(), description="dhash_code of placeholders, 16 hex digits each"
    )
    radius_bits: int = Field(
        default=8, ge=0, le=31, description="bits in which a hash may differ and be the same"
    )

    @field_validator("digests", "hashes")
    @classmethod
    def _are_hex(cls, codes: tuple[str, ...], info: Any) -> tuple[str, ...]:
        num_digits = 64 if info.field_name == "digests" else 16
        for code in codes:
            if len(code) != num_digits or set(code) - set("0123456789abcdef"):
                raise ValueError(f"{code!r} is not {num_digits} hex digits in small letters")
        return codes

    @model_validator(mode="after")
    def _are_no_blanks(self) -> PlaceholderImageParams:
        for code in self.hashes:
            if int(code, 16).bit_count() <= self.radius_bits:
                raise ValueError(f"{code} is within {self.radius_bits} bits of a blank image")
        return self


def _drawn(picture: Pixels) -> Image.Image:
    """What stands out from a plain ground, or the whole picture where there is none."""
    view = view_of(picture)
    ground, share = view.ground
    if share < _GROUND_SHARE:
        return view.cells
    drawn = [255 * (abs(level - ground) > _DRAWN_LEVELS) for level in range(256)]
    return view.image.crop(view.image.point(drawn).getbbox())


def difference_hash(picture: Pixels) -> str:
    """16 hex digits, row by row from the top left; "0" * 16 for a blank picture."""
    small = _drawn(picture).resize(_CELLS, Image.Resampling.BOX)
    cells = np.asarray(small).astype(np.int16)
    bits = cells[:, 1:] - cells[:, :-1] > _STEP_LEVELS
    return np.packbits(bits).tobytes().hex()


class PlaceholderImage(PixelFilter):
    """Drops known stand-ins for missing images: what their rows say is of another picture."""

    name: ClassVar[str] = "placeholder_image"
    version: ClassVar[int] = 1
    on: ClassVar[Literal["image", "video"]] = "image"
    columns: ClassVar[tuple[str, ...]] = ("kind", "pictures", "digest")
    reasons: ClassVar[tuple[str, ...]] = ("placeholder_unmeasured", "image_is_placeholder")
    params_type: ClassVar[type[Params]] = PlaceholderImageParams
    source: ClassVar[str] = "ours, with the difference hash of N. Krawetz"
    policies: ClassVar[tuple[str, ...]] = ("document_image", "chart", "photo")

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "digest_code": (media["digest"] or "")[:_DIGEST_CHARS],
            "dhash_code": difference_hash(pictures[0]),
        }

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, PlaceholderImageParams)
        known = [digest[:_DIGEST_CHARS] for digest in params.digests]
        is_other_file = ~pl.col("digest_code").is_in(known) & (pl.col("digest_code") != "")
        bits = pl.col("dhash_code").str.to_integer(base=16, strict=False, dtype=pl.UInt64)
        looks_other = [
            (bits ^ pl.lit(int(code, 16), pl.UInt64)).bitwise_count_ones() > params.radius_bits
            for code in params.hashes
        ]
        is_other = pl.all_horizontal(is_other_file, bits.is_not_null(), *looks_other)
        return self.judged(scores, {"image_is_placeholder": is_other})


FILTER = PlaceholderImage()
