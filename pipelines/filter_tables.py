"""`mixture filters`: what each filter declares of itself, as a table and as one whole page."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pydantic_core import PydanticUndefined
from rich import box
from rich.console import Console
from rich.table import Table

from filters.base import Filter, Params
from filters.models import ModelFilter
from manifests.storage import canonical_json
from mixtures.policies import POLICIES
from mixtures.recipe_file import builtin_names, load_recipe
from pipelines.progress import printable

# What a filter of each level judges.
_JUDGED = {"sample": "samples", "media": "medias", "pair": "samples with their media"}
EVERY_POLICY = "all"
NO_POLICY = "any"


@cache
def recipes_by_filter() -> dict[str, tuple[str, ...]]:
    """Built-in recipes in which each filter judges."""
    found: dict[str, list[str]] = {}
    for name in builtin_names():
        for used in load_recipe(name).filter_settings():
            found.setdefault(used, []).append(name)
    return {used: tuple(names) for used, names in found.items()}


def meaning(one: Filter) -> str:
    """What its class says it does, or else the first paragraph of its module."""
    said = type(one).__doc__ or sys.modules[type(one).__module__].__doc__ or ""
    return " ".join(said.split("\n\n")[0].split())


def policies_text(one: Filter) -> str:
    """The policies that its defaults are chosen for."""
    if set(one.policies) == set(POLICIES):
        return EVERY_POLICY
    return ", ".join(policy for policy in POLICIES if policy in one.policies) or NO_POLICY


def filter_facts(one: Filter) -> list[tuple[str, str]]:
    """What there is to say of a filter as a whole, in words, in the order of reading."""
    facts = [
        ("judges", f"{_JUDGED[one.level]} of kind {' and '.join(one.kinds)}"),
        ("meant for", policies_text(one)),
        ("recipes", ", ".join(recipes_by_filter().get(one.name, ()))),
        ("source", one.source),
        ("version", str(one.version)),
    ]
    return [(name, value) for name, value in facts if value]


def parameters(one: Filter) -> Iterator[tuple[str, str, str]]:
    """(name, default, meaning) of what a recipe may say; first what changes the scores."""
    types: list[type[Params]] = [one.params_type]
    if isinstance(one, ModelFilter):
        types.insert(0, one.settings_type)
    for params in types:
        for name, field in params.model_fields.items():
            yield (
                name,
                _default(field.get_default(call_default_factory=True)),
                field.description or "",
            )


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    return canonical_json(value).decode().strip()


def scores(one: Filter) -> list[tuple[str, str]]:
    return [(field.name, str(field.type)) for field in one.scores]


def describe(one: Filter) -> dict[str, Any]:
    """All of it, for `--json`."""
    return {
        "name": one.name,
        "meaning": meaning(one),
        "level": one.level,
        "kinds": list(one.kinds),
        "policies": list(one.policies),
        "recipes": list(recipes_by_filter().get(one.name, ())),
        "source": one.source,
        "version": one.version,
        "reasons": list(one.reasons),
        "parameters": [
            {"name": name, "default": default, "meaning": said}
            for name, default, said in parameters(one)
        ],
        "scores": dict(scores(one)),
    }


def print_filters(console: Console, every: Iterable[Filter]) -> None:
    table = Table("filter", "level", "kinds", "meant for", "meaning", box=box.SIMPLE_HEAD)
    for column in table.columns[:1]:
        column.no_wrap = True
    for one in every:
        table.add_row(one.name, one.level, ", ".join(one.kinds), policies_text(one), meaning(one))
    console.print(table)


def print_filter(console: Console, one: Filter) -> None:
    console.print(f"{one.name}: {printable(meaning(one))}", soft_wrap=True)
    for name, value in filter_facts(one):
        console.print(f"{name}: {printable(value)}", soft_wrap=True)
    console.print(f"reasons: {', '.join(one.reasons)}", soft_wrap=True)
    for header, rows in (
        (("parameter", "default", "meaning"), list(parameters(one))),
        (("score", "type"), scores(one)),
    ):
        if rows:
            table = Table(*header, box=box.SIMPLE_HEAD)
            for row in rows:
                table.add_row(*map(printable, row))
            console.print(table)
