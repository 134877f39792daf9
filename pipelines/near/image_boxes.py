"""All pairs of points that differ by at most so much in every coordinate, without comparing all.

Points of the index are sorted by their cell in a grid over the first coordinates; a query asks in
each cell that the box around it reaches into. What is found is what all comparisons would find,
whatever the parts that index and queries are given in. Memory: 50 bytes a point, and 20 MB.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipelines.near.image_lookup import Ints, expanded

Points = npt.NDArray[np.int16]
Keys = npt.NDArray[np.uint64]

# Coordinates that make the grid. A cell is four tolerances wide: half of the boxes reach into a
# second one along each, so that a query asks in 1.5 ** 8 = 26 cells.
_GRID_COORDINATES = 8
_CELL_TOLERANCES = 4
_QUERIES_AT_ONCE = 1 << 14


def box_pairs(index: Points, queries: Points, tolerance: int) -> Iterator[tuple[Ints, Ints]]:
    """Batches of (places in `index`, places in `queries`), each pair once, in no stated order."""
    width = _CELL_TOLERANCES * max(tolerance, 1)
    keys = _keys(np.floor_divide(index[:, :_GRID_COORDINATES], width))
    order = np.argsort(keys, kind="stable")
    keys, in_order = keys[order], index[order]
    for first in range(0, len(queries), _QUERIES_AT_ONCE):
        some = queries[first : first + _QUERIES_AT_ONCE]
        for which, sought in _asked(some[:, :_GRID_COORDINATES].astype(np.int32), tolerance, width):
            begin = np.searchsorted(keys, sought, side="left")
            counts = np.searchsorted(keys, sought, side="right") - begin
            for place, number in expanded(begin, counts):
                right = which[number]
                apart = np.abs(in_order[place].astype(np.int32) - some[right])
                near = (apart <= tolerance).all(axis=1)
                yield order[place[near]], first + right[near]


def _asked(
    corners: npt.NDArray[np.int32], tolerance: int, width: int
) -> Iterator[tuple[Ints, Keys]]:
    """(places of queries, keys of a cell that each reaches into), each cell once a query."""
    low = np.floor_divide(corners - tolerance, width)
    high = np.floor_divide(corners + tolerance, width)
    num_grid = corners.shape[1]
    reaches = ((high > low) << np.arange(num_grid)).sum(axis=1)
    for chosen in range(1 << num_grid):
        which = np.flatnonzero((chosen & ~reaches) == 0)
        if len(which):
            steps = (chosen >> np.arange(num_grid)) & 1
            yield which, _keys(low[which] + steps)


def _keys(cells: npt.NDArray[np.signedinteger]) -> Keys:
    """The lowest 8 bits of each number, side by side: those of one query's cells all differ."""
    found = np.zeros(len(cells), np.uint64)
    for column in cells.T:
        found = (found << np.uint64(8)) | (column & 0xFF).astype(np.uint64)
    return found
