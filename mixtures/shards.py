"""Where output shards begin and end: on window ends, in eights, of about equal size."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mixtures.order import WINDOW_ROWS

# A reader of one shard in eight still sees the ratios, so shards come in eights.
SHARD_MULTIPLE = 8


def shard_bounds(
    sizes: npt.NDArray[np.int64], target: int, window: int = WINDOW_ROWS
) -> list[tuple[int, int]]:
    """(first row, row after the last) of each shard, for rows of `sizes` (bytes, or ones for rows).

    Shards hold whole windows (the last one also the remainder) and at most about `target` in size.
    Their number is a multiple of 8 where there are at least 8 windows.
    """
    if not len(sizes):
        return []
    ends = np.append(np.arange(window, len(sizes), window), len(sizes))
    reached = np.cumsum(sizes)[ends - 1]
    num_shards = _num_shards(math.ceil(int(reached[-1]) / target), len(ends))
    step = np.arange(1, num_shards)
    goals = int(reached[-1]) * step // num_shards
    cuts = np.searchsorted(reached, goals, side="left") + 1
    # At least one window a shard: first pushed up by the cuts before, then down by those after.
    cuts = np.maximum.accumulate(np.maximum(cuts, step) - step) + step
    cuts = np.minimum(cuts, len(ends) - num_shards + step)
    bounds = [0, *ends[cuts - 1].tolist(), len(sizes)]
    return list(zip(bounds, bounds[1:], strict=False))


def _num_shards(wanted: int, num_windows: int) -> int:
    if num_windows < SHARD_MULTIPLE:
        return min(max(wanted, 1), num_windows)
    eights = math.ceil(max(wanted, 1) / SHARD_MULTIPLE)
    return SHARD_MULTIPLE * min(eights, num_windows // SHARD_MULTIPLE)
