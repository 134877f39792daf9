"""Where a feed stands, and the same work divided among another number of processes.

Processes do not end a pass at the same step. When their number changes, what all of them still
lack of the passes that any of them began is dealt out by windows, as is what was read and not yet
trained on; the next pass is taken in turns again. So every row is trained on once a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trainer.build_rows import WINDOW_ROWS, BuildRows, Unit

# (first row, number of rows), within one unit.
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FeedState:
    """`behind` is read before the rest of pass `epoch`, of which `taken` rows were."""

    epoch: int = 0
    taken: int = 0
    left_out: int = 0
    open: tuple[tuple[int, ...], ...] = ()
    behind: tuple[Range, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "taken": self.taken,
            "left_out": self.left_out,
            "open": [list(rows) for rows in self.open],
            "behind": [list(found) for found in self.behind],
        }

    @classmethod
    def of_json(cls, raw: dict[str, Any]) -> FeedState:
        """States of before `behind` was there have nothing behind."""
        behind = tuple((first, count) for first, count in raw.get("behind", ()))
        return cls(**{**raw, "open": tuple(tuple(rows) for rows in raw["open"]), "behind": behind})


def divide(states: Sequence[FeedState], rows: BuildRows, num_ranks: int) -> list[FeedState]:
    """The states of `num_ranks` processes that go on where these were; equal numbers, the same."""
    if len(states) == num_ranks:
        return list(states)
    # The first pass that nobody has begun.
    epoch = max(state.epoch + (state.taken > 0) for state in states)
    lacking = [
        found
        for rank, state in enumerate(states)
        for found in _lacking(state, rows.of_rank(rank, len(states)), epoch)
    ]
    open_ = [found for state in states for found in state.open]
    return [
        FeedState(
            epoch=epoch,
            left_out=sum(state.left_out for state in states) if rank == 0 else 0,
            open=tuple(open_[rank::num_ranks]),
            behind=tuple(_share(sorted(lacking), rank, num_ranks)),
        )
        for rank in range(num_ranks)
    ]


def _lacking(
    state: FeedState, units: Sequence[Unit], epoch: int
) -> Iterator[tuple[int, int, int, int]]:
    """(pass, window, first row, rows) that a process has to take before pass `epoch` begins."""
    for first, count in state.behind:
        yield -1, first // WINDOW_ROWS, first, count
    for number in range(state.epoch, epoch):
        skip = state.taken if number == state.epoch else 0
        for unit in units:
            left = unit.count - skip
            if left > 0:
                yield number, unit.window, unit.first + unit.count - left, left
            skip = max(skip - unit.count, 0)


def _share(
    lacking: Sequence[tuple[int, int, int, int]], rank: int, num_ranks: int
) -> Iterator[Range]:
    """Whole windows in turns: each of them holds the documented shares."""
    windows = list(dict.fromkeys((number, window) for number, window, _, _ in lacking))
    mine = set(windows[rank::num_ranks])
    for number, window, first, count in lacking:
        if (number, window) in mine:
            yield first, count


def parts_of(rows: BuildRows, behind: Sequence[Range]) -> list[Unit]:
    """The units, or ends of units, that these rows are."""
    found = []
    for first, count in behind:
        unit = rows.unit_of(first)
        skip = first - unit.first
        found.append(replace(unit, offset=unit.offset + skip, first=first, count=count))
    return found


def without(behind: Sequence[Range], number: int) -> tuple[Range, ...]:
    """What is left once so many rows of it were taken."""
    left = []
    for first, count in behind:
        skip = min(number, count)
        number -= skip
        if skip < count:
            left.append((first + skip, count - skip))
    return tuple(left)
