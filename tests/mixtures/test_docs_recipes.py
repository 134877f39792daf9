"""Examples of docs/recipes.md are recipes: they load, and name what there is."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import get_args

import pytest

import filters
import sources
from mixtures.checks import check_filters, check_where
from mixtures.curriculum import parse_curriculum
from mixtures.processors import PROCESSORS
from mixtures.recipe import Recipe, Remedy, Unit, check_sources
from mixtures.recipe_file import parse_recipe
from mixtures.styles import STYLES
from mixtures.where import INDEX_COLUMNS
from pipelines.judge import parse_rules, score_schemas

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
RECIPES = [block for block in BLOCKS if not re.search(r"^stages:", block, re.MULTILINE)]


def first_line(block: str) -> str:
    return block.splitlines()[0]


@pytest.mark.parametrize("block", RECIPES, ids=first_line)
def test_an_example_is_a_recipe(block: str) -> None:
    recipe = parse_recipe(block, PAGE.name)
    catalog = sources.discover()
    own = {name: ["all"] for name in recipe.modules} | {"local": list(recipe.local)}
    check_sources(recipe, {name: s.card.subset_names for name, s in catalog.items()} | own)
    check_filters(recipe, filters.discover())
    rules = parse_rules(recipe)
    cards = {name: catalog[name].card for name in recipe.sources() if name in catalog}
    check_where(recipe, cards, score_schemas(rule.filter for rule in rules))


@pytest.mark.parametrize("block", [b for b in BLOCKS if b not in RECIPES], ids=first_line)
def test_an_example_is_a_curriculum(block: str) -> None:
    assert len(parse_curriculum(block, PAGE.name).stages) == 2


def test_the_examples_show_the_language() -> None:
    """So that a changed way of writing does not switch the checks off."""
    keys = set(re.findall(r"(?:^|[{ ,])([a-z_]+):", "\n".join(RECIPES), re.MULTILINE))
    assert len(RECIPES) >= 8
    assert keys >= {"share", "take", "repeat", "where", "extends", "unavailable", "local", "merge"}


NAMED: Mapping[str, Collection[str]] = {
    "keys of a recipe": set(Recipe.model_fields)
    - {"name", "description", "modules", "filter_modules"},
    "units": get_args(Unit),
    "styles": STYLES,
    "processors": PROCESSORS,
    "remedies": get_args(Remedy),
    "columns": INDEX_COLUMNS,
}


def test_the_page_leads_to_that_of_the_filters() -> None:
    """Which is written from them: it has a section of each."""
    assert "](filters.md)" in TEXT
    sections = re.findall(r"^#+ (\w+)$", (PAGE.parent / "filters.md").read_text(), re.MULTILINE)
    assert set(filters.discover()) <= set(sections)


@pytest.mark.parametrize("what", NAMED)
def test_the_page_names_all(what: str) -> None:
    words = set(re.findall(r"[\w.-]+", TEXT))
    assert set(NAMED[what]) - words == set()
