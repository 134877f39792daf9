"""What the sides of `feed_rows` share; imported in a peer's environment too, where transformers of
ours is not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.measure import NUM_WORKERS
from trainer.items import Encoder, Item


class _Encode:
    """A picklable collate function: one row to its item."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def __call__(self, row: dict[str, Any]) -> Item:
        return self._encoder.item(0, row)


def loaded(rows: Any, encoder: Encoder) -> Iterator[Item]:
    """Items of a torch data set, over and over, made by workers that stay."""
    from torch.utils.data import DataLoader

    loader: Any = DataLoader(
        rows,
        batch_size=None,
        num_workers=NUM_WORKERS,
        multiprocessing_context="spawn",
        persistent_workers=True,
        collate_fn=_Encode(encoder),
    )
    while True:
        yield from loader


def print_rate(items: Iterator[Item], number: int) -> None:
    """Rows a second of so many; the first row comes when the workers have started."""
    next(items)
    started = time.perf_counter()
    num_ids = sum(next(items).num_ids for _ in range(number))
    seconds = time.perf_counter() - started
    print(json.dumps({"rows_per_s": number / seconds, "num_ids": num_ids}))
