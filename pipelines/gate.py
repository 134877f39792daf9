"""The token gate: what is done in turn to rows with more ids than the target takes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from mixtures.recipe import Remedy
from pipelines.flat import Bools, Ints
from pipelines.row_counts import Asked, RowCounter, RowCounts

RULE = "too_long"
_COLUMNS = [field.name for field in fields(Asked)]


@dataclass(frozen=True, slots=True)
class Gated:
    """Rows as they are to be written, their counts, and whether they fit."""

    asked: Asked
    counts: RowCounts
    fits: Bools


def gate(counter: RowCounter, asked: Asked, remedies: Sequence[Remedy], limit: int) -> Gated:
    """Each remedy in turn on the rows that have more than `limit` ids still.

    A remedy that is not enough stays where it made a row shorter, and the next one is tried.
    """
    counts = counter.counts(asked)
    for remedy in remedies:
        long = np.flatnonzero(counts.num_tokens > limit)
        if remedy == "drop" or not len(long):
            break
        asked = _with(asked, long, _REMEDIES[remedy](counter, _of(asked, long), limit))
        counts = counter.counts(asked)
    return Gated(asked, counts, counts.num_tokens <= limit)


def _fewer_frames(counter: RowCounter, asked: Asked, limit: int) -> Asked:
    """As many frames of each clip as fit, one at least."""
    frames = counter.counts(asked).num_frames
    rows = np.flatnonzero(frames > 1)
    part = _of(asked, rows)
    fewer = _most(counter, lambda n: replace(part, max_frames=n), frames[rows] - 1, limit)
    return _with(asked, rows, replace(part, max_frames=fewer))


def _trim_turns(counter: RowCounter, asked: Asked, limit: int) -> Asked:
    """As many turns as fit, one at least."""
    rows = np.flatnonzero(asked.num_turns > 1)
    part = _of(asked, rows)
    fewer = _most(counter, lambda n: replace(part, num_turns=n), part.num_turns - 1, limit)
    return _with(asked, rows, replace(part, num_turns=fewer))


def _unsplit(counter: RowCounter, asked: Asked, limit: int) -> Asked:
    """One tile an image, of rows that this makes shorter."""
    unsplit = replace(asked, split=np.zeros_like(asked.split))
    shorter = counter.counts(unsplit).num_tokens < counter.counts(asked).num_tokens
    return replace(asked, split=asked.split & ~shorter)


def _most(counter: RowCounter, ask: Callable[[Ints], Asked], most: Ints, limit: int) -> Ints:
    """The largest number up to `most` that lets each row fit, else 1; less makes a row shorter."""
    low, high = np.ones_like(most), most
    while (low < high).any():
        middle = (low + high + 1) // 2
        fits = counter.counts(ask(middle)).num_tokens <= limit
        low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1)
    return low


_Apply = Callable[[RowCounter, Asked, int], Asked]
_REMEDIES: dict[Remedy, _Apply] = {
    "fewer_frames": _fewer_frames,
    "unsplit_images": _unsplit,
    "trim_turns": _trim_turns,
}


def _of(asked: Asked, rows: Ints) -> Asked:
    return Asked(**{name: getattr(asked, name)[rows] for name in _COLUMNS})


def _with(asked: Asked, rows: Ints, part: Asked) -> Asked:
    """`asked` with these rows as `part` has them."""
    columns = {name: getattr(asked, name).copy() for name in _COLUMNS}
    for name, column in columns.items():
        column[rows] = getattr(part, name)
    return Asked(**columns)
