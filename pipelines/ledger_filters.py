"""The filters of a finished build: whose reasons its ledger names, by which thresholds, of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import ValidationError

import filters
from filters.base import Filter, Params
from filters.models import params_of
from manifests.build import load_manifest
from manifests.errors import IntegrityError, SmolmixError, invalid_fields
from mixtures.policies import POLICIES, Policy
from pipelines.build_store import read_plan
from pipelines.judge import Rule

Rules = dict[str, Rule]


@dataclass(frozen=True, slots=True)
class BuildFilters:
    """The filters as they judged a build, in their order; `gone` says why of those that cannot now.

    What the ledger says of the latter stands; what else they would say is not known.
    """

    rules: Rules
    gone: dict[str, str]


def build_filters(build: str) -> BuildFilters:
    """By the manifest's thresholds; a filter of another version or digest is another filter."""
    manifest, plan = load_manifest(build), read_plan(build)
    rules, gone = {}, {}
    for use in manifest.filters:
        try:
            filter_ = filters.get(plan.recipe.filter_ref(use.name))
        except SmolmixError as error:
            gone[use.name] = str(error)
            continue
        if filter_.fingerprint != plan.pins.get(f"filter:{use.name}"):
            gone[use.name] = f"the build has its version {use.version}, and it has changed since"
            continue
        others = {p: _params(filter_, use.policies[p]) for p in POLICIES if p in use.policies}
        rules[use.name] = Rule(filter_, _params(filter_, use.params), others)
    return BuildFilters(rules, gone)


def _params(filter_: Filter, said: dict[str, Any] | None) -> Params | None:
    try:
        given = None if said is None else params_of(filter_, said)
        return None if given is None else filter_.params_type.model_validate(given)
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
    schema = pl.DataFrame(pl.from_arrow(filter_.scores.empty_table())).schema
    columns = []
    for name, dtype in schema.items():
        said = texts.str.extract(rf"(?:^| ){name}=(\S*)", 1).alias(name)
        columns.append(said == "true" if dtype == pl.Boolean else said.cast(dtype, strict=False))
    return pl.DataFrame(columns)
