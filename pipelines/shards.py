"""Output shards of a resolved mixture: how many, and what the task of each is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mixtures.order import leaf_slot_blocks
from mixtures.shards import shard_bounds
from pipelines.resolution import Resolved
from pipelines.shard_rows import HeldShardTask, ShardTask

# Of about this size: large enough for throughput, small enough to hold eight at once.
SHARD_BYTES = 500_000_000


def all_shard_tasks(out: str, resolved: Resolved) -> Iterator[ShardTask | HeldShardTask]:
    yield from shard_tasks(out, resolved)
    yield from held_shard_tasks(out, resolved)


def shard_tasks(out: str, resolved: Resolved) -> Iterator[ShardTask]:
    """One task an output shard, in order; the rows of each are found when it runs."""
    bounds = shard_bounds(resolved.total, -(-resolved.num_bytes // SHARD_BYTES))
    known = resolved.supply.leaves.astype(np.int16)
    blocks = leaf_slot_blocks(resolved.recipe, resolved.solution.quotas)
    first = np.zeros(len(resolved.leaves), np.int64)
    waiting = np.empty(0, np.int16)
    for number, (start, stop) in enumerate(bounds):
        waiting = _at_least(waiting, blocks, stop - start)
        slots, waiting = known[waiting[: stop - start]], waiting[stop - start :]
        yield ShardTask(
            **_shared(out, resolved, f"train-{number:05d}-of-{len(bounds):05d}.parquet"),
            start=start,
            seed=resolved.recipe.seed,
            slots=slots,
            first=first.copy(),
            places=resolved.supply.places,
        )
        first += np.bincount(slots, minlength=len(first))


def held_shard_tasks(out: str, resolved: Resolved) -> Iterator[HeldShardTask]:
    """Shards of the validation split: all that is held out, by draw."""
    split = resolved.split
    bounds = shard_bounds(split.num_held, -(-split.num_bytes // SHARD_BYTES))
    ends = np.cumsum([bucket.num_rows for bucket in split.held])
    for number, (start, stop) in enumerate(bounds):
        spans = []
        for bucket, end in zip(split.held, ends.tolist(), strict=True):
            before = end - bucket.num_rows
            low, high = max(start, before), min(stop, end)
            if low < high:
                spans.append((bucket.number, low - before, high - before))
        name = f"validation-{number:05d}-of-{len(bounds):05d}.parquet"
        yield HeldShardTask(**_shared(out, resolved, name), spans=tuple(spans))


def _shared(out: str, resolved: Resolved, name: str) -> dict[str, Any]:
    return {
        "out": out,
        "name": name,
        "style": resolved.recipe.style,
        "is_masked": bool(resolved.recipe.mask_pii),
        "facts": resolved.facts.folder,
        "drawn": resolved.split.folder,
        "leaves": resolved.leaves,
        "parts": resolved.facts.parts,
    }


def _at_least(
    held: npt.NDArray[np.int16], blocks: Iterator[npt.NDArray[np.int16]], size: int
) -> npt.NDArray[np.int16]:
    parts = [held]
    while sum(map(len, parts)) < size:
        parts.append(next(blocks))
    return np.concatenate(parts)
