"""What can be compared: a recipe, a plan or a build; and what is known of each, name by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sources
from filters.base import Params
from manifests.build import TRAIN, BuildManifest, load_manifest
from manifests.errors import UsageError, nearest
from manifests.ledger import Fate
from manifests.storage import exists, filesystem, join, read_bytes
from mixtures.component import Component
from mixtures.plan import Plan
from mixtures.recipe import Recipe
from mixtures.recipe_file import builtin_names, load_recipe
from pipelines.judge import parse_rule
from pipelines.views import plan_leaves, with_inner

# What a component says beside its name, its size and its own components.
_CONDITIONS = [
    name
    for name in Component.model_fields
    if name not in ("name", "share", "take", "repeat", "components", "sources")
]
# What of a recipe is told component by component, source by source, or is no setting.
_NOT_SETTINGS = {"name", "description", "components", "filters", "policies"}

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two; a build has all three, a plan a recipe."""

    name: str
    recipe: Recipe
    plan: Plan | None = None
    manifest: BuildManifest | None = None

    @property
    def kind(self) -> str:
        if self.manifest is not None:
            return "build"
        return "recipe" if self.plan is None else "plan"


def open_side(text: str) -> Side:
    """A built-in recipe's name, else a build's folder, a plan's file or a recipe's."""
    if text in builtin_names():
        return Side(text, load_recipe(text))
    if exists(text) and filesystem(text)[0].isdir(filesystem(text)[1]):
        manifest = load_manifest(text)
        plan = _read_plan(join(text, "plan.json"))
        return Side(text, plan.recipe, plan, manifest)
    if text.endswith(".json") and exists(text):
        plan = _read_plan(text)
        return Side(text, plan.recipe, plan)
    if exists(text):
        return Side(text, load_recipe(text))
    names = builtin_names()
    raise UsageError(
        f"there is no {text!r}{nearest(text, names)} (a built-in recipe: {', '.join(names)}; or "
        "the path of a recipe, a plan.json or a build)"
    )


def _read_plan(path: str) -> Plan:
    return Plan.from_json(read_bytes(path), path)


def settings(side: Side, with_plan: bool, in_order: bool) -> Facts:
    """Every setting by its name, filters' thresholds with their defaults; then what is pinned.

    `in_order`: filters in the order in which they judge, which only a recipe's file tells.
    """
    raw = side.recipe.model_dump(mode="json")
    found = {name: value for name, value in raw.items() if name not in _NOT_SETTINGS}
    names = list(side.recipe.filter_settings())
    found["filters"] = names if in_order else sorted(names)
    found |= _thresholds(side.recipe)
    if with_plan and side.plan is not None:
        found |= {f"pins.{name}": value for name, value in side.plan.pins.items()}
        found["tokenizer"] = side.plan.tokenizer
        held = side.plan.validation
        found |= {"holdout": held.share} if held else {}
    return found


def _thresholds(recipe: Recipe) -> Facts:
    """`filters.roles.x`, and `policies.code.roles.x` where a policy has another, or has it off.

    Of the user's own filters, whose modules a plan does not hold, only what the recipe says.
    """
    found: Facts = {}
    for name, said in recipe.filter_settings().items():
        given: dict[str, Any] = {"filters": said.given}
        given |= {f"policies.{policy}": other for policy, other in said.others.items()}
        if name not in recipe.filter_modules:
            rule = parse_rule(recipe, name, said)
            given = {"filters": _dumped(rule.params)}
            given |= {f"policies.{policy}": _dumped(p) for policy, p in rule.others.items()}
        for place, values in given.items():
            named = {f"{place}.{name}.{key}": value for key, value in (values or {}).items()}
            found |= {f"{place}.{name}": "off"} if values is None else named
    return found


def _dumped(params: Params | None) -> dict[str, Any] | None:
    return None if params is None else params.model_dump(mode="json")


def components(side: Side, with_plan: bool) -> dict[str, Facts]:
    """By path: share of the whole (or the size as it is written), conditions, and what is drawn."""
    found: dict[str, Facts] = {}
    for path, share, component in _walk(side.recipe.components, "", Fraction(1)):
        raw = component.model_dump(mode="json", include=set(_CONDITIONS))
        found[path] = {"share": _size(component) if share is None else share, **raw}
        found[path]["sources"] = sorted(component.sources)
    if with_plan and side.plan is not None:
        for view in with_inner(plan_leaves(side.plan)):
            drawn = {"rows": view.rows, "tokens": view.tokens, "available": view.available}
            found.setdefault(view.path, {}).update(drawn, share=view.share)
    return found


def _walk(
    parts: Sequence[Component], above: str, share: Fraction | None
) -> Iterator[tuple[str, Fraction | None, Component]]:
    for part in parts:
        own = None if share is None or part.share is None else share * part.share
        yield above + part.name, own, part
        yield from _walk(part.components, f"{above}{part.name}/", own)


def _size(component: Component) -> str:
    if component.share is not None:
        return f"{component.share} of its parent"
    if component.take is not None:
        return f"take {component.take}"
    return f"repeat {component.repeat}"


def totals(side: Side, with_build: bool) -> Facts:
    """Counts of a plan, or of a build."""
    assert side.plan is not None, "a recipe has no counts"
    if side.manifest is None or not with_build:
        leaves = side.plan.leaves
        return {"rows": side.plan.total, "tokens": sum(leaf.tokens for leaf in leaves)}
    names = ("rows", "images", "tokens", "media_tokens", "answer_tokens", "text_tokens")
    counts = {name: getattr(side.manifest, f"num_{name}") for name in names}
    sizes = [file.bytes for file in side.manifest.files if file.path.startswith(TRAIN)]
    held = side.manifest.validation
    found = {"validation rows": held.num_rows} if held else {}
    return {**counts, "bytes": sum(sizes), **found}


def subsets(side: Side, with_build: bool) -> Facts:
    """By `source/subset`, or `source` for all of them: rows that were kept, or that it is named."""
    if with_build and side.manifest is not None:
        funnel = side.manifest.funnel
        return {f"{e.source}/{e.subset}": e.fates.get(Fate.KEPT, 0) for e in funnel}
    named = side.recipe.sources()
    return {
        f"{source}/{subset}".rstrip("/"): True
        for source, found in named.items()
        for subset in found or ("",)
    }


def licenses(side: Side, with_plan: bool, with_build: bool) -> Facts:
    """By licence and commercial use: rows of the build; rows that are not for products; subsets."""
    found: Counter[str] = Counter()
    if with_build and side.manifest is not None:
        kept = subsets(side, with_build=True)
        for terms in side.manifest.terms:
            key = _terms(terms.license, terms.commercial_use)
            found[key] += sum(kept[f"{terms.source}/{name}"] for name in terms.subsets)
    elif with_plan and side.plan is not None:
        for entry in side.plan.restricted:
            found[_terms(entry.license, entry.commercial_use)] += entry.rows
    else:
        for card, subset in _drawn_subsets(side.recipe):
            found[_terms(card.license_of(subset), card.commercial_use_of(subset))] += 1
    return dict(found)


def _drawn_subsets(recipe: Recipe) -> Iterator[tuple[Any, Any]]:
    """Cards and subsets of the recipe's sources; the user's own have terms of his."""
    for name, names in recipe.sources().items():
        card = sources.get(name).card if name in sources.names() else None
        for subset in card.subsets if card is not None else ():
            if not names or subset.name in names:
                yield card, subset


def _terms(license_: str, commercial_use: str) -> str:
    return f"{license_}, commercial use {commercial_use}"
