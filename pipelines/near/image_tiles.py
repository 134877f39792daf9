"""Means of areas of a picture at 32, 64 or 128 a side, and a tile hash of them.

Areas overlap as triangles do (Pillow's bilinear reduction), so that a picture of half the size has
the same: of 100 drawn pages saved at half size no mean of 64 x 64 moved by more than 13 levels,
where means of whole pixels (BOX) moved by up to 65.

The tile hash is 16 sums of the 64 x 64 means with stated signs. Each takes in the whole picture at
full fineness: encoding and scaling move it by at most 9.1 on 140 pages and photos, other pages lie
some 30 apart in each of the 16, other photos 50.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from filters.pixels import Pixels

Means = npt.NDArray[np.uint8]
Sums = npt.NDArray[np.int16]

COARSE, MEDIUM, FINE = 32, 64, 128
NUM_SUMS = 16
# How far a sum of a copy may lie from the original's: above the 9.1 seen.
SUM_TOLERANCE = 10
# So many means make one unit of a sum.
_SUM_SCALE = 64
# Pillow halves and thirds first, down to so many times the wanted size: a third of the time.
_REDUCING_GAP = 3.0


def means(picture: Pixels, edge: int) -> Means:
    """Gray, `edge` by `edge`, whatever the picture's shape; 0.3 ms for 640 x 480."""
    small = picture.gray_image.resize(
        (edge, edge), Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP
    )
    return np.asarray(small)


def coarser(found: npt.NDArray[np.float32], edge: int) -> npt.NDArray[np.float32]:
    """Stacked means at a lower edge: a triangle twice as wide is 1, 3, 3, 1 of these."""
    while found.shape[-1] > edge:
        found = _halved(_halved(found).swapaxes(-1, -2)).swapaxes(-1, -2)
    return found


def _halved(found: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    padded = np.concatenate([found[..., :1], found, found[..., -1:]], axis=-1)
    outer = padded[..., 0:-2:2] + padded[..., 3::2]
    inner = padded[..., 1:-2:2] + padded[..., 2:-1:2]
    halved: npt.NDArray[np.float32] = (outer + 3 * inner) / 8
    return halved


@cache
def _signs() -> npt.NDArray[np.float64]:
    """NUM_SUMS rows of 1 and -1, from splitmix64 of 0, 1, ... (S. Vigna's constants)."""
    with np.errstate(over="ignore"):
        step = np.uint64(0x9E3779B97F4A7C15)
        mixed = np.arange(1, NUM_SUMS * MEDIUM**2 // 64 + 1, dtype=np.uint64) * step
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    bits = np.unpackbits(mixed.astype(">u8").view(np.uint8))
    return 2 * bits.reshape(NUM_SUMS, -1).astype(np.float64) - 1


def tile_sums(medium: Means) -> Sums:
    """The tile hash of 64 x 64 means. Sums of whole numbers: the same on every machine."""
    assert medium.shape == (MEDIUM, MEDIUM), medium.shape
    # At most 64 * 64 * 255 / 64, which 16 bits hold.
    sums = _signs() @ medium.ravel().astype(np.float64)
    return np.floor(sums / _SUM_SCALE).astype(np.int16)
