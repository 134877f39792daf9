"""What an image file is against what it is called, and which formats may be there at all.

Opt-in, for what was pulled from the web: a web page's image server answers a request for `.jpg`
with WebP, and a dead link with the PNG that says so, under the name that was asked for. Readers go
by the bytes, so that a wrong name does no harm by itself. A key without an ending, or with one that
is no image format's (`photo.php`, `train.parquet#7/0`), says nothing and is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import polars as pl
import pyarrow as pa
from pydantic import Field

from filters.base import Filter, Params, first_reason

# Endings of file names, small and without the dot, by Pillow's name of the format.
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "AVIF": ("avif",),
    "BMP": ("bmp", "dib"),
    "GIF": ("gif",),
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"),
    "JPEG2000": ("jp2", "j2k", "jpf", "jpx"),
    "PNG": ("png", "apng"),
    "PPM": ("ppm", "pgm", "pbm", "pnm"),
    "TIFF": ("tif", "tiff"),
    "WEBP": ("webp",),
}
_FORMAT_BY_ENDING = {ending: name for name, endings in _ENDINGS.items() for ending in endings}
# A JPEG with a second picture in it, as cameras write them, is a JPEG to every reader.
_SAME_FORMATS = {"MPO": "JPEG"}

SCORES = pa.schema(
    [
        ("kind_code", pa.string()),
        ("format_code", pa.string()),  # Pillow's name of what the bytes are; empty: unknown
        ("named_format_code", pa.string()),  # of what the key's ending says; empty: nothing
    ]
)


class ImageFormatParams(Params):
    """Formats by Pillow's names, e.g. `formats: [JPEG, PNG]`.

    Ours: those by default are what browsers, torchvision and every Pillow read; AVIF, JPEG2000,
    PPM and TIFF need a library that not every trainer has.
    """

    formats: tuple[str, ...] = Field(
        default=("BMP", "GIF", "JPEG", "PNG", "WEBP"), description="formats allowed"
    )
    named_otherwise: bool = Field(
        default=False, description="whether files may be named as another image format"
    )


class ImageFormat(Filter):
    """Drops images of other formats than allowed, and those that are not what their name says."""

    name: ClassVar[str] = "image_format"
    version: ClassVar[int] = 1
    level: ClassVar[Literal["sample", "media"]] = "media"
    columns: ClassVar[tuple[str, ...]] = ("key", "kind", "format")
    reasons: ClassVar[tuple[str, ...]] = (
        "image_format_unknown",
        "image_format_not_allowed",
        "image_named_otherwise",
    )
    params_type: ClassVar[type[Params]] = ImageFormatParams

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        media = pl.DataFrame(batch.select(list(self.columns)))
        ending = pl.col("key").str.extract(r"\.([^./\\]+)$").str.to_lowercase()
        codes = media.select(
            kind_code=pl.col("kind").fill_null(""),
            format_code=pl.col("format").fill_null("").replace(_SAME_FORMATS),
            named_format_code=ending.replace_strict(
                _FORMAT_BY_ENDING, default="", return_dtype=pl.String
            ),
        )
        columns = [pa.array(codes[name].to_list(), pa.string()) for name in SCORES.names]
        return pa.RecordBatch.from_arrays(columns, schema=SCORES)

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        assert isinstance(params, ImageFormatParams)
        found, named = pl.col("format_code"), pl.col("named_format_code")
        as_named = (named == "") | (named == found) | pl.lit(params.named_otherwise)
        reasons = first_reason(
            scores,
            {
                "image_format_unknown": found != "",
                "image_format_not_allowed": found.is_in(params.formats),
                "image_named_otherwise": as_named,
            },
        )
        return reasons.set(scores["kind_code"].eq_missing("video"), None)


FILTER = ImageFormat()
