"""Whether two images are one, by their small gray pictures: what a hash says alone drops nothing.

Photos that do not lie so already are laid on each other. The window that matched is where this
begins; Gauss-Newton steps then find where the edges of one lie in the other, to a fraction of a
mean, together with a gain and an offset of brightness (B. Lucas and T. Kanade, 1981). What is left
must be small over the whole and in each of 16 blocks, so that a thing or a caption in one picture
alone is seen. The steps are made on 32 x 32 means, the comparison on windows cut from 64 x 64: cut
from 32 x 32, five times as much was left of copies, and captions went unseen.

Pages and charts are compared mean by mean, unmoved: no mean may lie apart by more than encoding and
scaling move it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.near.image_hashes import WINDOWS
from pipelines.near.image_tiles import COARSE, MEDIUM, coarser

Floats = npt.NDArray[np.float64]
Pictures = npt.NDArray[np.float32]

_NUM_STEPS = 5
_BLOCKS = 4
# The window of a copy may reach over the edge of the original by so much of its side.
_OVER = 0.02
# Least part of a side that is still a copy: a cut of 5 % from both its ends, and a little.
_LEAST_SIDE = 0.86
# Longest way of a window's edge in one step, in sides; least gain that is one of brightness.
_LONGEST_STEP = 0.04
# A window whose edges move by less, in sides, stays: a fortieth of what tells a cut from a whole.
_LEAST_STEP = 0.00015
_LEAST_GAIN = 0.3
_RIDGE = 1e-3
# What encoding leaves in a mean, in levels of gray.
_NOISE_LEVELS = 2.0
_CENTRES = (np.arange(COARSE) + 0.5) / COARSE


def registered(
    originals: Pictures, copies: Pictures, slots: npt.NDArray[np.integer]
) -> tuple[Floats, Floats, Floats]:
    """(correlation, worst block, farthest edge) of pairs of 64 x 64 means, laid on each other.

    `slots` say which of `image_hashes.WINDOWS` of the original the copy looks like; an original
    that is mirrored is given so. The worst block is what is left in the worst of 16, squared, by
    the variance of the copy. The farthest edge of the window lies so far from the original's own,
    in sides. Where no window is found they are 0, infinite, 1. Up to 0.3 ms and 200 kB a pair,
    given some sixteen at a time.
    """
    first = coarser(originals, COARSE).astype(np.float64)
    second = coarser(copies, COARSE).astype(np.float64)
    windows = np.array(WINDOWS)[slots]  # pairs x (across, down) x (start, stop)
    moving = np.arange(len(windows))
    for _ in range(_NUM_STEPS):
        step = _step(first[moving], second[moving], windows[moving])
        windows[moving] += step
        moving = moving[np.abs(step).max(axis=(1, 2)) > _LEAST_STEP]
    sides = windows[:, :, 1] - windows[:, :, 0]
    is_copy = (windows >= -_OVER).all(axis=(1, 2)) & (windows <= 1 + _OVER).all(axis=(1, 2))
    is_copy &= (sides >= _LEAST_SIDE).all(axis=1)
    windows[~is_copy] = WINDOWS[0]
    whole, rest = _likeness(_reduced(originals.astype(np.float64), windows), second)
    farthest = np.abs(windows - np.array(WINDOWS[0])).max(axis=(1, 2))
    return (
        np.where(is_copy, whole, 0.0),
        np.where(is_copy, _by_variance(rest, copies), np.inf),
        np.where(is_copy, farthest, 1.0),
    )


def _reduced(fine: Floats, windows: Floats) -> Floats:
    """The windows of 64 x 64 means as 32 x 32, by triangles as `image_tiles.means` has them."""

    def weights(windows: Floats) -> Floats:
        start, sides = windows[:, :1], windows[:, 1:] - windows[:, :1]
        place = ((start + sides * _CENTRES) * MEDIUM - 0.5)[:, :, None]
        reach = sides[:, :, None] * (MEDIUM / COARSE)
        found = np.clip(1 - np.abs(place - np.arange(MEDIUM)) / reach, 0, None)
        normed: Floats = found / found.sum(axis=2, keepdims=True)
        return normed

    seen: Floats = weights(windows[:, 1]) @ fine @ weights(windows[:, 0]).swapaxes(1, 2)
    return seen


def _weights(windows: Floats, moved: float) -> Floats:
    """Of linear interpolation between the means of a side; beyond the edge, the last mean."""
    place = (windows[:, :1] + (windows[:, 1:] - windows[:, :1]) * _CENTRES) * COARSE - 0.5 + moved
    apart = np.clip(place, 0, COARSE - 1)[:, :, None] - np.arange(COARSE)
    weights: Floats = np.clip(1 - np.abs(apart), 0, None)
    return weights


def _sampled(pictures: Floats, windows: Floats) -> tuple[Floats, Floats, Floats]:
    """The windows as 32 x 32 means, and their slopes to the right and downwards, a mean."""
    (across, to_right), (down, downwards) = (
        (_weights(side, 0.0), _weights(side, 0.5) - _weights(side, -0.5))
        for side in (windows[:, 0], windows[:, 1])
    )
    rows, across = down @ pictures, across.swapaxes(1, 2)
    return rows @ across, rows @ to_right.swapaxes(1, 2), downwards @ pictures @ across


def _step(first: Floats, second: Floats, windows: Floats) -> Floats:
    """How far each window's (start, stop) are to move, by least squares over all means."""
    seen, across, down = _sampled(first, windows)
    after = _CENTRES[None, :]
    below = _CENTRES[:, None]
    parts = np.empty((len(seen), 6, COARSE, COARSE))  # pairs x 6 x means
    np.multiply(across, 1 - after, out=parts[:, 0])
    np.multiply(across, after, out=parts[:, 1])
    np.multiply(down, 1 - below, out=parts[:, 2])
    np.multiply(down, below, out=parts[:, 3])
    parts[:, 4], parts[:, 5] = seen, 1.0
    flat = parts.reshape(len(seen), 6, COARSE**2)
    squares = flat @ flat.swapaxes(1, 2)
    # A picture without slopes one way leaves its window as it is that way.
    squares += np.eye(6) * _RIDGE
    found = np.linalg.solve(squares, flat @ second.reshape(len(seen), COARSE**2, 1))[:, :, 0]
    gain = np.maximum(found[:, 4:5], _LEAST_GAIN)
    moved = found[:, :4] / gain / COARSE
    step: Floats = np.clip(moved, -_LONGEST_STEP, _LONGEST_STEP).reshape(-1, 2, 2)
    return step


def _likeness(seen: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Correlation, and the squared rest in the worst block."""
    x = seen - seen.mean(axis=(1, 2), keepdims=True)
    y = second - second.mean(axis=(1, 2), keepdims=True)
    xx, yy, xy = ((a * b).sum(axis=(1, 2)) for a, b in ((x, x), (y, y), (x, y)))
    whole = xy / np.sqrt(np.maximum(xx * yy, _RIDGE))
    return whole, _worst_block(y - x * (xy / np.maximum(xx, _RIDGE))[:, None, None])


def _worst_block(apart: Floats) -> Floats:
    """Mean of the squares in the worst block."""
    edge = apart.shape[-1] // _BLOCKS
    blocks = (apart**2).reshape(-1, _BLOCKS, edge, _BLOCKS, edge).mean(axis=(2, 4))
    worst: Floats = blocks.max(axis=(1, 2))
    return worst


def _by_variance(rest: Floats, copies: Pictures) -> Floats:
    """That of 64 x 64 means: a cut of fine texture leaves something of what coarser ones lose."""
    worst: Floats = rest / (copies.var(axis=(1, 2)) + _NOISE_LEVELS**2)
    return worst


def unmoved(originals: Pictures, copies: Pictures) -> tuple[Floats, Floats, Floats]:
    """(correlation, worst block, greatest difference in levels) of pairs of means of one edge, as
    they lie; an original that is mirrored is given so. 0.05 ms a pair.

    Differences are from their mean: encoding lightens a page of fine ink as a whole.
    """
    apart = copies.astype(np.float64) - originals
    apart -= apart.mean(axis=(1, 2), keepdims=True)
    x = originals - originals.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    y = x + apart
    xx, yy, xy = ((a * b).sum(axis=(1, 2)) for a, b in ((x, x), (y, y), (x, y)))
    whole = xy / np.sqrt(np.maximum(xx * yy, _RIDGE))
    return whole, _by_variance(_worst_block(apart), copies), np.abs(apart).max(axis=(1, 2))
