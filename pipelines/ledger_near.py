"""`mixture ledger --near`: the rows of a build that barely passed a filter, or barely failed it.

What was dropped is in the ledger with its scores; those of rows that passed lie in the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from filters.base import Filter, Params
from filters.pairs import PairFilter
from manifests.ledger import Fate, Stage
from manifests.storage import read_parquet
from mixtures.policies import Policy
from pipelines.build_store import BuildStore, look_up
from pipelines.join import Joined, join_rows
from pipelines.judge import Rule, with_policy
from pipelines.ledger_entries import ledger_files, read_entries
from pipelines.ledger_filters import Rules, build_filters, said_scores, settings_of
from pipelines.near_rows import SHOWN, NearRow, NearRows
from pipelines.nearest import thresholds
from pipelines.pair_scores import pair_scores
from pipelines.parts import cut_parts
from pipelines.store import measure_path

_PLACE = ["subset", "file", "row", "group"]
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
        for joined, rows in _measured(store, name.removesuffix(".parquet"), left, rules):
            known = rows.filter(pl.col("stage") != Stage.FILTER.value)
            num_measured += known.height
            _add_passed(found, joined, known, rules)
            _add_failed(found, rows, rules)
            left = left.join(rows, on=_PLACE, how="anti")
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


def _add_passed(found: NearRows, joined: Joined, rows: pl.DataFrame, rules: Rules) -> None:
    """Rows that no filter dropped, by their measures."""
    for rule in rules.values():
        is_media = rule.filter.level == "media"
        asked = rows if is_media else rows.filter(pl.col("kind").is_in(rule.filter.kinds))
        for params, policies, some in _settings(rule, asked):
            if not thresholds(params) or some.is_empty():
                continue
            if isinstance(rule.filter, PairFilter):
                mine, scores = _pair_scores(joined, some, rule.filter)
            elif is_media:
                mine, scores = _media_scores(joined, some, rule.filter)
            else:
                mine, places = some, some.select("folder", place="pos")
                scores = _scores(joined.row_folders, places, rule.filter)
            kept = rule.filter.judge(scores, params).is_null()
            found.add((rule, params, policies), "kept", mine.filter(kept), scores.filter(kept))


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
    numbers = places["folder"].unique().sort().to_list()
    if not numbers:
        return said_scores(filter_, [])
    tables = [read_parquet(measure_path(folders[number], filter_)) for number in numbers]
    starts = np.zeros(len(folders), np.int64)
    starts[numbers[1:]] = np.cumsum([table.num_rows for table in tables[:-1]])
    whole = pl.DataFrame(pl.from_arrow(pa.concat_tables(tables).combine_chunks()))
    at = starts[places["folder"].to_numpy()] + places["place"].to_numpy()
    return whole.select(pl.all().gather(at))
