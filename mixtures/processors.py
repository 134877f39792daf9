"""Target processors: how a model sees an image, from its size alone.

A processor scales an image to its longest edge, rounds each side up to whole tiles, and adds one
global tile, which is the whole image; an image of a single tile is that tile alone. The arithmetic
follows transformers' SmolVLM image processor step by step, in doubles: sizes near a tile's edge
depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from manifests.errors import UsageError, nearest
from mixtures.custom_processor import CustomProcessor as Processor

__all__ = [
    "DEFAULT_PROCESSOR",
    "PROCESSORS",
    "Processor",
    "get_processor",
    "image_tiles",
    "scaled_size",
]

_Ints = npt.NDArray[np.int64]

# The vocabulary has `<row_1_col_1>` to `<row_6_col_6>`; the image processor knows no larger image.
_MAX_TILES = 6
_MAX_EDGE_PX = 4096

# SmolVLM cards: 512 px tiles (SigLIP-B/16-512, pixel shuffle 4) for the two small sizes, 384 px
# (SigLIP-SO400M/14-384, pixel shuffle 3) for 2.2B; longest edge 4 tiles in each; contexts of 8k and
# 16k (paper, section 2.2). `tiny` is for models that a laptop trains: 8 px patches, shuffle 4.
PROCESSORS: Mapping[str, Processor] = {
    processor.name: processor
    for processor in (
        Processor(
            name="smolvlm-256m",
            tile_px=512,
            longest_edge_px=2048,
            ids_per_tile=64,
            context_tokens=8192,
        ),
        Processor(
            name="smolvlm-500m",
            tile_px=512,
            longest_edge_px=2048,
            ids_per_tile=64,
            context_tokens=8192,
        ),
        Processor(
            name="smolvlm-2.2b",
            tile_px=384,
            longest_edge_px=1536,
            ids_per_tile=81,
            context_tokens=16_384,
        ),
        Processor(
            name="tiny",
            tile_px=64,
            longest_edge_px=128,
            ids_per_tile=4,
            upscale=False,
            context_tokens=2048,
        ),
    )
}
DEFAULT_PROCESSOR = "smolvlm-256m"


def get_processor(spec: str | Processor) -> Processor:
    """The processor of that name, or the custom one as it is; a usage error where it cannot be."""
    if isinstance(spec, Processor):
        _check(spec)
        return spec
    if spec not in PROCESSORS:
        known = ", ".join(PROCESSORS)
        raise UsageError(
            f"there is no processor {spec!r}{nearest(spec, PROCESSORS)} (there are {known}; a "
            "recipe may give its own: tile_px, longest_edge_px, ids_per_tile, context_tokens)"
        )
    return PROCESSORS[spec]


def _check(processor: Processor) -> None:
    edge, tile = processor.longest_edge_px, processor.tile_px
    if edge % 2 or edge > _MAX_EDGE_PX:
        raise UsageError(
            f"processor {processor.name}: longest_edge_px is {edge}; it must be even and at most "
            f"{_MAX_EDGE_PX}"
        )
    if -(-edge // tile) > _MAX_TILES:
        raise UsageError(
            f"processor {processor.name}: {edge} px are {-(-edge // tile)} tiles of {tile} px, and "
            f"the vocabulary numbers {_MAX_TILES} rows and columns; lower longest_edge_px to "
            f"{_MAX_TILES * tile}, or raise tile_px"
        )


def image_tiles(processor: Processor, width_px: _Ints, height_px: _Ints) -> tuple[_Ints, _Ints]:
    """(rows, columns) of tiles of each image, the global tile not counted; 0 of a single tile."""
    width, height = scaled_size(processor, width_px, height_px)
    tile = processor.tile_px
    width, height = _scaled(-(-np.maximum(width, height) // tile) * tile, width, height, even=False)
    rows, columns = -(-height // tile), -(-width // tile)
    split = rows * columns > 1
    return np.where(split, rows, 0), np.where(split, columns, 0)


def scaled_size(processor: Processor, width_px: _Ints, height_px: _Ints) -> tuple[_Ints, _Ints]:
    """(width, height) that each image is first scaled to, before its sides are whole tiles."""
    assert (np.minimum(width_px, height_px) > 0).all(), "an image has at least one pixel"
    edge = np.full_like(width_px, processor.longest_edge_px)
    if not processor.upscale:
        edge = np.minimum(edge, np.maximum(width_px, height_px))
    return _scaled(edge, width_px, height_px, even=True)


def _scaled(edge: _Ints, width: _Ints, height: _Ints, *, even: bool) -> tuple[_Ints, _Ints]:
    """Each size with its longer side as long as `edge`; the other rounded down, then up to even."""
    wide = width >= height
    aspect = width / height
    short = np.where(wide, edge / aspect, edge * aspect).astype(np.int64)
    short = np.maximum(short + short % 2 if even else short, 1)
    return np.where(wide, edge, short), np.where(wide, short, edge)
