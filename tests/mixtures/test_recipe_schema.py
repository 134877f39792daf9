from __future__ import annotations

from importlib import resources
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from manifests.errors import RecipeError
from mixtures.recipe_file import builtin_names, parse_recipe
from mixtures.recipe_schema import SCHEMA_FILE, recipe_schema, schema_text

VALIDATOR = Draft202012Validator(recipe_schema())
HEAD = "name: a\ndescription: b\nunit: samples\n"


def test_the_shipped_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text(encoding="ascii") == schema_text(), (
        "write it again: python -m mixtures.recipe_schema"
    )
    Draft202012Validator.check_schema(recipe_schema())


def _problems(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_recipes_are_valid(name: str) -> None:
    file = resources.files("mixtures") / "recipes" / f"{name}.yaml"
    assert _problems(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "components:\n  - {name: a, share: 14%, sources: [x]}\n  - {name: b, share: 0.86}",
        "components: [{name: a, share: 1, sources: [x]}]",
        "components: [{name: a, share: 1/1, where: num_turns > 2, max_repeat: 3}]",
        "components: [{name: a, repeat: 3/2}, {name: b, repeat: 2}, {name: c, take: 5}]",
        "components: [{name: a, take: 5, share: null, unavailable: lost}]",
        "components: [{name: a, take: 5}]\nprocessor: tiny\nmax_sample_tokens: none",
        "components: [{name: a, take: 5}]\nmax_sample_tokens: 100\nover_length: [drop]\nprocessor: "
        "{tile_px: 64, longest_edge_px: 128, ids_per_tile: 4, context_tokens: 512, upscale: false}",
        "components: [{name: a, take: 5}]\nfilters: {roles: {}, turn_length: {max_chars: 9}}",
        "components: [{name: a, take: 5}]\nfilters: [roles, ./mine.py]\npolicies: {web: [refusal]}",
        "components: [{name: a, take: 5}]\nlocal: {mine: {path: x.jsonl}}",
    ],
)
def test_what_a_recipe_may_say(text: str) -> None:
    assert _problems(HEAD + text) == []


@pytest.mark.parametrize(
    "text",
    [
        "components: [{name: a}]",
        "components: [{name: a, share: 1, take: 5}]",
        "components: [{name: a, share: 101}]",
        "components: [{name: a, share: half}]",
        "components: [{name: a, share: 0}]",
        "components: [{name: a, repeat: -1}]",
        "components: [{name: a, take: 1.5}]",
        "components: [{name: A, take: 1}]",
        "components: [{name: a, take: 1, remove: true}]",
        "components: [{name: a, take: 1, sorces: [x]}]",
        "components: [{name: a, take: 1, components: [{name: b}]}]",
        "components: []",
        "components: [{name: a, take: 1}]\nstyle: fancy",
        "components: [{name: a, take: 1}]\nprocessor: tinny",
        "components: [{name: a, take: 1}]\nprocessor: {tile_px: 64}",
        "components: [{name: a, take: 1}]\nfilters: {roles: null}",
        "components: [{name: a, take: 1}]\nsed: 3",
        "components: [{name: a, take: 1}]\nmax_sample_tokens: 0",
        "seed: 3",
    ],
)
def test_what_neither_the_schema_nor_the_loader_takes(text: str) -> None:
    assert _problems(HEAD + text)
    with pytest.raises(RecipeError):
        parse_recipe(HEAD + text, "r.yaml")


EXTENDING: list[tuple[str, bool]] = [
    ("name: a\nextends: video", True),
    ("name: a\nextends: video\nfilters: {roles: null}\nlocal: {mine: null}", True),
    ("name: a\nextends: video\ncomponents: [{name: text, remove: true}]", True),
    ("name: a\nextends: video\ncomponents: [{name: text, components: [{name: b}]}]", True),
    ("extends: video", False),
    ("name: a\nextends: [video]", False),
    ("name: a\nextends: video\ncomponents: [{name: text, remove: false}]", False),
    ("name: a\nextends: video\ncomponents: [{name: text, components: [{nam: b}]}]", False),
    ("name: a\nextends: video\nseed: x", False),
]


@pytest.mark.parametrize(("text", "valid"), EXTENDING)
def test_recipes_that_extend_another(text: str, valid: bool) -> None:
    assert (_problems(text) == []) == valid


def test_every_key_is_explained_or_plain() -> None:
    schema = recipe_schema()
    plain = {"name", "description", "components", "style", "unit"}
    fields: dict[str, Any] = schema["properties"]
    assert {key for key, field in fields.items() if "description" not in field} <= plain
