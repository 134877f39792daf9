"""Filters as judges: which rows of an index they drop, from the scores that the store holds.

A filter judges a row by the params of the row's policy (mixtures/policies.py); a media by those of
the sample that names it, so that the same picture may pass as a chart and fall as a photo. What is
asked of a row and its media together is joined first (pair_scores.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import ValidationError

import filters
from filters import plugins
from filters.base import Filter, Params
from filters.models import ModelFilter, params_of
from filters.pairs import PairFilter
from manifests.errors import RecipeError, nearest
from manifests.ledger import Fate, Stage
from manifests.storage import read_parquet
from mixtures.policies import POLICIES, Policy, Setting, policy_of
from mixtures.recipe import Recipe
from pipelines.join import Joined
from pipelines.pair_scores import pair_scores
from pipelines.store import measure_path

# Scores that are judged at once, where folders are small.
_MANY_ROWS = 1 << 20
_OPEN = pl.col("fate").is_null()
_OF_POLICY = ["kind", "modality", "category"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A filter with what a recipe asks of it; None: it passes rows over.

    `params` are for rows of all policies that `others` does not name.
    """

    filter: Filter
    params: Params | None
    others: Mapping[Policy, Params | None]

    def of(self, policy: Policy) -> Params | None:
        return self.others.get(policy, self.params)

    def settings(self) -> list[Params]:
        """All params that it judges by, each once."""
        found: list[Params] = []
        for params in (self.params, *(self.of(policy) for policy in POLICIES)):
            if params is not None and params not in found:
                found.append(params)
        return found


def parse_rules(recipe: Recipe) -> list[Rule]:
    """The recipe's filters in its order; a RecipeError for params that a filter does not take."""
    return [parse_rule(recipe, name, said) for name, said in recipe.filter_settings().items()]


def parse_rule(recipe: Recipe, name: str, said: Setting) -> Rule:
    """The filter of that name with what the recipe says of it."""
    filter_ = filters.get(recipe.filter_ref(name))
    params = None
    if said.given is not None:
        params = _parse(recipe, filter_, said.given, f"filters/{name}")
    others = {
        policy: None
        if given is None
        else _parse(recipe, filter_, given, f"policies/{policy}/{name}", f"filters/{name}")
        for policy, given in said.others.items()
    }
    return Rule(filter_, params, {p: other for p, other in others.items() if other != params})


def _parse(recipe: Recipe, filter_: Filter, given: Mapping[str, Any], *keys: str) -> Params:
    """Params of a filter; `keys` are where the recipe says them."""
    try:
        return filter_.params_type.model_validate(params_of(filter_, given))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        known = list(filter_.params_type.model_fields)
        if isinstance(filter_, ModelFilter):
            known = [*filter_.settings_type.model_fields, *known]
        hint = nearest(where, known) if first["type"] == "extra_forbidden" else ""
        allowed = ", ".join(known) or "no parameters"
        place = recipe.place("", *(f"{key}/{where}" for key in keys), *keys)
        raise RecipeError(
            f"{place}: filter {filter_.name}: {where}: {first['msg']}{hint} (it takes {allowed})"
        ) from error


def score_schemas(used: Iterable[Filter]) -> dict[str, pa.Schema]:
    """Score columns of those of the filters that judge samples, by themselves or with media."""
    return {f.name: f.scores for f in used if f.level != "media"}


def judge_filters(joined: Joined, rules: Sequence[Rule]) -> pl.DataFrame:
    """The index with `dropped` fates: of several reasons the first in the recipe's order counts."""
    index = joined.index.with_row_index("at")
    if any(rule.others for rule in rules):
        index = with_policy(index)
    for rule in rules:
        reasons = _reasons(joined, index.with_columns(setting=_setting(rule)), rule)
        index = set_fate(index, reasons, Fate.DROPPED, Stage.FILTER)
    return index.drop("at", "policy", strict=False)


def with_policy(index: pl.DataFrame) -> pl.DataFrame:
    """The index with `policy`, of each row the word for what is asked of it."""
    found = index.select(_OF_POLICY).unique()
    words = [policy_of(*row) for row in found.iter_rows()]
    known = found.with_columns(policy=pl.Series(words, dtype=pl.String))
    return index.join(known, on=_OF_POLICY, how="left", nulls_equal=True, maintain_order="left")


def _setting(rule: Rule) -> pl.Expr:
    """For each row the place of its params in `Rule.settings`; null where the filter is off."""
    if not rule.others:
        return pl.lit(None if rule.params is None else 0, pl.Int32)
    settings = rule.settings()
    asked = {policy: rule.of(policy) for policy in POLICIES}
    places = {p: settings.index(params) for p, params in asked.items() if params is not None}
    return pl.col("policy").replace_strict(places, default=None, return_dtype=pl.Int32)


def _reasons(joined: Joined, index: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    if isinstance(rule.filter, PairFilter):
        return _pair_reasons(joined, index, rule, rule.filter)
    if rule.filter.level == "sample":
        return _sample_reasons(joined, index, rule)
    return _media_reasons(joined, index, rule)


def _sample_reasons(joined: Joined, index: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    judged = pl.col("kind").is_in(rule.filter.kinds) & pl.col("setting").is_not_null()
    rows = index.filter(judged).select("at", "folder", "pos", "setting")
    found = _judged_folders(rows.select("folder", "setting"), joined.row_folders, rule)
    return rows.join(found.rename({"place": "pos"}), on=["folder", "pos", "setting"], how="inner")


def _media_reasons(joined: Joined, index: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """A sample falls with the first of its media that the filter names a reason for."""
    media = pl.DataFrame(pl.from_arrow(joined.media.select(["folder", "place", "key"])))
    media = media.with_row_index("media").with_columns(pl.col("media").cast(pl.Int64))
    rows = index.filter(_OPEN & pl.col("setting").is_not_null()).select("at", "setting", "media")
    named = rows.explode("media", empty_as_null=True)
    asked = named.select("media", "setting").unique().join(media, on="media", how="inner")
    judged = _judged_folders(asked.select("folder", "setting"), joined.media_folders, rule)
    bad = media.join(judged, on=["folder", "place"]).with_columns(
        value=pl.format("{}: {}", "key", "value")
    )
    hit = named.join(bad, on=["media", "setting"], how="inner", maintain_order="left")
    return hit.unique("at", keep="first", maintain_order=True)


def _pair_reasons(
    joined: Joined, index: pl.DataFrame, rule: Rule, filter_: PairFilter
) -> pl.DataFrame:
    judged = _OPEN & pl.col("kind").is_in(filter_.kinds) & pl.col("setting").is_not_null()
    asked = index.filter(judged).select("at", "folder", "pos", "media", "setting")
    parts = [pl.DataFrame(schema={"at": pl.UInt32, "rule": pl.String, "value": pl.String})]
    for rows, scores in pair_scores(joined, asked, filter_):
        for setting in rows["setting"].unique().sort().to_list():
            mine = rows["setting"] == setting
            bad = _judged(scores.filter(mine), filter_, rule.settings()[setting])
            found = rows.filter(mine)[bad["at"]].select("at")
            parts.append(found.with_columns(bad["rule"], bad["value"]))
    return pl.concat(parts)


def _judged_folders(asked: pl.DataFrame, folders: Sequence[str], rule: Rule) -> pl.DataFrame:
    """What is wrong, by the settings that are asked for in each of the folders."""
    schema = {"place": pl.Int64, "rule": pl.String, "value": pl.String}
    parts = [pl.DataFrame(schema={**schema, "folder": pl.Int32, "setting": pl.Int32})]
    wanted = asked.unique().drop_nulls().sort("folder", "setting")
    for places, scores in _measured(wanted["folder"], folders, rule.filter):
        for setting in wanted["setting"].unique().sort():
            mine = wanted.filter(pl.col("setting") == setting)["folder"].implode()
            here = places.select(pl.col("folder").is_in(mine)).to_series()
            bad = _judged(scores.filter(here), rule.filter, rule.settings()[setting])
            found = places.filter(here).select(pl.all().gather(bad["at"]))
            parts.append(
                found.with_columns(bad["rule"], bad["value"], setting=pl.lit(setting, pl.Int32))
            )
    return pl.concat(parts, how="diagonal")


def _measured(
    numbers: pl.Series, folders: Sequence[str], filter_: Filter
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """(folder and place in it, scores) of all rows of the numbered folders, many at a time.

    A folder may hold ten rows or a hundred thousand; a judgement takes a millisecond of its own.
    """
    held: list[tuple[int, pa.Table]] = []
    num_held = 0
    for number in numbers.unique(maintain_order=True):
        table = read_parquet(measure_path(folders[number], filter_))
        held.append((number, table))
        num_held += table.num_rows
        if num_held >= _MANY_ROWS:
            yield _in_one(held)
            held, num_held = [], 0
    if held:
        yield _in_one(held)


def _in_one(held: Sequence[tuple[int, pa.Table]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    counts = [table.num_rows for _, table in held]
    places = pl.DataFrame(
        {
            "folder": np.repeat(np.array([number for number, _ in held], np.int32), counts),
            "place": np.concatenate([np.arange(count) for count in counts]),
        }
    )
    # In one chunk: polars 2.1 panics where it makes texts of a filtered frame of several.
    scores = pa.concat_tables([table for _, table in held]).combine_chunks()
    return places, pl.DataFrame(pl.from_arrow(scores))


def _judged(scores: pl.DataFrame, filter_: Filter, params: Params) -> pl.DataFrame:
    """Place (`at`), reason and the scores as text of the rows that are wrong."""
    shown = pl.concat_str(
        [pl.format(f"{name}={{}}", pl.col(name)) for name in scores.columns],
        separator=" ",
        ignore_nulls=True,
    )
    judged = scores.with_columns(rule=plugins.judge(filter_, scores, params))
    bad = judged.with_row_index("at").filter(pl.col("rule").is_not_null())
    return bad.select("at", "rule", value=shown)


def set_fate(index: pl.DataFrame, reasons: pl.DataFrame, fate: Fate, stage: Stage) -> pl.DataFrame:
    """Give rows at `reasons.at` that have no fate yet this one, with rule and value, and where
    `reasons` say it what they matched."""
    says_match = "matched" in reasons.columns
    matched = pl.col("matched") if says_match else pl.lit(None, pl.String)
    found = reasons.select("at", new_rule="rule", new_value="value", new_matched=matched)
    both = index.join(found, on="at", how="left", maintain_order="left")
    hit = _OPEN & pl.col("new_rule").is_not_null()
    return both.with_columns(
        rule=pl.when(hit).then("new_rule").otherwise("rule"),
        value=pl.when(hit).then("new_value").otherwise("value"),
        matched=pl.when(hit).then("new_matched").otherwise("matched"),
        stage=pl.when(hit).then(pl.lit(stage.value)).otherwise("stage"),
        fate=pl.when(hit).then(pl.lit(fate.value)).otherwise("fate"),
    ).drop("new_rule", "new_value", "new_matched")
