"""Real photos and pages, ways to spoil them, and what a filter of images says of them."""

from __future__ import annotations

import hashlib
import io
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from PIL import Image
from skimage import data

from filters import get
from filters.contract import batch_of
from filters.pixels import PixelFilter

PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "coins", "hubble_deep_field", "rocket")
PAGES = ("page", "text")
_ORIENTATION_TAG = 0x0112


@cache
def picture(name: str) -> Image.Image:
    """One of scikit-image's that ship with the package, by the name of its function."""
    return Image.fromarray(np.asarray(getattr(data, name)()))


def encoded(image: Image.Image, format: str = "PNG", orientation: int = 1, **options: Any) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = orientation
    out = io.BytesIO()
    image.save(out, format, exif=exif, **options)
    return out.getvalue()


def _row(content: bytes) -> dict[str, Any]:
    width, height = Image.open(io.BytesIO(content)).size
    return {
        "pictures": [content],
        "digest": hashlib.sha256(content).hexdigest(),
        "upstream_bytes": len(content),
        "width": width,
        "height": height,
    }


def _pixel_filter(name: str) -> PixelFilter:
    found = get(name)
    assert isinstance(found, PixelFilter)
    return found


def scores(name: str, content: bytes) -> dict[str, Any]:
    """What the filter measures of one encoded image."""
    here = _pixel_filter(name)
    row: dict[str, Any] = here.measure(batch_of(here, [_row(content)])).to_pylist()[0]
    return row


def reason(name: str, content: bytes, **params: Any) -> str | None:
    """What it is dropped for, or None."""
    here = _pixel_filter(name)
    measured = pl.DataFrame(here.measure(batch_of(here, [_row(content)])))
    found: str | None = here.judge(measured, here.params_type(**params))[0]
    return found
