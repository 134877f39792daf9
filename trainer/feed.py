"""Sequences for one rank, without end, and the state from which another process goes on.

The state is which pass over the build this is, how many rows of it were taken, and the rows of the
sequences that are still open: every row is trained on once a pass, whatever was killed and when,
and with any number of workers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from manifests.errors import UsageError
from trainer.build_rows import BuildRows, Unit
from trainer.items import Encoder, Item, read_items
from trainer.packing import Packer, Sequence


@dataclass(frozen=True, slots=True)
class FeedState:
    epoch: int = 0
    taken: int = 0
    left_out: int = 0
    open: tuple[tuple[int, ...], ...] = ()

    def as_json(self) -> dict[str, Any]:
        rows = [list(rows) for rows in self.open]
        return {"epoch": self.epoch, "taken": self.taken, "left_out": self.left_out, "open": rows}

    @classmethod
    def of_json(cls, raw: dict[str, Any]) -> FeedState:
        return cls(**{**raw, "open": tuple(tuple(rows) for rows in raw["open"])})


class Feed:
    """An iterator of full sequences."""

    def __init__(
        self,
        rows: BuildRows,
        encoder: Encoder,
        packer: Packer,
        rank: int,
        num_ranks: int,
        num_workers: int,
    ) -> None:
        self._rows, self._encoder, self._packer = rows, encoder, packer
        self._units = rows.of_rank(rank, num_ranks)
        if not self._units:
            raise UsageError(
                f"{rows.build} has {len(rows)} rows, and {num_ranks} processes take 64 each in "
                "turn: start fewer processes, or build a larger mixture"
            )
        self._num_workers = num_workers
        self._epoch, self._taken = 0, 0

    def sequences(self) -> Iterator[Sequence]:
        """Passes over the rank's rows, one after another; packing does not end with a pass."""
        num_rows = sum(unit.count for unit in self._units)
        has_room = False
        for item in read_items(
            self._rows,
            self._units,
            self._encoder,
            self._num_workers,
            skip=self._taken,
            is_endless=True,
        ):
            before = self._packer.left_out
            full = self._packer.add(item)
            has_room |= self._packer.left_out == before
            self._taken += 1
            if self._taken == num_rows:
                self._epoch, self._taken = self._epoch + 1, 0
                self._check(has_room)
            if full is not None:
                yield full

    def _check(self, has_room: bool) -> None:
        if not has_room:
            raise UsageError(
                f"no row of {self._rows.build} fits into a sequence; raise --context or --max-tiles"
            )

    @property
    def epoch(self) -> int:
        return self._epoch

    @property
    def left_out(self) -> int:
        return self._packer.left_out

    def state(self) -> FeedState:
        open_ = tuple(tuple(item.row for item in s.items) for s in self._packer.open)
        return FeedState(self._epoch, self._taken, self._packer.left_out, open_)

    def restore(self, state: FeedState) -> None:
        """Reads the open rows again, in this process."""
        self._epoch, self._taken = state.epoch, state.taken
        self._packer.left_out = state.left_out
        self._packer.open = [Sequence([self._item(row) for row in rows]) for rows in state.open]

    def _item(self, row: int) -> Item:
        place = bisect_right(self._rows.units, row, key=_first) - 1
        unit = self._rows.units[place]
        return self._encoder.item(row, self._rows.read(unit)[row - unit.first])


def _first(unit: Unit) -> int:
    return unit.first
