from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import InfeasibleError
from mixtures.amounts import passes_allowed, settle
from mixtures.quota import solve
from mixtures.recipe import Recipe
from mixtures.tree import chains, tree
from tests.mixtures.strategies import recipe_of, recipes
from tests.mixtures.supplies import counted, holding, plenty


def amounts_of(*components: dict[str, Any], **fields: Any) -> Recipe:
    named = [{"name": f"c{place}", **part} for place, part in enumerate(components)]
    return recipe_of(named, **fields)


def inner(size: dict[str, Any], *components: dict[str, Any]) -> dict[str, Any]:
    parts = [
        {"name": f"d{place}", "sources": [f"s{place}"], **part}
        for place, part in enumerate(components)
    ]
    return {**size, "components": parts}


@settings(deadline=None)
@given(recipes())
def test_shares_are_as_they_are_written(recipe: Recipe) -> None:
    shares = settle(recipe, plenty(len(recipe.leaves())))
    assert shares.total is None
    assert list(shares.by_leaf) == [leaf.share for leaf in recipe.leaves()]
    assert sum(shares.by_leaf) == 1
    assert all(shares.of_whole[leaf.path] == leaf.share for leaf in recipe.leaves())


def test_take_and_repeat_stand_side_by_side_and_give_the_total() -> None:
    recipe = amounts_of({"take": 30}, {"repeat": "3/2"}, {"repeat": 2})
    shares = settle(recipe, counted(100, 7, 20))
    # 30, ceil(10.5) and 40.
    assert shares.total == 81
    assert shares.by_leaf == (Fraction(30, 81), Fraction(11, 81), Fraction(40, 81))
    solution = solve(recipe, counted(100, 7, 20))
    assert (solution.total, solution.quotas) == (81, (30, 11, 40))
    assert solve(recipe, counted(100, 7, 20), 27).quotas == (10, 4, 13)


def test_an_inner_repeat_is_of_what_its_components_ask_for_or_hold() -> None:
    asks = inner({"repeat": "1/2"}, {"take": 100}, {"repeat": 1})
    holds = inner({"repeat": 3}, {"share": "1/4"}, {"share": "3/4"})
    recipe = amounts_of(asks, holds)
    shares = settle(recipe, counted(500, 41, 10, 30))
    assert shares.total == 71 + 120
    assert shares.of_parent["c0/d1"] == Fraction(41, 141)
    assert shares.of_parent["c1/d1"] == Fraction(3, 4)
    assert solve(recipe, counted(500, 41, 10, 30)).quotas == (50, 21, 30, 90)


@pytest.mark.parametrize("above", [{"share": "1/2"}, {"take": 90}])
def test_amounts_below_a_size_are_weights(above: dict[str, Any]) -> None:
    recipe = amounts_of(inner(above, {"take": 2}, {"repeat": "1/5"}), above)
    shares = settle(recipe, counted(1000, 20, 1000))
    assert shares.by_leaf == (Fraction(1, 6), Fraction(1, 3), Fraction(1, 2))
    assert solve(recipe, counted(1000, 1000, 1000), 90).quotas[2] == 45


def test_tokens_are_repeated_in_tokens() -> None:
    recipe = amounts_of({"repeat": 2}, {"repeat": "0.35"}, unit="tokens")
    supply = holding([10, 5, 10, 0], [7, 3, 9])
    solution = solve(recipe, supply)
    # Twice all of it, and ceil(6.65) of 19.
    assert solution.amounts == (50, 7)
    assert solution.quotas[0] == 8
    assert solution.total == 57


@pytest.mark.parametrize(
    ("parts", "passes"),
    [
        ([{"repeat": "5/2"}], 3),
        ([{"repeat": "5/2", "max_repeat": 7}], 7),
        ([{"repeat": "1/2"}], 1),
        ([inner({"repeat": 2}, {"repeat": "3/2"})], 3),
        ([inner({"repeat": 4}, {"share": 1})], 4),
        ([inner({"repeat": "1/10"}, {"repeat": 4})], 4),
        ([inner({"take": 10}, {"take": 4})], 1),
    ],
)
def test_a_repeat_says_by_itself_how_often(parts: list[dict[str, Any]], passes: int) -> None:
    assert [passes_allowed(chain) for chain in chains(tree(amounts_of(*parts)))] == [passes]


def test_a_repeat_of_nothing_names_the_component() -> None:
    recipe = amounts_of({"take": 5}, inner({"take": 5}, {"repeat": 2}, {"take": 1}))
    with pytest.raises(InfeasibleError, match="c1/d0 has no samples; .* --allow-missing"):
        settle(recipe, counted(5, 0, 5))
    answers = recipe.model_copy(update={"unit": "answer_tokens"})
    with pytest.raises(InfeasibleError, match="c1/d0 has no answer tokens"):
        settle(answers, holding([5], [0, 0], [1]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60)), min_size=1, max_size=6), st.data())
def test_amounts_are_drawn_exactly(parts: list[tuple[bool, int]], data: st.DataObject) -> None:
    sizes = [data.draw(st.integers(1, 50)) for _ in parts]
    components, wanted = [], []
    for (takes, number), size in zip(parts, sizes, strict=True):
        part = {"take": number, "max_repeat": 60} if takes else {"repeat": f"{number}/10"}
        components.append(part)
        wanted.append(number if takes else -(-number * size // 10))
    solution = solve(amounts_of(*components), counted(*sizes))
    assert list(solution.quotas) == wanted


def test_more_than_there_is_names_what_binds() -> None:
    recipe = amounts_of({"take": 30}, {"take": 60})
    with pytest.raises(InfeasibleError) as caught:
        solve(recipe, counted(100, 20))
    assert str(caught.value) == (
        "recipe test: component c1 can give 20 rows and would need 60 for a total of 90;"
        " the largest total that works is 30"
    )
