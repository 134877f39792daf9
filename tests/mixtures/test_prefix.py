from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.order import leaf_slots
from mixtures.prefix import prefix_deviations
from mixtures.quota import solve
from mixtures.recipe import Recipe
from tests.mixtures.strategies import recipe_of, recipes
from tests.mixtures.supplies import plenty


@settings(deadline=None, max_examples=40)
@given(recipes(), st.integers(1, 1000))
def test_our_orders_are_exact(recipe: Recipe, total: int) -> None:
    quotas = solve(recipe, plenty(len(recipe.leaves())), total).quotas
    deviations = prefix_deviations(recipe, leaf_slots(recipe, quotas))
    assert all(deviation.is_exact for deviation in deviations)
    with_rows = {leaf.path for leaf, quota in zip(recipe.leaves(), quotas, strict=True) if quota}
    assert with_rows <= {deviation.path for deviation in deviations}


def test_an_order_that_is_off_is_measured() -> None:
    halves = [{"name": "c", "share": "1/2"}, {"name": "d", "share": "1/2"}]
    recipe = recipe_of(
        [{"name": "a", "share": "1/2"}, {"name": "b", "share": "1/2", "components": halves}]
    )
    # 128 of a, then 64 of c, then 64 of d.
    sorted_rows = np.repeat([0, 1, 2], [128, 64, 64])
    found = {item.path: item for item in prefix_deviations(recipe, sorted_rows)}
    assert [(path, item.depth) for path, item in found.items()] == [
        *(("a", 1), ("b", 1)),
        *(("b/c", 2), ("b/d", 2)),
    ]
    assert found["a"].of_parent == found["a"].of_whole == 64
    assert found["b/c"].of_parent == 32
    assert found["b/c"].of_whole == 32
    assert found["b/d"].of_whole == 48
    assert not any(item.is_exact for item in found.values())


def test_components_of_like_names_are_told_apart() -> None:
    inner = [{"name": "x", "share": "1"}]
    recipe = recipe_of(
        [
            {"name": "a", "share": "1/2", "components": inner},
            {"name": "aa", "share": "1/2", "components": inner},
        ]
    )
    found = prefix_deviations(recipe, np.arange(128) % 2)
    assert [item.path for item in found] == ["a", "a/x", "aa", "aa/x"]
    assert {item.of_whole for item in found} == {Fraction(0)}
    assert prefix_deviations(recipe, np.empty(0, dtype=np.int32)) == []


def test_amounts_need_no_shares() -> None:
    inner = [{"name": "x", "take": 1}, {"name": "y", "repeat": 3}]
    recipe = recipe_of([{"name": "a", "take": 5}, {"name": "b", "repeat": 1, "components": inner}])
    found = prefix_deviations(recipe, leaf_slots(recipe, (300, 50, 150)))
    assert [item.path for item in found] == ["a", "b", "b/x", "b/y"]
    assert all(item.is_exact for item in found)
