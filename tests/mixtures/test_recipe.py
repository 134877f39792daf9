from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from manifests.errors import RecipeError
from mixtures.recipe import Recipe, check_sources, parse_share
from tests.mixtures.strategies import recipe_of


@pytest.mark.parametrize(
    "written", ["14%", "7/50", "0.14", "14.0%", " 14% ", 0.14, Fraction(7, 50), "14/100"]
)
def test_the_same_share_in_every_spelling(written: object) -> None:
    assert parse_share(written) == Fraction(7, 50)


def test_shares_that_binary_floats_cannot_hold_are_exact() -> None:
    assert parse_share(1e-05) == Fraction(1, 100_000)
    assert parse_share("0.1234567890123456789") == Fraction(1234567890123456789, 10**19)
    assert parse_share(1) == 1


@pytest.mark.parametrize("written", ["", "many", "1/0", "-5%", "1e-3", "5%%", "1/2%", True, None])
def test_no_share(written: object) -> None:
    with pytest.raises(ValueError, match="write it as 14%"):
        parse_share(written)


@pytest.mark.parametrize("written", ["0", "0/5", "101%", 1.5, 2])
def test_share_out_of_range(written: object) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        parse_share(written)


@given(st.fractions(min_value=Fraction(1, 10**9), max_value=1))
def test_shares_survive_json(share: Fraction) -> None:
    assert parse_share(str(share)) == share


NESTED: list[dict[str, Any]] = [
    {"name": "text", "share": "14%", "modality": "text", "sources": ["magpie"]},
    {
        "name": "video",
        "share": "86%",
        "modality": "video",
        "sources": ["llava/a", "llava/b", "fine"],
        "components": [
            {"name": "captions", "share": "3/4", "category": "captioning"},
            {"name": "rest", "share": "1/4", "category": "vqa", "sources": ["llava/b"]},
        ],
    },
]


def test_leaves_are_depth_first_with_exact_shares() -> None:
    leaves = recipe_of(NESTED).leaves()
    assert [leaf.index for leaf in leaves] == [0, 1, 2]
    assert [leaf.path for leaf in leaves] == ["text", "video/captions", "video/rest"]
    assert [leaf.share for leaf in leaves] == [
        Fraction(7, 50),
        Fraction(129, 200),
        Fraction(43, 200),
    ]
    assert [leaf.component.name for leaf in leaves] == ["text", "captions", "rest"]


def test_a_leaf_claims_what_its_whole_chain_claims() -> None:
    component = NESTED[1]["components"][0]
    part = {**component, "sources": ["llava"]}
    leaf = recipe_of([{**NESTED[1], "share": 1, "components": [{**part, "share": 1}]}]).leaves()[0]
    assert leaf.claims("llava", "a", "video", "captioning")
    assert not leaf.claims("llava", "c", "video", "captioning")
    assert not leaf.claims("fine", "", "video", "captioning")
    assert not leaf.claims("llava", "a", "image", "captioning")
    assert not leaf.claims("llava", "a", "video", None)


def test_sources_lists_subsets_once_and_whole_sources_as_all() -> None:
    parts = [
        {"name": "a", "share": "1/2", "sources": ["x/1", "x/2", "y/1"]},
        {"name": "b", "share": "1/2", "sources": ["x/1", "y", "z/deep/er"]},
    ]
    assert recipe_of(parts).sources() == {"x": ("1", "2"), "y": (), "z": ("deep/er",)}
    assert recipe_of(NESTED).sources() == {"magpie": (), "llava": ("a", "b"), "fine": ()}


def test_check_sources_names_the_nearest() -> None:
    recipe = recipe_of([{"name": "a", "share": 1, "sources": ["the_cauldron/ai2"]}])
    check_sources(recipe, {"the_cauldron": ["ai2", "vqav2"]})
    with pytest.raises(RecipeError, match="no subset 'ai2'; did you mean 'ai2d'"):
        check_sources(recipe, {"the_cauldron": ["ai2d"]})
    with pytest.raises(RecipeError, match="no source 'the_cauldron'; did you mean 'cauldron'"):
        check_sources(recipe, {"cauldron": []})
    with pytest.raises(RecipeError, match=r"no source 'the_cauldron' \(there are x, y\)"):
        check_sources(recipe, {"y": [], "x": []})


def _leaf(name: str, share: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "share": share, **fields}


@pytest.mark.parametrize(
    ("components", "message"),
    [
        (
            [_leaf("a", "1/2"), _leaf("b", "49%")],
            r"sum to 99/100 \(99.000000%\), not 1: a 1/2 \+ b",
        ),
        ([_leaf("a", "1/2"), _leaf("a", "1/2")], "two components are called 'a'"),
        ([_leaf("a", "1", components=[_leaf("b", "1/3")])], "sum to 1/3"),
        ([_leaf("a", "1", sources=[])], "component 'a' names no sources"),
        (
            [_leaf("a", "1", modality="text", components=[_leaf("b", "1", modality="video")])],
            "'a/b' can hold nothing: its modality is text and video",
        ),
        (
            [_leaf("a", "1", category="x", components=[_leaf("b", "1", category="y")])],
            "its category is x and y",
        ),
        ([_leaf("a", "1", max_repeat=2, components=[_leaf("b", "1")])], "max_repeat belongs to"),
        ([_leaf("a", "1", max_repeat=0)], "greater than or equal to 1"),
        ([_leaf("a", "1", max_samples=True)], "valid integer"),
        ([_leaf("A b", "1")], "match pattern"),
        ([], "at least 1 item"),
    ],
)
def test_recipes_that_do_not_hold_together(components: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        recipe_of(components)


def test_a_recipe_survives_json_and_cannot_be_changed() -> None:
    recipe = recipe_of(NESTED, seed=7, filters={"roles": {"x": [1.5]}})
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    with pytest.raises(ValidationError, match="frozen"):
        recipe.seed = 8  # type: ignore[misc]
    with pytest.raises(ValidationError, match="'samples'"):
        recipe_of(NESTED, unit="tokens")
