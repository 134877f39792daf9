"""Shared Hypothesis vocabulary: recipes as random trees, and content ids."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

from mixtures.recipe import Recipe, Unit


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


Sizes = Literal["share", "amount"]


@st.composite
def levels(
    draw: st.DrawFn,
    depth: int,
    width: int,
    prefix: str = "c",
    sizes: Sequence[Sizes] = ("share",),
) -> list[dict[str, Any]]:
    """Siblings, all of one kind of size, and what is below them."""
    weights = draw(st.lists(st.integers(1, 200), min_size=1, max_size=width))
    kind = draw(st.sampled_from(sizes))
    parts: list[dict[str, Any]] = []
    for index, weight in enumerate(weights):
        name = f"{prefix}{index}"
        size = {"share": Fraction(weight, sum(weights))}
        part = {"name": name, **(size if kind == "share" else draw(amounts()))}
        if depth > 1 and draw(st.booleans()):
            part["components"] = draw(levels(depth - 1, width, name, sizes))
        parts.append(part)
    return parts


def amounts() -> st.SearchStrategy[dict[str, Any]]:
    """A `take` or a `repeat`, of small numbers."""
    takes = st.integers(1, 500).map(lambda amount: {"take": amount})
    passes = st.fractions(Fraction(1, 8), 4, max_denominator=8)
    return takes | passes.map(lambda number: {"repeat": number})


def recipes(
    depth: int = 3,
    width: int = 6,
    sizes: Sequence[Sizes] = ("share",),
    units: Sequence[Unit] = ("samples",),
) -> st.SearchStrategy[Recipe]:
    """Trees of at most `depth` levels of at most `width` siblings, a level of one of `sizes`."""
    trees = levels(depth, width, "c", sizes)
    return st.builds(lambda parts, unit: recipe_of(parts, unit=unit), trees, st.sampled_from(units))


def content_ids(count: int, seed: int = 0) -> list[str]:
    """So many distinct ids of 32 hex digits."""
    raw = np.random.default_rng(seed).bytes(16 * count).hex()
    return [raw[32 * index : 32 * index + 32] for index in range(count)]
