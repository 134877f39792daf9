"""How far a row is from being judged otherwise, found by moving one threshold at a time.

A filter is asked, not read: its `judge` says what it would say with another value of one parameter,
so that this holds for every filter, a user's own too. Only numbers are moved. Distances
are relative to the threshold: 27 px of 28 and 0.27 of 0.28 are equally near.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from pydantic import ValidationError

from filters.base import Filter, Params

Number = int | float

# How far a threshold is moved, in thresholds; and at least, where it is small.
NEAR = 1.0
_ANYWHERE = 1e6
_MIN_REACH = 8
_FLOAT_REACH = 1.0
# To what share of the threshold values that are not whole are found.
_EXACT = 1e-6


@dataclass(frozen=True, slots=True)
class Nearest:
    """A row (its place in the scores) and the value of a parameter that turns its verdict.

    `distance` is that of the value from the threshold, in thresholds (1 where that is 0). `then` is
    the reason that the filter gives at that value; None: it keeps the row.
    """

    row: int
    param: str
    threshold: Number
    turns_at: Number
    distance: float
    then: str | None


def thresholds(params: Params) -> dict[str, Number]:
    """The parameters that are numbers; words, lists and switches cannot be nearly met."""
    return {
        name: value
        for name, value in params.model_dump().items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def nearest(
    filter_: Filter, params: Params, scores: pl.DataFrame, num_rows: int, reach: float = NEAR
) -> dict[str, list[Nearest]]:
    """By parameter the `num_rows` rows whose verdict turns soonest, nearest first.

    Of rows that the filter keeps and rows that it drops those come that turn first: give it one
    kind at a time. A parameter that turns none within reach is left out.
    """
    return _turned(_Judge(filter_), params, scores, num_rows, reach)


def deciding(
    filter_: Filter, params: Params, scores: pl.DataFrame, reason: str
) -> dict[str, Nearest]:
    """The thresholds by which one row was given this reason, however far they are to be moved.

    At another value of each the filter keeps the row, or gives one of the reasons after this.
    """
    assert scores.height == 1, "one row is asked about"
    after = filter_.reasons[filter_.reasons.index(reason) + 1 :]
    found = _turned(_Judge(filter_, after), params, scores, 1, _ANYWHERE)
    return {name: rows[0] for name, rows in found.items()}


@dataclass(frozen=True, slots=True)
class _Judge:
    """A filter's verdict: whether a row passes, which it also does with a reason of `passing`."""

    filter_: Filter
    passing: tuple[str, ...] = ()

    def passes(self, params: Params, scores: pl.DataFrame) -> pl.Series:
        reasons = self.filter_.judge(scores, params)
        return reasons.is_null() | reasons.is_in(list(self.passing)).fill_null(True)


def _turned(
    judge: _Judge, params: Params, scores: pl.DataFrame, num_rows: int, reach: float
) -> dict[str, list[Nearest]]:
    found = {}
    for name in thresholds(params):
        turned = _soonest(judge, params, name, scores, num_rows, reach)
        if turned:
            found[name] = turned
    return found


def _soonest(
    judge: _Judge,
    params: Params,
    name: str,
    scores: pl.DataFrame,
    num_rows: int,
    reach: float,
) -> list[Nearest]:
    threshold = thresholds(params)[name]
    rows = scores.with_row_index("row")
    asked = _Asked(judge, params, name, threshold, judge.passes(params, scores))
    found: list[Nearest] = []
    for end in (_reach(threshold, reach), -_reach(threshold, reach)):
        far = asked.farthest(end)
        turned = asked.turned(rows, far)
        assert turned is not None, "the farthest value is an allowed one"
        found += asked.soonest(rows.filter(turned), threshold, far, num_rows)
    return sorted(found, key=lambda row: (row.distance, row.row))[:num_rows]


def _reach(threshold: Number, reach: float) -> Number:
    if isinstance(threshold, int):
        return max(int(abs(threshold) * reach), _MIN_REACH)
    return abs(threshold) * reach or _FLOAT_REACH


@dataclass(frozen=True, slots=True)
class _Asked:
    """One threshold of a filter; `passed` is what it says of each row as it stands."""

    judge: _Judge
    params: Params
    name: str
    threshold: Number
    passed: pl.Series

    def farthest(self, end: Number) -> Number:
        """The value furthest towards threshold + `end` that the parameter allows."""
        near, far = self.threshold, self.threshold + end
        limits = [limit for limit in self._limits() if min(near, far) <= limit <= max(near, far)]
        for value in (far, *limits):
            if self._moved(value) is not None:
                return value
        while not self._is_exact(near, far):
            middle = _between(near, far)
            near, far = (middle, far) if self._moved(middle) is not None else (near, middle)
        return near

    def _limits(self) -> list[Number]:
        """What the parameter declares as its bounds: halving would only come near them."""
        said = type(self.params).model_fields[self.name].metadata
        found = [getattr(limit, end, None) for limit in said for end in ("ge", "le")]
        return [type(self.threshold)(limit) for limit in found if limit is not None]

    def turned(self, rows: pl.DataFrame, value: Number) -> pl.Series | None:
        """Which rows are judged otherwise at this value; None where it is not allowed."""
        moved = self._moved(value)
        if moved is None:
            return None
        return self.judge.passes(moved, rows.drop("row")) != self.passed.gather(rows["row"])

    def _moved(self, value: Number) -> Params | None:
        try:
            return type(self.params).model_validate(self.params.model_dump() | {self.name: value})
        except ValidationError:
            return None

    def soonest(
        self, rows: pl.DataFrame, near: Number, far: Number, num_rows: int
    ) -> list[Nearest]:
        """The first of rows that turn between `near`, where none does, and `far`, where all do."""
        while rows.height > num_rows and not self._is_exact(near, far):
            middle = _between(near, far)
            turned = self.turned(rows, middle)
            assert turned is not None, "what lies between two allowed values is allowed"
            early = rows.filter(turned)
            if 0 < early.height < num_rows:
                first = self.soonest(early, near, middle, num_rows)
                late = rows.filter(~turned)
                return first + self.soonest(late, middle, far, num_rows - len(first))
            if early.height:
                rows, far = early, middle
            else:
                near = middle
        return [self._nearest(rows[at], near, far) for at in range(min(rows.height, num_rows))]

    def _nearest(self, row: pl.DataFrame, near: Number, far: Number) -> Nearest:
        """One row with the first value that turns it."""
        while not self._is_exact(near, far):
            middle = _between(near, far)
            turned = self.turned(row, middle)
            near, far = (near, middle) if turned is not None and turned[0] else (middle, far)
        distance = abs(far - self.threshold) / (abs(self.threshold) or 1)
        moved = self._moved(far)
        assert moved is not None, "only allowed values turn a row"
        (then,) = self.judge.filter_.judge(row.drop("row"), moved)
        return Nearest(int(row["row"][0]), self.name, self.threshold, far, distance, then)

    def _is_exact(self, near: Number, far: Number) -> bool:
        if isinstance(near, int) and isinstance(far, int):
            return abs(far - near) <= 1
        return abs(far - near) <= _EXACT * (abs(self.threshold) or 1)


def _between(near: Number, far: Number) -> Number:
    if isinstance(near, int) and isinstance(far, int):
        return (near + far) // 2
    return (near + far) / 2
