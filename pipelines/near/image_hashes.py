"""Perceptual hashes of a picture, of its mirror and of six stated crops, in one pass.

The hash is `imagehash.phash`'s, bit for bit: gray, reduced to 32 x 32 by Lanczos, the 8 x 8 lowest
frequencies of its DCT, a bit set where one is above their median (N. Krawetz, hackerfactor.com,
"Looks Like It"). In a mirror image the odd frequencies across change their sign and no more. Those
of a crop are integrals of cosines over it, taken from the means of 32 x 32 areas of the whole: one
small matrix for each side of each crop, and no pixel is looked at again.

Which crops: of 313 photos (63 real, 250 generated) cut by 5 % of each side at a random place, 0.67
were within 8 bits of the whole photo's hash, and 0.997 with these six; with them a cut of 5 % from
each edge, 0.34 before, was found in all.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from filters.pixels import Pixels
from pipelines.near.image_tiles import COARSE
from pipelines.near.lanczos import EDGE, reduced

Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

# The side of the corner of the reduced picture's DCT that is kept, as in imagehash.
_LOW_EDGE = 8
# Parts of a side that stay: one end, the other end, the middle.
_START, _END = (0.0, 0.95), (0.05, 1.0)
_MIDDLE, _LESS = (0.025, 0.975), (0.05, 0.95)
Window = tuple[tuple[float, float], tuple[float, float]]  # (left, right), (top, bottom)
CROPS: tuple[Window, ...] = (
    (_MIDDLE, _MIDDLE),
    (_LESS, _LESS),
    (_START, _START),
    (_END, _START),
    (_START, _END),
    (_END, _END),
)
# What each hash of `picture_hashes` is of, in their order: the whole, its mirror, the crops.
_WHOLE: Window = ((0.0, 1.0), (0.0, 1.0))
WINDOWS: tuple[Window, ...] = (_WHOLE, _WHOLE, *CROPS)
WHOLE, MIRROR = 0, 1
# Frequencies are compared at a thousandth of a gray level, so that those that are equal, as in
# symmetric pictures, are so on every machine.
_DECIMALS = 3


@cache
def _cosines() -> Floats:
    """Rows: the lowest frequencies of the DCT-II of EDGE values, as SciPy scales them."""
    x = np.arange(EDGE) + 0.5
    return 2 * np.cos(np.pi / EDGE * np.outer(np.arange(_LOW_EDGE), x))


def _integrals(start: float, stop: float) -> Floats:
    """Rows: means of cosines over a part of a side that is given as means of COARSE cells."""
    edges = np.arange(COARSE + 1) / COARSE
    low, high = np.clip(edges[:-1], start, stop), np.clip(edges[1:], start, stop)
    length = stop - start
    rows = [(high - low) / length]
    for frequency in range(1, _LOW_EDGE):
        angle = np.pi * frequency / length
        sines = np.sin(angle * (high - start)) - np.sin(angle * (low - start))
        rows.append(sines / (angle * length))
    return np.stack(rows)


@cache
def _crop_matrices() -> tuple[Floats, Floats]:
    """For each crop: of its height, 8 x 32, and of its width, 32 x 8."""
    down = np.stack([_integrals(*window[1]) for window in CROPS])
    across = np.stack([_integrals(*window[0]).T for window in CROPS])
    return down, across


def _bits(frequencies: Floats) -> Hashes:
    """Hashes of stacked 8 x 8 frequencies; the first bit is the highest."""
    flat = frequencies.round(_DECIMALS).reshape(-1, _LOW_EDGE * _LOW_EDGE)
    # The middle two of an even number: their mean is the median.
    middle = np.partition(flat, (31, 32), axis=1)[:, 31:33].mean(axis=1, keepdims=True)
    packed: npt.NDArray[np.uint8] = np.packbits(flat > middle, axis=1)
    return packed.view(">u8")[:, 0].astype(np.uint64)


def picture_hashes(picture: Pixels, coarse: npt.NDArray[np.uint8]) -> Hashes:
    """len(WINDOWS) hashes; `coarse` has the picture's 32 x 32 means, of which crops are made.

    0.4 ms of one core for 640 x 480, most of it Lanczos' reduction.

    A picture without texture has hashes that mean nothing: see `image_codes.Kind`.
    """
    whole = _cosines() @ reduced(picture.gray).astype(np.float64) @ _cosines().T
    signs = 1.0 - 2.0 * (np.arange(_LOW_EDGE) % 2)
    down, across = _crop_matrices()
    # In the scale of `whole`: sums of 2 x 2 cosines over as many cells.
    crops = down @ coarse.astype(np.float64) @ across * (4.0 * EDGE**2)
    return _bits(np.concatenate([np.stack([whole, whole * signs]), crops]))
