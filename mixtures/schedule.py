"""The rows of one level in windows: each child is never a whole row off its share.

That such a schedule exists for any shares is Tijdeman's theorem (The chairman assignment problem,
Discrete Mathematics 32, 1980). The m-th row of a child is a job. It may be done in a window once
the child would not be a whole row ahead at the window's end, and must be done in the first window
at whose end the child would be a whole row behind without it. So at a window's end a child has done
all jobs that are due, and at most one more; which children have done that one more is decided by
the earliest deadline first, which finds a schedule wherever there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
# int64, or Python integers (dtype object) where products would not fit.
_Exact = npt.NDArray[Any]
# After every deadline that there is.
_NEVER = np.iinfo(np.int64).max


class Schedule:
    """A level's windows from the first one on, as many at a time as the caller likes.

    `lines` are shares of the level's rows, one for each child: against all of them a child stays
    less than a row off. State is one job a child; cost per window about 0.5 us and 50 ns a child.
    """

    def __init__(self, quotas: Sequence[int], lines: Sequence[Sequence[Fraction]]) -> None:
        self._quotas = np.array(quotas, dtype=np.int64)
        self._total = sum(quotas)
        self._lines = [_Line(quotas, line) for line in lines]
        # What was decided up to the last window: rows that were due, and who is one row ahead.
        self._due: Ints = np.zeros(len(quotas), dtype=np.int64)
        self._ahead = 0
        self._done: Ints = np.zeros(len(quotas), dtype=np.int64)

    def take(self, ends: Ints) -> Ints | None:
        """Rows of each child (columns) in each of the next windows.

        `ends` are the level's rows at the end of each, counted from the first window of all. None
        where no order keeps to all lines: never with the children's quotas as the only line.
        """
        due = np.maximum.reduce([line.due(ends) for line in self._lines])
        due[ends == self._total] = self._quotas
        most = np.minimum.reduce([line.released(ends) for line in self._lines])
        free = np.minimum(most, self._quotas) - due
        num_ahead = ends - due.sum(axis=1)
        if (free < 0).any() or (num_ahead > free.sum(axis=1)).any():
            return None
        ahead = self._decide(due, free > 0, num_ahead)
        if ahead is None:
            return None
        done = due + ahead
        rows: Ints = np.diff(done, axis=0, prepend=self._done[None])
        self._due, self._done = due[-1], done[-1]
        return rows

    def _decide(
        self, due: Ints, free: npt.NDArray[np.bool_], num_ahead: Ints
    ) -> npt.NDArray[np.bool_] | None:
        """Which children are a row ahead of what is due at each window's end, `num_ahead` of them.

        One that is ahead stays so until its job is due; others join by earliest deadline. A set of
        children is an integer of so many bits.
        """
        is_same = due == np.concatenate([self._due[None], due[:-1]])
        num_free = free.sum(axis=1)
        is_open = (num_ahead > 0) & (num_ahead < num_free)
        orders = iter(self._by_deadline(due[is_open], free[is_open]).tolist())
        bits = [1 << place for place in range(due.shape[1])]
        ahead, found = self._ahead, []
        for same, everyone, count, choose in zip(
            _to_sets(is_same), _to_sets(free), num_ahead.tolist(), is_open.tolist(), strict=True
        ):
            ahead &= same
            missing = count - ahead.bit_count()
            if missing < 0:
                return None
            if not choose:
                ahead = everyone if count else 0
            else:
                places = iter(next(orders))
                while missing:
                    bit = bits[next(places)]
                    missing -= not ahead & bit
                    ahead |= bit
            found.append(ahead)
        self._ahead = ahead
        return _from_sets(found, due.shape[1])

    def _by_deadline(self, due: Ints, free: npt.NDArray[np.bool_]) -> Ints:
        """Children of each window by the row at which their next job is due, ties by place."""
        rows = np.minimum.reduce([line.due_rows(due) for line in self._lines])
        return np.argsort(np.where(free, rows, _NEVER), axis=1, kind="stable")


class _Line:
    """Shares of a level's rows, as fractions of which every product is exact."""

    def __init__(self, quotas: Sequence[int], shares: Sequence[Fraction]) -> None:
        total = sum(quotas)
        over = max(share.denominator for share in shares)
        self._type = np.int64 if (total + 1) * over < 2**62 else object
        self._under: _Exact = np.array([share.numerator for share in shares], dtype=self._type)
        self._over: _Exact = np.array([share.denominator for share in shares], dtype=self._type)

    def due(self, ends: Ints) -> Ints:
        """Jobs that must be done once the level has so many rows."""
        return (ends.astype(self._type)[:, None] * self._under // self._over).astype(np.int64)

    def released(self, ends: Ints) -> Ints:
        """Jobs that may be done by then."""
        products = -ends.astype(self._type)[:, None] * self._under
        jobs: Ints = (-(products // self._over)).astype(np.int64)
        return jobs

    def due_rows(self, jobs: Ints) -> Ints:
        """The rows of the level at which each child's next job, after so many, is due."""
        products = -(jobs.astype(self._type) + 1) * self._over
        rows: Ints = np.minimum(-(products // self._under), _NEVER - 1).astype(np.int64)
        return rows


def _to_sets(members: npt.NDArray[np.bool_]) -> list[int]:
    """Each row as an integer whose bit p is column p."""
    packed = np.packbits(members, axis=1, bitorder="little")
    size, data = packed.shape[1], packed.tobytes()
    if size <= 8:
        words = np.zeros((len(packed), 8), dtype=np.uint8)
        words[:, :size] = packed
        sets: list[int] = words.view("<u8")[:, 0].tolist()
        return sets
    return [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]


def _from_sets(sets: Sequence[int], num_columns: int) -> npt.NDArray[np.bool_]:
    size = -(-num_columns // 8)
    data = b"".join([members.to_bytes(size, "little") for members in sets])
    packed = np.frombuffer(data, dtype=np.uint8).reshape(len(sets), size)
    return np.unpackbits(packed, axis=1, count=num_columns, bitorder="little").astype(bool)
