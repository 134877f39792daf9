from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import RecipeError
from mixtures.missing import unavailable_components, without_missing
from mixtures.recipe import Recipe
from tests.mixtures.strategies import recipe_of, recipes

PARTS: list[dict[str, Any]] = [
    {"name": "text", "share": "1/4"},
    {
        "name": "image",
        "share": "1/2",
        "components": [
            {"name": "a", "share": "1/2"},
            {"name": "b", "share": "1/3", "unavailable": "null images", "sources": []},
            {"name": "c", "share": "1/6", "components": [{"name": "d", "share": 1}]},
        ],
    },
    {
        "name": "video",
        "share": "1/4",
        "components": [
            {"name": "e", "take": 10, "unavailable": "unpublished", "sources": []},
            {"name": "f", "repeat": 2},
            {"name": "g", "take": 3},
        ],
    },
]


def _shares(recipe: Recipe) -> dict[str, Fraction | None]:
    return {leaf.path: leaf.component.share for leaf in recipe.leaves()}


def test_what_is_unavailable_with_its_reason() -> None:
    assert unavailable_components(recipe_of(PARTS)) == [
        ("image/b", "null images"),
        ("video/e", "unpublished"),
    ]
    inner = {**PARTS[1], "unavailable": "all of it"}
    assert unavailable_components(recipe_of([PARTS[0], inner, PARTS[2]])) == [
        ("image", "all of it"),
        ("video/e", "unpublished"),
    ]


def test_siblings_shares_grow_in_proportion_and_amounts_stay() -> None:
    left = without_missing(recipe_of(PARTS))
    assert _shares(left) == {
        "text": Fraction(1, 4),
        "image/a": Fraction(3, 4),
        "image/c/d": 1,
        "video/f": None,
        "video/g": None,
    }
    assert [part.share for part in left.components[1].components] == [
        Fraction(3, 4),
        Fraction(1, 4),
    ]
    assert [part.take for part in left.components[2].components] == [None, 3]
    assert unavailable_components(left) == []


def test_a_component_without_any_left_is_missing_itself() -> None:
    left = without_missing(recipe_of(PARTS), ["image/c/d", "video/f", "video/g"])
    assert _shares(left) == {"text": Fraction(1, 3), "image/a": 1}
    assert [part.share for part in left.components] == [Fraction(1, 3), Fraction(2, 3)]


def test_inner_components_can_be_missing() -> None:
    assert list(_shares(without_missing(recipe_of(PARTS), {"image"}))) == [
        *("text", "video/f", "video/g"),
    ]


def test_a_recipe_that_misses_nothing_stays_what_it_is() -> None:
    recipe = recipe_of(PARTS[:1] + [{"name": "rest", "share": "3/4"}])
    assert without_missing(recipe) is recipe


def test_nothing_left_and_nothing_known() -> None:
    with pytest.raises(
        RecipeError, match="nothing is left without image/b, video/e, image, text, "
    ):
        without_missing(recipe_of(PARTS), ["text", "video", "image"])
    with pytest.raises(RecipeError, match="no component 'image/aa'; did you mean 'image/a'"):
        without_missing(recipe_of(PARTS), ["image/aa"])


@settings(deadline=None, max_examples=25)
@given(st.data(), recipes(depth=3, width=4, sizes=("share", "amount")))
def test_what_is_left_is_a_recipe_with_the_same_ratios(data: st.DataObject, recipe: Recipe) -> None:
    leaves = [leaf.path for leaf in recipe.leaves()]
    missing = data.draw(st.sets(st.sampled_from(leaves)))
    if missing == set(leaves):
        with pytest.raises(RecipeError, match="nothing is left"):
            without_missing(recipe, missing)
        return
    left = without_missing(recipe, missing)
    assert Recipe.model_validate(left.model_dump()) == left, "sums and all else are checked again"
    assert [leaf.path for leaf in left.leaves()] == [p for p in leaves if p not in missing]
    before, after = _all_shares(recipe), _all_shares(left)
    for one in after:
        for other in after:
            if one[0] == other[0] and after[one] is not None:
                assert after[one] * before[other] == after[other] * before[one]


def _all_shares(recipe: Recipe) -> dict[tuple[str, str], Any]:
    """Shares by (path of the parent, name)."""
    found = {}
    for leaf in recipe.leaves():
        for depth, part in enumerate(leaf.chain):
            above = "/".join(parent.name for parent in leaf.chain[:depth])
            found[above, part.name] = part.share
    return found
