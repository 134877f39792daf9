"""What is kept of an image to find its copies: one measure, from one decoded picture.

Of each image: 16 bytes of a digest of its pixels, 8 hashes of 8 bytes, a tile hash of 32 bytes, its
kind and size, and a small gray picture against which candidates are checked: 4,096 bytes, and
16,384 of a page or chart more than 512 pixels long.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters._views import view_of
from filters.pixels import Pixels, read_pixels
from pipelines.near.image_hashes import Hashes, picture_hashes
from pipelines.near.image_tiles import COARSE, FINE, MEDIUM, Means, Sums, coarser, means, tile_sums

# photo: sought by Hamming distance and by the tile hash. plain: a page, a chart, a texture, which
# share their coarse hashes with thousands of others: by the tile hash. blank: by exact pixels.
# Every image is sought by exact pixels.
Kind = Literal["photo", "plain", "blank"]

_DIGEST_BYTES = 16
# Levels of gray between the lightest and the darkest of 64 x 64 means.
_BLANK_RANGE = 16
# A drawn ground: share of the fullest 3 of 256 levels of gray. At least 0.32 in 3,000 drawn pages
# and charts, five in six of them encoded anew or at half size; at most 0.25 in 99 of 100 of as many
# photos, of which the others show the sky, a moon or a logo.
_GROUND_LEVELS, _GROUND_SHARE = 3, 0.3
# A page that was scanned: noise of 4 levels widens its ground to 9, and ink is fine. Coarseness is
# the spread of 32 x 32 means by that of pixels: 0.27 to 0.53 in half of the drawn pages, from 0.56
# in photos of things. All of 600 noisy pages are seen, 15 % of 600 in uneven light.
_SCANNED_LEVELS, _SCANNED_SHARE, _SCANNED_COARSENESS = 9, 0.4, 0.5
# What no hash can tell apart: less coarse than gravel or bricks from near (0.41 to 0.5), or a
# spread of 32 x 32 means of few levels.
_LEAST_COARSENESS = 0.4
_LEAST_SPREAD = 6.0
# Of 1,800 drawn pages none but charts is so coarse; a globe before black 0.73 to 0.78. Of what is
# not within 8 levels of the ground it has at most 0.43 in its fullest 9, a flat ball nearly all.
_SHAPE_COARSENESS = 0.6
_BESIDE_LEVELS = 8
_FLAT_LEVELS, _FLAT_SHARE = 9, 0.5
# Longest side, in pixels, of a plain picture that 64 x 64 means are enough for.
_SMALL_PX = 512

SCHEMA = pa.schema(
    [
        ("look_code", pa.string()),
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
        ("pixels_code", pa.binary(_DIGEST_BYTES)),
        ("hashes_code", pa.list_(pa.uint64(), 8)),
        ("tiles_code", pa.list_(pa.int16(), 16)),
        ("means_code", pa.large_binary()),  # gray, row by row, 64 or 128 a side
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class ImageCode:
    """One image's codes; `means` is as fine as its kind and size ask for."""

    kind: Kind
    width: int
    height: int
    pixels: bytes
    hashes: Hashes
    tiles: Sums
    means: Means

    def row(self) -> dict[str, Any]:
        """By the names of SCHEMA."""
        return {
            "look_code": self.kind,
            "width_px": self.width,
            "height_px": self.height,
            "pixels_code": self.pixels,
            "hashes_code": self.hashes,
            "tiles_code": self.tiles,
            "means_code": self.means.tobytes(),
        }

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> ImageCode:
        """Back from what `row` gave, lists or arrays."""
        means_ = np.frombuffer(row["means_code"], np.uint8)
        edge = int(len(means_) ** 0.5)
        return cls(
            row["look_code"],
            row["width_px"],
            row["height_px"],
            row["pixels_code"],
            np.asarray(row["hashes_code"], np.uint64),
            np.asarray(row["tiles_code"], np.int16),
            means_.reshape(edge, edge),
        )


def image_codes_of(data: bytes) -> ImageCode:
    """Codes of an encoded image, decoded whole; ImageError as of `manifests.images.probe_image`.

    Metadata does not count: they are those of the image as the store keeps it.
    """
    return image_code(read_pixels(data))


def image_code(picture: Pixels) -> ImageCode:
    """Codes of a picture as it is seen; it costs about two reductions of the whole."""
    medium = means(picture, MEDIUM)
    coarse = np.rint(coarser(medium.astype(np.float32), COARSE)).astype(np.uint8)
    kind = kind_of(picture, medium, coarse)
    is_large = kind == "plain" and max(picture.image.size) > _SMALL_PX
    width, height = picture.image.size
    return ImageCode(
        kind=kind,
        width=width,
        height=height,
        pixels=pixel_digest(picture),
        hashes=picture_hashes(picture, coarse),
        tiles=tile_sums(medium),
        means=means(picture, FINE) if is_large else medium,
    )


def pixel_digest(picture: Pixels) -> bytes:
    """Of the size and of all pixels: those of a JPEG are its luma, of which colour is no part."""
    image = picture.image
    found = hashlib.sha256(f"{image.mode} {image.width} {image.height} ".encode())
    found.update(picture.gray.data if image.mode == "L" else image.tobytes())
    return found.digest()[:_DIGEST_BYTES]


def kind_of(picture: Pixels, medium: Means, coarse: Means) -> Kind:
    """By its 64 x 64 and 32 x 32 means and its levels of gray."""
    if int(medium.max()) - int(medium.min()) < _BLANK_RANGE:
        return "blank"
    share = _shares(picture)
    spread, coarse_spread = _spread(share), float(coarse.std())
    is_scanned = (
        float(_bands(share, _SCANNED_LEVELS).max()) >= _SCANNED_SHARE
        and coarse_spread < _SCANNED_COARSENESS * spread
    )
    is_photo = (
        float(_bands(share, _GROUND_LEVELS).max()) < _GROUND_SHARE
        and coarse_spread >= max(_LEAST_SPREAD, _LEAST_COARSENESS * spread)
        and not is_scanned
    )
    return "photo" if is_photo else "plain"


def is_shape(picture: Pixels, coarse: Means) -> bool:
    """Of a picture that is plain, whether it shows a large shaded thing before its even ground: no
    print, nor a drawing of flat colours."""
    share = _shares(picture)
    ground = int(_bands(share, _GROUND_LEVELS).argmax())
    rest = share.copy()
    rest[max(ground - _BESIDE_LEVELS, 0) : ground + _GROUND_LEVELS + _BESIDE_LEVELS] = 0.0
    least = max(_LEAST_SPREAD, _SHAPE_COARSENESS * _spread(share))
    fullest = float(_bands(rest, _FLAT_LEVELS).max())
    return float(coarse.std()) >= least and fullest < _FLAT_SHARE * float(rest.sum())


def _shares(picture: Pixels) -> npt.NDArray[np.float64]:
    """Of all pixels, by level of gray."""
    histogram = view_of(picture).histogram
    share: npt.NDArray[np.float64] = histogram / histogram.sum()
    return share


def _spread(share: npt.NDArray[np.float64]) -> float:
    levels = np.arange(256)
    mean = float((share * levels).sum())
    variance = float((share * (levels - mean) ** 2).sum())
    return float(variance**0.5)


def _bands(share: npt.NDArray[np.float64], num_levels: int) -> npt.NDArray[np.float64]:
    """Shares of so many neighbouring levels, by the lowest of them."""
    up_to = np.concatenate([[0.0], np.cumsum(share)])
    bands: npt.NDArray[np.float64] = up_to[num_levels:] - up_to[:-num_levels]
    return bands
