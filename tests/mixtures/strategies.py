"""Shared Hypothesis vocabulary: recipes as random trees, and content ids."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mixtures.recipe import Recipe


def recipe_of(components: list[dict[str, Any]], **fields: Any) -> Recipe:
    """A recipe from components; a leaf's source is its name where nothing else is said."""
    head = {"name": "test", "description": "", "unit": "samples"}
    return Recipe.model_validate(
        {**head, **fields, "components": [_sourced(c) for c in components]}
    )


def _sourced(component: dict[str, Any]) -> dict[str, Any]:
    inner = component.get("components")
    if inner and "sources" not in component:
        return {**component, "components": [_sourced(part) for part in inner]}
    return {"sources": [component["name"]], **component}


@st.composite
def levels(draw: st.DrawFn, depth: int, width: int, prefix: str = "c") -> list[dict[str, Any]]:
    weights = draw(st.lists(st.integers(1, 200), min_size=1, max_size=width))
    parts: list[dict[str, Any]] = []
    for index, weight in enumerate(weights):
        name = f"{prefix}{index}"
        part: dict[str, Any] = {"name": name, "share": Fraction(weight, sum(weights))}
        if depth > 1 and draw(st.booleans()):
            part["components"] = draw(levels(depth - 1, width, name))
        parts.append(part)
    return parts


def recipes(depth: int = 3, width: int = 6) -> st.SearchStrategy[Recipe]:
    """Trees of at most `depth` levels of at most `width` siblings."""
    return levels(depth, width).map(recipe_of)


def content_ids(count: int, seed: int = 0) -> list[str]:
    """So many distinct ids of 32 hex digits."""
    raw = np.random.default_rng(seed).bytes(16 * count).hex()
    return [raw[32 * index : 32 * index + 32] for index in range(count)]
