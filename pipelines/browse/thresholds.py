"""Other thresholds of one filter: what they would drop and keep, counted as `mixture rejudge` does.

Rows are those that a build's filters judged and the store still measures, or all of a store. What
the other filters of a build say its ledger tells, but for rows that the filter dropped before them;
these are asked about once. The filter that is played with is asked again each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import polars as pl
from pydantic import ValidationError

from filters.base import Params
from manifests.errors import UsageError, invalid_fields
from mixtures.policies import POLICIES, Policy
from pipelines.browse.scores import Scores, numbers_of, scores_of
from pipelines.browse.selected import Recent
from pipelines.join import Joined
from pipelines.judge import Rule, judge_filters
from pipelines.ledger_entries import Entry
from pipelines.ledger_filters import settings_of
from pipelines.measured import PLACE
from pipelines.moves import Moves, moves_of
from pipelines.nearest import Number, thresholds

# Rows that go or come back, of which so many are shown.
_EXAMPLES = 6
_BINS = 40
# Rows whose verdicts are remembered: with more, every try reads the store again.
_HELD_ROWS = 2_000_000
_FACTS = (*PLACE, "folder", "pos", "media", "kind", "modality", "category")
_FATES = ("fate", "stage", "rule", "value", "matched")


class Judged(Protocol):
    """Whose rows are judged: a build's ledger (`entries.py`), or a store (`store_rows.py`).

    Parts have `rule`, the reason for which filters dropped a row; null for none.
    """

    @property
    def num_rows(self) -> int: ...

    def judged(self, used: Sequence[str]) -> Iterator[tuple[str, Joined, pl.DataFrame]]: ...


@dataclass(frozen=True, slots=True)
class Spread:
    """How the numbers of one score lie: counts of equal steps from `low` to `high`."""

    column: str
    low: float
    median: float
    high: float
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Played:
    """`moves` by thresholds; rows that went and that came back, the first of each."""

    moves: Moves
    dropped: list[Entry]
    kept: list[Entry]


@dataclass(frozen=True, slots=True)
class _Rows:
    """A part of the rows; what the other filters say, the reason and whose turn that is; and what
    all say as it stands."""

    joined: Joined
    others: pl.DataFrame
    before: pl.DataFrame


class Thresholds:
    """The rules in the order in which they judge; of a store each judges alone."""

    def __init__(self, scores: Scores, judged: Judged) -> None:
        self._scores = scores
        self._judged = judged
        self.rules = scores.rules
        self._rows: Recent[list[_Rows]] = Recent(1)
        self._spreads: Recent[list[Spread]] = Recent(8)

    def settings(self, name: str) -> list[tuple[Params, tuple[Policy, ...]]]:
        """What a filter judges by, each with the policies that this is so for."""
        return settings_of(self.rules[name])

    def moved(self, name: str, number: int, values: Mapping[str, str]) -> Params:
        """A setting of a filter with other thresholds; UsageError for what is not allowed."""
        settings = self.settings(name)
        if number >= len(settings):
            raise UsageError(f"filter {name} has {len(settings)} settings")
        params = settings[number][0]
        said = {key: _typed(key, text, thresholds(params)) for key, text in values.items() if text}
        try:
            return type(params).model_validate(params.model_dump() | said)
        except ValidationError as error:
            raise UsageError(f"filter {name}: {invalid_fields(error)}") from error

    def play(self, name: str, number: int, params: Params) -> Played:
        """Judge again, with these thresholds in place of those of one setting."""
        rule = self.rules[name]
        old = self.settings(name)[number][0]
        others = {p: params if rule.of(p) == old else rule.of(p) for p in POLICIES}
        other = replace(rule, others=others)
        order = list(self.rules)
        moves: Counter[tuple[str, str]] = Counter()
        went: list[Entry] = []
        came: list[Entry] = []
        for rows in self._parts(name):
            now = _verdicts(rows.joined, rows.others, other, order.index(name))
            moves.update(moves_of(rows.before, now))
            was, is_ = rows.before["rule"].is_null(), now["rule"].is_null()
            went += _some(now, was & ~is_, _EXAMPLES - len(went))
            came += _some(rows.before, ~was & is_, _EXAMPLES - len(came))
        owners = {why: n for n, one in self.rules.items() for why in one.filter.reasons}
        return Played(Moves(dict(moves), owners), went, came)

    def spreads(self, name: str) -> list[Spread]:
        """How the filter's scores lie over the rows."""
        return self._spreads.get(name, lambda: self._read_spreads(name))

    def _read_spreads(self, name: str) -> list[Spread]:
        filter_ = self.rules[name].filter
        found = [
            scores_of(rows.joined, rows.joined.index.with_row_index("at"), filter_)
            for rows in self._parts(name)
        ]
        if not found:
            return []
        scores = pl.concat(found)
        columns = (_spread(column, scores[column]) for column in numbers_of(filter_))
        return [spread for spread in columns if spread is not None]

    def _parts(self, name: str) -> Iterator[_Rows]:
        """All rows, a part at a time; remembered where they are not too many."""
        if self._judged.num_rows > _HELD_ROWS:
            yield from self._read_parts(name)
        else:
            yield from self._rows.get(name, lambda: list(self._read_parts(name)))

    def _read_parts(self, name: str) -> Iterator[_Rows]:
        order = list(self.rules)
        turn = order.index(name)
        later = [self.rules[other] for other in order[turn + 1 :]]
        for source, joined, rows in self._judged.judged([name]):
            unjudged = [pl.lit(None, pl.String).alias(n) for n in _FATES]
            index = rows.select(*_FACTS).with_columns(*unjudged, source=pl.lit(source))
            open_rows = replace(joined, index=index)
            others = self._others(open_rows, rows["rule"], turn, later)
            before = _verdicts(open_rows, others, self.rules[name], turn)
            yield _Rows(open_rows, others, before)

    def _others(
        self, joined: Joined, said: pl.Series, turn: int, later: Sequence[Rule]
    ) -> pl.DataFrame:
        """`rule` and `turn` by what the ledger says; where that is this filter, by later ones."""
        turns = {
            why: at for at, one in enumerate(self.rules.values()) for why in one.filter.reasons
        }
        # A filter that is not there any more: its rows stay dropped.
        known = pl.col("rule").replace_strict(turns, default=-1, return_dtype=pl.Int64)
        others = pl.DataFrame({"rule": said}).with_columns(
            turn=pl.when(pl.col("rule").is_not_null()).then(known)
        )
        mine = (others["turn"] == turn).fill_null(False)
        if mine.any():
            asked = replace(joined, index=joined.index.filter(mine))
            reasons = judge_filters(asked, later)["rule"]
            at = mine.arg_true()
            others = others.with_columns(
                rule=others["rule"].scatter(at, reasons),
                turn=others["turn"].scatter(at, pl.repeat(len(turns), len(at), eager=True)),
            )
        return others


def _verdicts(joined: Joined, others: pl.DataFrame, rule: Rule, turn: int) -> pl.DataFrame:
    """The rows with the reason that counts, of several filters that of the first; `value` is this
    one's."""
    mine = judge_filters(joined, [rule])
    first = mine["rule"].is_null() | (others["turn"] < turn).fill_null(False)
    return mine.with_columns(rule=others["rule"].zip_with(first, mine["rule"]))


def _some(rows: pl.DataFrame, hit: pl.Series, most: int) -> list[Entry]:
    return rows.filter(hit).head(max(most, 0)).select("source", *PLACE, "rule", "value").to_dicts()


def _typed(name: str, text: str, known: Mapping[str, Number]) -> Any:
    if name not in known:
        raise UsageError(f"there is no threshold {name!r}; there are {', '.join(known)}")
    try:
        return int(text) if isinstance(known[name], int) else float(text)
    except ValueError:
        kind = "whole number" if isinstance(known[name], int) else "number"
        raise UsageError(f"{name}: {text!r} is no {kind}") from None


def _spread(column: str, scores: pl.Series) -> Spread | None:
    """Between the 0.5th and the 99.5th hundredth, where the counts would else be one bar."""
    values = scores.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
    if not len(values):
        return None
    low, median, high = (float(v) for v in np.quantile(values, (0.005, 0.5, 0.995)))
    ends = (low, high if high > low else low + 1.0)
    counts, _ = np.histogram(np.clip(values, *ends), _BINS, ends)
    return Spread(column, ends[0], median, ends[1], counts.tolist())
