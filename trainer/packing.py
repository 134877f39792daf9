"""Items to sequences of at most so many ids and tiles: first fit over a few open sequences.

What is open is part of the trainer's state: rows that were read and not yet trained on. Rows that
fit into no sequence at all are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from trainer.items import Item
from trainer.vocabulary import Ids

_OPEN = 16


@dataclass
class Sequence:
    """Items one after another, none of which sees another."""

    items: list[Item] = field(default_factory=list)

    @property
    def num_ids(self) -> int:
        return sum(item.num_ids for item in self.items)

    @property
    def num_tiles(self) -> int:
        return sum(len(item.tiles) for item in self.items)

    def positions(self) -> Ids:
        """From 0 in each item, by which attention knows where one begins."""
        return np.concatenate([np.arange(item.num_ids) for item in self.items])


class Packer:
    """Packs items in order; equal items, equal sequences."""

    def __init__(self, num_ids: int, num_tiles: int) -> None:
        """The most ids and tiles of a sequence."""
        self._num_ids, self._num_tiles = num_ids, num_tiles
        self.open: list[Sequence] = []
        self.left_out = 0

    def pack(self, items: Iterable[Item]) -> Iterator[Sequence]:
        """Full sequences; what is open at the end stays open."""
        for item in items:
            full = self.add(item)
            if full is not None:
                yield full

    def add(self, item: Item) -> Sequence | None:
        """The fullest open sequence, where the item needs a new one and no more may be open."""
        if item.num_ids > self._num_ids or len(item.tiles) > self._num_tiles:
            self.left_out += 1
            return None
        for sequence in self.open:
            if self._fits(sequence, item):
                sequence.items.append(item)
                return None
        full = None
        # There may be more, of fewer processes than there were.
        if len(self.open) >= _OPEN:
            full = max(self.open, key=lambda sequence: sequence.num_ids)
            self.open.remove(full)
        self.open.append(Sequence([item]))
        return full

    def rest(self) -> list[Sequence]:
        """What is open, fullest first; nothing is after that."""
        found = sorted(self.open, key=lambda sequence: -sequence.num_ids)
        self.open = []
        return found

    def _fits(self, sequence: Sequence, item: Item) -> bool:
        is_short = sequence.num_ids + item.num_ids <= self._num_ids
        return is_short and sequence.num_tiles + len(item.tiles) <= self._num_tiles
