"""A picture as small as a model's whole view of it, made once for all filters that look at it.

Half of what a decode costs must do for all of them: a photo of 640 by 480 px is seen at a half of
its sides, a quarter of its pixels, and still shows all that a filter is after.
"""

from __future__ import annotations

from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from PIL import Image

from filters.pixels import Pixels

# Longest side, in pixels: what the whole view of the released processors has.
VIEW_PX = 512
# Edge of the squares of `View.cells`, in pixels of the view.
CELL_PX = 8
# Levels of gray that are taken for one: JPEG's noise on a plain ground is within 2 of it.
BAND_LEVELS = 17


class View:
    """A picture in gray, reduced by a whole number so that no side exceeds VIEW_PX."""

    def __init__(self, gray: Image.Image) -> None:
        times = -(-max(gray.size) // VIEW_PX)
        self.image = gray.reduce(times) if times > 1 else gray

    @cached_property
    def histogram(self) -> npt.NDArray[np.int64]:
        """Pixels of each of the 256 levels of gray."""
        return np.array(self.image.histogram(), np.int64)

    @cached_property
    def cells(self) -> Image.Image:
        """Means of squares of CELL_PX; the last of a row or column may be of less."""
        return self.image.reduce(CELL_PX)

    @cached_property
    def ground(self) -> tuple[int, float]:
        """(middle level, share of the pixels) of the fullest band of BAND_LEVELS levels."""
        up_to_l = np.zeros(257, np.int64)
        np.cumsum(self.histogram, out=up_to_l[1:])
        pixels_b = up_to_l[BAND_LEVELS:] - up_to_l[:-BAND_LEVELS]
        lowest = int(pixels_b.argmax())
        return lowest + BAND_LEVELS // 2, float(pixels_b[lowest] / up_to_l[-1])


_views: WeakKeyDictionary[Pixels, View] = WeakKeyDictionary()


def view_of(picture: Pixels) -> View:
    """The same view for as long as the picture lives."""
    view = _views.get(picture)
    if view is None:
        view = _views[picture] = View(picture.gray_image)
    return view
