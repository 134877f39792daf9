from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from manifests.errors import RecipeError
from mixtures.recipe import Recipe, check_sources
from tests.mixtures.strategies import recipe_of, recipes

_IDS = {"ids_per_tile": 4, "context_tokens": 512}
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


def _take(name: str, amount: int, **fields: Any) -> dict[str, Any]:
    return {"name": name, "take": amount, **fields}


@pytest.mark.parametrize(
    ("components", "message"),
    [
        (
            [_leaf("a", "1/2"), _leaf("b", "49%")],
            r"sum to 99/100 \(99.000000%\), not 1: a 1/2 \+ b",
        ),
        ([_leaf("a", "1/2"), _leaf("a", "1/2")], "two components are called 'a'"),
        ([_take("a", 1), _take("a", 2)], "two components are called 'a'"),
        ([_leaf("a", "1", components=[_leaf("b", "1/3")])], "sum to 1/3"),
        ([_leaf("a", "1", sources=[])], "component 'a' names no sources, nor does one above it"),
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
        ([{"name": "a"}], "exactly one of share, take and repeat says how much of it"),
        ([_take("a", 5, repeat=2)], "says how much of it; it has take and repeat"),
        ([_leaf("a", "1", take=5)], "says how much of it; it has share and take"),
        (
            [_leaf("a", "1/2"), _take("b", 5)],
            "all have shares, or all amounts .* here a has share and b has take",
        ),
        (
            [_take("a", 5, components=[{"name": "b", "repeat": 2}, _leaf("c", "1")])],
            "here b has repeat and c has share",
        ),
        ([_take("a", 0)], "greater than or equal to 1"),
        ([_take("a", 5, max_tokens=0)], "greater than or equal to 1"),
        ([_leaf("a", "1", unavailable="")], "at least 1 character"),
        ([_leaf("a", "1", where="durations > 3")], "no column 'durations'; did you mean 'dur"),
        ([_leaf("a", "1", where="rolls.x > 3")], "the recipe has no filter 'rolls'; name it"),
    ],
)
def test_recipes_that_do_not_hold_together(components: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        recipe_of(components)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unit": "rows"}, "'samples', 'tokens' or 'answer_tokens'"),
        ({"style": "fancy"}, "'smolvlm-inference'"),
        ({"processor": "smolvlm-265m"}, "no processor 'smolvlm-265m'; did you mean 'smolvlm-"),
        ({"processor": {"tile_px": 64, "longest_edge_px": 127}}, "Field required"),
        (
            {"processor": {**dict.fromkeys(("tile_px", "longest_edge_px"), 63), **_IDS}},
            "it must be even",
        ),
        ({"over_length": ["fewer_frames"]}, "the last remedy must be drop"),
        ({"over_length": []}, "the last remedy must be drop"),
        ({"over_length": ["drop", "fewer_frames"]}, "the last remedy must be drop"),
        ({"over_length": ["trim_turns", "trim_turns", "drop"]}, "trim_turns is named twice"),
        ({"over_length": ["shrink", "drop"]}, "'unsplit_images'"),
        ({"max_sample_tokens": 0}, "greater than or equal to 1"),
        ({"max_sample_tokens": True}, "valid integer"),
        ({"max_sample_tokens": "all"}, "'context' or 'none'"),
        ({"max_turns": 0}, "greater than or equal to 1"),
        ({"mask_pii": ["web", "code", "web"]}, "web is named twice"),
        ({"mask_pii": ["page"]}, "'document_image', 'chart'"),
        ({"mask_pii": "web"}, "valid tuple"),
    ],
)
def test_settings_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        recipe_of(NESTED, **fields)


def test_settings_that_can_be() -> None:
    recipe = recipe_of(
        NESTED,
        unit="answer_tokens",
        processor={"tile_px": 64, "longest_edge_px": 128, **_IDS},
        over_length=["drop"],
        max_sample_tokens=4096,
    )
    assert not isinstance(recipe.processor, str) and recipe.processor.name == "custom"
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_a_recipe_that_masks_nothing_is_written_as_before() -> None:
    assert "mask_pii" not in recipe_of(NESTED).model_dump()
    masked = recipe_of(NESTED, mask_pii=["web", "chat"])
    assert masked.model_dump()["mask_pii"] == ("web", "chat")
    assert Recipe.model_validate_json(masked.model_dump_json()) == masked


def test_a_leaf_with_passes_may_be_passed_over_so_often() -> None:
    leaf = {"name": "a", "sources": ["a"]}
    sizes: list[tuple[dict[str, Any], int]] = [
        ({"repeat": "1/3"}, 1),
        ({"repeat": 2}, 2),
        ({"repeat": "5/2"}, 3),
        ({"repeat": "5/2", "max_repeat": 4}, 4),
        ({"take": 9, "max_repeat": 7}, 7),
        ({"take": 9}, 1),
    ]
    for size, passes in sizes:
        assert recipe_of([{**leaf, **size}]).leaves()[0].component.max_passes == passes


def test_unavailable_components_count_in_the_sum_and_are_read_from_nowhere() -> None:
    gone = {"unavailable": "images are null upstream", "sources": []}
    inner = [_leaf("c", "1/4", sources=["z"]), _leaf("d", "3/4", sources=[])]
    parts = [
        _leaf("a", "1/2"),
        _leaf("b", "1/4", **gone),
        _leaf("e", "1/4", **gone, components=inner),
    ]
    recipe = recipe_of(parts)
    assert [leaf.unavailable for leaf in recipe.leaves()] == [
        None,
        *["images are null upstream"] * 3,
    ]
    assert recipe.sources() == {"a": ()}
    assert not any(leaf.claims("z", "", "text", None) for leaf in recipe.leaves())
    check_sources(recipe, {"a": []})


def test_paths_are_of_all_components_depth_first() -> None:
    assert recipe_of(NESTED).paths() == ["text", "video", "video/captions", "video/rest"]


@settings(deadline=None, max_examples=25)
@given(recipes(depth=3, width=4, sizes=("share", "amount")))
def test_any_recipe_survives_json(recipe: Recipe) -> None:
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert [leaf.index for leaf in recipe.leaves()] == list(range(len(recipe.leaves())))
    assert set(recipe.sources()) == {leaf.component.name for leaf in recipe.leaves()}


def test_a_recipe_survives_json_and_cannot_be_changed() -> None:
    recipe = recipe_of(NESTED, seed=7, filters={"roles": {"x": [1.5]}})
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    with pytest.raises(ValidationError, match="frozen"):
        recipe.seed = 8  # type: ignore[misc]
