"""Which rows of some files a question finds: a count and one bit a row of each file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import polars as pl

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Found:
    """Of one file: how many rows, and which; no mask stands for all of them."""

    count: int
    mask: pl.Series | None = None

    def rows(self, first: int, number: int) -> list[int]:
        """Places in the file of so many of the rows that were found."""
        if self.mask is None:
            return list(range(first, min(first + number, self.count)))
        return [int(at) for at in self.mask.arg_true().slice(first, number)]


@dataclass(frozen=True, slots=True)
class Selected:
    """`found` is by file; of `num_unknown` rows nobody can say whether they belong to it."""

    found: Sequence[Found]
    num_unknown: int = 0

    @property
    def total(self) -> int:
        return sum(found.count for found in self.found)

    def places(self, first: int, number: int) -> list[tuple[int, int]]:
        """(number of the file, row in it) of rows `first` and on, in order."""
        places: list[tuple[int, int]] = []
        for unit, found in enumerate(self.found):
            if first < found.count:
                rows = found.rows(first, number - len(places))
                places += [(unit, row) for row in rows]
            first = max(first - found.count, 0)
            if len(places) == number:
                break
        return places


class Recent(Generic[Kept]):
    """What was made last, up to `most` of what `weigh` says it weighs; made once at a time."""

    def __init__(self, most: int, weigh: Callable[[Kept], int] = lambda _: 1) -> None:
        self._most = most
        self._weigh = weigh
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._weight = 0
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            made = self._kept[key] = make()
            self._weight += self._weigh(made)
            while self._weight > self._most and len(self._kept) > 1:
                self._weight -= self._weigh(self._kept.popitem(last=False)[1])
            return made
