"""`mixture ledger --near`: the rows of a build that barely passed a filter, or barely failed it.

What was dropped is in the ledger with its scores; those of rows that passed lie in the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from filters.base import Params
from filters.pairs import PairFilter
from manifests.ledger import Fate, Stage
from mixtures.policies import Policy
from pipelines.build_store import BuildStore, look_up
from pipelines.join import Joined
from pipelines.judge import Rule
from pipelines.ledger_entries import ledger_files, read_entries
from pipelines.ledger_filters import Rules, build_filters, said_scores, settings_of
from pipelines.measured import (
    PLACE,
    measured_parts,
    media_scores,
    pair_scores_of,
    scores_at,
)
from pipelines.near_rows import SHOWN, NearRow, NearRows
from pipelines.nearest import thresholds

_BEFORE = [stage.value for stage in (Stage.CURATE, Stage.JOIN, Stage.ACCESS, Stage.FILTER)]


@dataclass(frozen=True, slots=True)
class NearView:
    """Rows by filter, threshold and side; how many of those that passed the store could measure."""

    rows: list[NearRow]
    num_passed: int
    num_measured: int

    def as_json(self) -> dict[str, Any]:
        return {
            "passed_rows": self.num_passed,
            "measured_rows": self.num_measured,
            "rows": [row.as_json() for row in self.rows],
        }


def near_view(build: str, fate: Fate | None, store: BuildStore) -> NearView:
    """The rows nearest to each threshold on both sides; of one fate where that is asked."""
    rules = build_filters(build).rules
    found = NearRows()
    num_passed = num_measured = 0
    for name in ledger_files(build):
        entries = read_entries(build, name, SHOWN)
        wanted = entries if fate is None else entries.filter(pl.col("fate") == fate.value)
        failed = wanted.filter(pl.col("stage") == Stage.FILTER.value)
        is_past = ~pl.col("stage").is_in(_BEFORE) & (pl.col("fate") != Fate.TRIMMED.value)
        passed = wanted.filter(is_past)
        left = pl.concat([passed, failed])
        for joined, rows in measured_parts(store, name.removesuffix(".parquet"), left, rules):
            known = rows.filter(pl.col("stage") != Stage.FILTER.value)
            num_measured += known.height
            _add_passed(found, joined, known, rules)
            _add_failed(found, rows, rules)
            left = left.join(rows, on=PLACE, how="anti")
        num_passed += passed.height
        _add_failed(found, left.with_columns(policy=pl.lit(None, pl.String)), rules)
    near = found.rows()
    stored = look_up(store, [row.entry for row in near])
    shown = [replace(row, text=at.text) for row, at in zip(near, stored, strict=True)]
    return NearView(shown, num_passed, num_measured)


def _settings(
    rule: Rule, rows: pl.DataFrame
) -> Iterator[tuple[Params, tuple[Policy, ...], pl.DataFrame]]:
    """Rows by what they are judged by, and the policies that this is so for: empty for all.

    Rows of an unknown policy are told where policies make no difference.
    """
    if not rule.others:
        if rule.params is not None:
            yield rule.params, (), rows
        return
    for params, policies in settings_of(rule):
        yield params, policies, rows.filter(pl.col("policy").is_in(policies))


def _add_failed(found: NearRows, rows: pl.DataFrame, rules: Rules) -> None:
    """Rows that a filter dropped, by the scores that the ledger tells."""
    for rule in rules.values():
        mine = rows.filter(pl.col("rule").is_in(rule.filter.reasons))
        mine = mine.filter(pl.col("stage") == Stage.FILTER.value)
        for params, policies, some in _settings(rule, mine):
            if some.height:
                scores = said_scores(rule.filter, some["value"].fill_null("").to_list())
                found.add((rule, params, policies), "dropped", some, scores)


def _add_passed(found: NearRows, joined: Joined, rows: pl.DataFrame, rules: Rules) -> None:
    """Rows that no filter dropped, by their measures."""
    for rule in rules.values():
        is_media = rule.filter.level == "media"
        asked = rows if is_media else rows.filter(pl.col("kind").is_in(rule.filter.kinds))
        for params, policies, some in _settings(rule, asked):
            if not thresholds(params) or some.is_empty():
                continue
            if isinstance(rule.filter, PairFilter):
                mine, scores = pair_scores_of(joined, some, rule.filter)
            elif is_media:
                mine, scores = media_scores(joined, some, rule.filter)
            else:
                mine, places = some, some.select("folder", place="pos")
                scores = scores_at(joined.row_folders, places, rule.filter)
            kept = rule.filter.judge(scores, params).is_null()
            found.add((rule, params, policies), "kept", mine.filter(kept), scores.filter(kept))
