"""Sequences for one rank, without end, and the state from which another process goes on.

The state (cursor.py) is which pass over the build this is, how many rows of it were taken, and the
rows of the sequences that are still open: every row is trained on once a pass, whatever was killed
and when, and with any number of workers or processes.
"""

from __future__ import annotations

from collections.abc import Iterator

from manifests.errors import UsageError
from trainer.build_rows import BuildRows
from trainer.cursor import FeedState, Range, parts_of, without
from trainer.items import Encoder, Item, read_items
from trainer.packing import Packer, Sequence


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
        self._num_rows = sum(unit.count for unit in self._units)
        self._epoch, self._taken = 0, 0
        self._behind: tuple[Range, ...] = ()

    def sequences(self) -> Iterator[Sequence]:
        """What is behind, then passes over the rank's rows; packing does not end with a pass."""
        # Of a pass that is gone on with, what came before is not known.
        has_room = self._taken > 0 or bool(self._behind)
        for item in self._items():
            before = self._packer.left_out
            full = self._packer.add(item)
            has_room |= self._packer.left_out == before
            if self._behind:
                self._behind = without(self._behind, 1)
            else:
                self._taken += 1
            if self._taken == self._num_rows:
                self._epoch, self._taken = self._epoch + 1, 0
                self._check(has_room)
                has_room = False
            if full is not None:
                yield full

    def _items(self) -> Iterator[Item]:
        rows, encoder, workers = self._rows, self._encoder, self._num_workers
        yield from read_items(rows, parts_of(rows, self._behind), encoder, workers)
        yield from read_items(
            rows, self._units, encoder, workers, skip=self._taken, is_endless=True
        )

    def _check(self, has_room: bool) -> None:
        if not has_room:
            raise UsageError(
                f"no row of {self._rows.build} fits into a sequence; raise --context or --max-tiles"
            )

    @property
    def epoch(self) -> int:
        """Passes that are done."""
        return self._epoch - bool(self._behind)

    @property
    def left_out(self) -> int:
        return self._packer.left_out

    def state(self) -> FeedState:
        open_ = tuple(tuple(item.row for item in s.items) for s in self._packer.open)
        return FeedState(self._epoch, self._taken, self._packer.left_out, open_, self._behind)

    def restore(self, state: FeedState) -> None:
        """Reads the open rows again, in this process."""
        self._epoch, self._taken, self._behind = state.epoch, state.taken, state.behind
        self._packer.left_out = state.left_out
        self._packer.open = [Sequence([self._item(row) for row in rows]) for rows in state.open]

    def _item(self, row: int) -> Item:
        unit = self._rows.unit_of(row)
        return self._encoder.item(row, self._rows.read(unit)[row - unit.first])
