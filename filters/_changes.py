"""What changes from each sampled frame of a clip to the next: the base of the filters of motion.

Frames are seen as their thumbs, 32 by 32 gray means of areas (`Pixels.thumb`): a cell of a frame of
512 by 288 pixels is 16 by 9 of them. Frames are a second apart, or the 64th part of a clip that
is longer than 64 s: what begins and ends between two of them is not seen.

The suffix `_p` is one value a pair of successive frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from filters.pixels import Pixels

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Largest change of any cell, of 255 levels, at which two frames are the same picture. Ours. Photos
# and a slide held still for 10 s, as x264 (crf 23 and 38), MPEG-4 and VP8, change by 4 at most
# (by 5 at crf 40 and 320 x 180), and so do those with noise of a sensor; a cursor of 4 by 40 pixels
# on 1280 x 720 changes a cell by 25, a pointer by 14 to 43, a real face (carphone) put into a
# corner, 50 pixels wide, by 9 to 13.
STILL_LEVELS = 4
# A cut: frames differ by this much on average and are hardly alike in their pattern. Ours; on all
# of Big Buck Bunny (596 s; 176 cuts between successive frames of 24 a second) 85 % of the pairs
# found so at one frame a second hold a cut, and 91 % of the pairs that hold one are found.
_CUT_LEVELS = 20.0
_CUT_CORRELATION = 0.4


@dataclass(frozen=True, slots=True)
class Changes:
    """Of gray levels (0 to 255): the mean and the largest change over cells; and what that is.

    A pair of frames is still, a cut, or neither.
    """

    mean_p: Floats
    largest_p: Floats
    is_still_p: Bools
    is_cut_p: Bools

    @property
    def num_pairs(self) -> int:
        return len(self.mean_p)


def changes(pictures: Sequence[Pixels]) -> Changes:
    """Of each frame and the next; none for a single frame."""
    thumbs = np.stack([picture.thumb for picture in pictures]).reshape(len(pictures), -1)
    levels = thumbs.astype(np.float64)
    differences = np.abs(np.diff(levels, axis=0))
    mean_p, largest_p = differences.mean(axis=1), differences.max(axis=1)
    is_cut_p = (mean_p >= _CUT_LEVELS) & (_correlation(levels) < _CUT_CORRELATION)
    return Changes(mean_p, largest_p, largest_p <= STILL_LEVELS, is_cut_p)


def _correlation(levels: Floats) -> Floats:
    """Of each row with the next; 0 where one of them is of one level."""
    apart = levels - levels.mean(axis=1, keepdims=True)
    norms = np.sqrt((apart**2).sum(axis=1))
    products = (apart[1:] * apart[:-1]).sum(axis=1)
    return np.asarray(products / np.maximum(norms[1:] * norms[:-1], 1e-9))
