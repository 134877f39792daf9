"""The filters of a finished build: whose reasons its ledger names, by which thresholds, of what."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
from pydantic import ValidationError

import filters
from filters.base import Filter, Params
from manifests.build import BuildManifest
from manifests.errors import IntegrityError, SmolmixError, invalid_fields
from mixtures.policies import POLICIES, Policy, policy_of
from mixtures.recipe import Recipe
from pipelines.judge import Rule

Rules = dict[str, Rule]


def build_rules(manifest: BuildManifest, recipe: Recipe) -> Rules:
    """The filters as they judged this build, in their order.

    Those that are not there in that version any more are left out: what they said stands.
    """
    found = {}
    for use in manifest.filters:
        try:
            filter_ = filters.get(recipe.filter_ref(use.name))
        except SmolmixError:
            continue
        if filter_.version == use.version:
            others = {p: _params(filter_, use.policies[p]) for p in POLICIES if p in use.policies}
            found[use.name] = Rule(filter_, _params(filter_, use.params), others)
    return found


def _params(filter_: Filter, said: dict[str, Any] | None) -> Params | None:
    try:
        return None if said is None else filter_.params_type.model_validate(said)
    except ValidationError as error:
        problem = invalid_fields(error)
        raise IntegrityError(
            f"the manifest's filter {filter_.name}: {problem}; rebuild it"
        ) from error


def settings_of(rule: Rule) -> list[tuple[Params, tuple[Policy, ...]]]:
    """Params that a filter judges by, each with the policies whose rows it judges by them."""
    return [
        (params, tuple(policy for policy in POLICIES if rule.of(policy) == params))
        for params in rule.settings()
    ]


def with_policy(rows: pl.DataFrame) -> pl.DataFrame:
    """Index rows with the policy that each is judged by."""
    facts = rows.select("kind", "modality", "category").unique()
    words = pl.Series([policy_of(*found) for found in facts.iter_rows()], dtype=pl.String)
    known = facts.with_columns(policy=words)
    return rows.join(known, on=facts.columns, how="left", nulls_equal=True, maintain_order="left")


def params_for(rule: Rule, policy: Policy | None) -> Params | None:
    """What a row is judged by; None where that is nothing, or hangs on a policy that is unknown."""
    if policy is None:
        return None if rule.others else rule.params
    return rule.of(policy)


def reason_owners(rules: Rules) -> dict[str, str]:
    """Names of filters by their reasons."""
    return {reason: name for name, rule in rules.items() for reason in rule.filter.reasons}


def said_scores(filter_: Filter, values: Sequence[str]) -> pl.DataFrame:
    """Scores out of the ledger's `value`: `a_px=8 b_ratio=1.0`, behind `key: ` for a media."""
    texts = pl.Series("value", values, dtype=pl.String)
    columns = []
    for name, dtype in _score_types(filter_).items():
        said = texts.str.extract(rf"(?:^| ){name}=(\S*)", 1).alias(name)
        columns.append(said == "true" if dtype == pl.Boolean else said.cast(dtype, strict=False))
    return pl.DataFrame(columns)


def _score_types(filter_: Filter) -> pl.Schema:
    """The columns that a filter's module names as its scores."""
    schema: pa.Schema = sys.modules[type(filter_).__module__].SCORES
    return pl.DataFrame(pl.from_arrow(schema.empty_table())).schema
