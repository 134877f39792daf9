"""`mixture ledger --near`: the rows of a build that barely passed a filter, or barely failed it.

What was dropped is in the ledger with its scores; those of rows that passed lie in the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl

from filters.base import Filter, Params
from filters.pairs import PairFilter
from manifests.ledger import Fate, Stage
from manifests.storage import read_parquet
from mixtures.policies import Policy
from pipelines.build_store import BuildStore, look_up
from pipelines.join import Joined, join_rows
from pipelines.judge import Rule, with_policy
from pipelines.ledger_filters import Rules, build_filters, said_scores, settings_of
from pipelines.ledger_view import Entry, ledger_files, place_of, read_entries
from pipelines.nearest import Nearest, nearest, thresholds
from pipelines.pair_scores import pair_scores
from pipelines.parts import cut_parts
from pipelines.store import measure_path

Side = Literal["kept", "dropped"]

NUM_NEAR = 3
_PLACE = ["subset", "file", "row", "group"]
_SHOWN = [*_PLACE, "source", "fate", "stage", "rule", "value", "id"]
_BEFORE = [stage.value for stage in (Stage.CURATE, Stage.JOIN, Stage.ACCESS, Stage.FILTER)]


@dataclass(frozen=True, slots=True)
class NearRow:
    """A row beside a threshold; `side` is what the filter said of it, which `at` would turn."""

    filter_name: str
    policies: tuple[Policy, ...]  # whose rows have this threshold; empty: all
    side: Side
    at: Nearest
    entry: Entry
    text: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "filter": self.filter_name,
            "policies": list(self.policies) or None,
            "param": self.at.param,
            "threshold": self.at.threshold,
            "side": self.side,
            "turns_at": self.at.turns_at,
            "then": self.at.then,
            "distance": self.at.distance,
            "id": self.entry["id"],
            "place": place_of(self.entry),
            "fate": self.entry["fate"],
            "text": self.text,
        }


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
    found: list[NearRow] = []
    num_passed = num_measured = 0
    for name in ledger_files(build):
        entries = read_entries(build, name, _SHOWN)
        wanted = entries if fate is None else entries.filter(pl.col("fate") == fate.value)
        failed = wanted.filter(pl.col("stage") == Stage.FILTER.value)
        is_past = ~pl.col("stage").is_in(_BEFORE) & (pl.col("fate") != Fate.TRIMMED.value)
        passed = wanted.filter(is_past)
        left = pl.concat([passed, failed])
        for joined, rows in _measured(store, name.removesuffix(".parquet"), left, rules):
            known = rows.filter(pl.col("stage") != Stage.FILTER.value)
            num_measured += known.height
            found += _passed(joined, known, rules)
            left = left.join(rows, on=_PLACE, how="anti")
            found = _nearest_of([*found, *_failed(rows, rules)])
        num_passed += passed.height
        unknown = left.with_columns(policy=pl.lit(None, pl.String))
        found = _nearest_of([*found, *_failed(unknown, rules)])
    stored = look_up(store, [row.entry for row in found])
    shown = [replace(row, text=at.text) for row, at in zip(found, stored, strict=True)]
    return NearView(shown, num_passed, num_measured)


def _nearest_of(rows: Sequence[NearRow]) -> list[NearRow]:
    """Of each filter, threshold and side the first few; what passed comes first."""
    groups: dict[tuple[str, str, tuple[Policy, ...], Side], list[NearRow]] = {}
    for row in rows:
        key = (row.filter_name, row.at.param, row.policies, row.side)
        groups.setdefault(key, []).append(row)
    order = sorted(groups, key=lambda key: (*key[:3], key[3] != "kept"))
    return [
        row
        for key in order
        for row in sorted(groups[key], key=lambda row: row.at.distance)[:NUM_NEAR]
    ]


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


def _failed(rows: pl.DataFrame, rules: Rules) -> Iterator[NearRow]:
    """Rows that a filter dropped, by the scores that the ledger tells."""
    for name, rule in rules.items():
        mine = rows.filter(pl.col("rule").is_in(rule.filter.reasons))
        mine = mine.filter(pl.col("stage") == Stage.FILTER.value)
        for params, policies, some in _settings(rule, mine):
            scores = said_scores(rule.filter, some["value"].fill_null("").to_list())
            for at in _all_nearest(rule.filter, params, scores):
                yield NearRow(name, policies, "dropped", at, _entry(some, at))


def _entry(rows: pl.DataFrame, at: Nearest) -> Entry:
    return rows.select(_SHOWN).row(at.row, named=True)


def _all_nearest(filter_: Filter, params: Params, scores: pl.DataFrame) -> list[Nearest]:
    if scores.is_empty():
        return []
    found = nearest(filter_, params, scores, NUM_NEAR)
    return [row for rows in found.values() for row in rows]


def _measured(
    store: BuildStore, source: str, left: pl.DataFrame, rules: Rules
) -> Iterator[tuple[Joined, pl.DataFrame]]:
    """Parts of the store with the build's rows in them: with folder, pos, media, kind and policy.

    A row that lies in several folders counts once, in the first.
    """
    curated = store.curated(source, [rule.filter for rule in rules.values()])
    if curated is None or left.is_empty():
        return
    for part in cut_parts([curated]):
        joined = join_rows(part)
        usable = joined.index.filter(pl.col("hi").is_not_null())
        known = usable.unique(_PLACE, keep="first", maintain_order=True)
        known = known.select(*_PLACE, "folder", "pos", "media", "kind", "modality", "category")
        rows = left.join(known, on=_PLACE, how="inner", maintain_order="left")
        left = left.join(known, on=_PLACE, how="anti")
        yield joined, with_policy(rows)


def _passed(joined: Joined, rows: pl.DataFrame, rules: Rules) -> Iterator[NearRow]:
    """Rows that no filter dropped, by their measures."""
    for name, rule in rules.items():
        is_media = rule.filter.level == "media"
        asked = rows if is_media else rows.filter(pl.col("kind").is_in(rule.filter.kinds))
        for params, policies, some in _settings(rule, asked):
            if not thresholds(params):
                continue
            if isinstance(rule.filter, PairFilter):
                mine, scores = _pair_scores(joined, some, rule.filter)
            elif is_media:
                mine, scores = _media_scores(joined, some, rule.filter)
            else:
                mine, places = some, some.select("folder", place="pos")
                scores = _scores(joined.row_folders, places, rule.filter)
            kept = rule.filter.judge(scores, params).is_null()
            for at in _all_nearest(rule.filter, params, scores.filter(kept)):
                yield NearRow(name, policies, "kept", at, _entry(mine.filter(kept), at))


def _media_scores(
    joined: Joined, rows: pl.DataFrame, filter_: Filter
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the rows' media, each with the first row that holds it, their scores)."""
    held = rows.explode("media").drop_nulls("media")
    held = held.unique("media", keep="first", maintain_order=True)
    places = pl.DataFrame(pl.from_arrow(joined.media.select(["folder", "place"])))
    return held, _scores(joined.media_folders, places[held["media"]], filter_)


def _pair_scores(
    joined: Joined, rows: pl.DataFrame, filter_: PairFilter
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the rows that have media, their scores)."""
    found = list(pair_scores(joined, rows, filter_))
    if not found:
        return rows.clear(), said_scores(filter_, [])
    return pl.concat([some for some, _ in found]), pl.concat([scores for _, scores in found])


def _scores(folders: Sequence[str], places: pl.DataFrame, filter_: Filter) -> pl.DataFrame:
    """Scores at (folder, place in it), in that order."""
    numbered = places.with_row_index("at")
    parts = []
    for number in numbered["folder"].unique().sort().to_list():
        mine = numbered.filter(pl.col("folder") == number)
        whole = pl.DataFrame(pl.from_arrow(read_parquet(measure_path(folders[number], filter_))))
        parts.append(whole[mine["place"]].with_columns(at=mine["at"]))
    if not parts:
        return said_scores(filter_, [])
    scores = pl.concat(parts)
    return scores[np.argsort(scores["at"].to_numpy())].drop("at")
