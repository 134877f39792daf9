"""Where output shards begin and end: on window ends, in eights, of equal numbers of windows."""

from __future__ import annotations

import math

from mixtures.order import WINDOW_ROWS

# A reader of one shard in eight still sees the ratios, so shards come in eights.
SHARD_MULTIPLE = 8


def shard_bounds(num_rows: int, num_shards_wanted: int) -> list[tuple[int, int]]:
    """(first row, row after the last) of each shard.

    Shards hold whole windows (the last one also the remainder), equally many to within one. Their
    number is a multiple of 8 where there are at least 8 windows, and at least the wanted one as far
    as there are windows for it.
    """
    if not num_rows:
        return []
    num_windows = -(-num_rows // WINDOW_ROWS)
    num_shards = _num_shards(num_shards_wanted, num_windows)
    cuts = [num_windows * shard // num_shards * WINDOW_ROWS for shard in range(num_shards)]
    return list(zip(cuts, [*cuts[1:], num_rows], strict=True))


def _num_shards(wanted: int, num_windows: int) -> int:
    if num_windows < SHARD_MULTIPLE:
        return min(max(wanted, 1), num_windows)
    eights = math.ceil(max(wanted, 1) / SHARD_MULTIPLE)
    return SHARD_MULTIPLE * min(eights, num_windows // SHARD_MULTIPLE)
