"""Encoded images to tiles of 8-bit RGB, pixel by pixel as transformers' Pillow processor cuts them.

An image is scaled to the processor's longest edge, then so that both sides are whole tiles, and
cut; the last tile is the whole picture again, squeezed into one. An image that is not split, and a
frame of a clip, is that one tile alone. Tiles stay 8-bit until they are on the model's device: as
floats a picture of 17 tiles of 512 px takes 53 MB, here 13.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from manifests.errors import IntegrityError
from mixtures.processors import Processor, image_tiles, scaled_size

ImageScale = Literal["inference", "smolvlm-train"]
# huggingface/smollm, vision/m4/training/utils.py (image_splitting): tiles along the longest side
# and how often, for models that see more than 1092 px, and for others.
_TILES = {True: ((2, 3, 4, 5), (0.4, 0.3, 0.2, 0.1)), False: ((1, 2, 3), (0.5, 0.3, 0.2))}
_LARGE_PX = 1092

Tiles = npt.NDArray[np.uint8]
_FILTER = Image.Resampling.LANCZOS


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """`tiles` (n, edge, edge, 3), row by row and then the whole; 0 rows and columns of one tile."""

    tiles: Tiles
    rows: int
    columns: int


def scaled_processor(processor: Processor, scale: ImageScale, draw: float) -> Processor:
    """The processor of one image: `inference` scales each to the longest edge, training to a side
    of some tiles by `draw`, 0 to 1, and no further than that edge."""
    if scale == "inference":
        return processor
    tiles, shares = _TILES[processor.longest_edge_px > _LARGE_PX]
    place = min(bisect_right(list(accumulate(shares)), draw), len(tiles) - 1)
    edge = min(tiles[place] * processor.tile_px, processor.longest_edge_px)
    return processor.model_copy(update={"longest_edge_px": edge})


def read_picture(data: bytes, processor: Processor, split: bool) -> Picture:
    """IntegrityError where it is no image: builds hold none that cannot be opened."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise IntegrityError(f"an image of the build cannot be decoded ({error})") from error
    return picture_of(image, processor, split)


def picture_of(image: Image.Image, processor: Processor, split: bool) -> Picture:
    """Tiles of an RGB image; two scalings by Lanczos and one more for the whole."""
    edge = processor.tile_px
    width, height = (np.array([side]) for side in image.size)
    first = tuple(int(side[0]) for side in scaled_size(processor, width, height))
    scaled = _resized(image, first)
    if not split:
        return Picture(np.asarray(_resized(scaled, (edge, edge)))[None], 0, 0)
    rows, columns = (int(count[0]) for count in image_tiles(processor, width, height))
    if not rows:
        return Picture(np.asarray(_resized(scaled, (edge, edge)))[None], 0, 0)
    whole = _resized(scaled, (columns * edge, rows * edge))
    cut = np.asarray(whole).reshape(rows, edge, columns, edge, 3).swapaxes(1, 2)
    tiles = np.concatenate(
        [cut.reshape(-1, edge, edge, 3), np.asarray(_resized(whole, (edge, edge)))[None]]
    )
    return Picture(tiles, rows, columns)


def _resized(image: Image.Image, size: tuple[int, ...]) -> Image.Image:
    width, height = size
    return image if image.size == size else image.resize((width, height), _FILTER)
