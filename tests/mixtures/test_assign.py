from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import RecipeError
from mixtures.assign import NO_LEAF, assign, extra_field, where_columns
from mixtures.recipe import Recipe
from tests.mixtures.strategies import recipe_of

COLUMNS = ["source", "subset", "modality", "category"]
RECIPE = recipe_of(
    [
        {"name": "text", "share": "1/4", "modality": "text", "sources": ["magpie"]},
        {"name": "charts", "share": "1/4", "sources": ["cauldron/chartqa"]},
        {
            "name": "video",
            "share": "1/2",
            "modality": "video",
            "sources": ["llava"],
            "components": [
                {"name": "captions", "share": "1/2", "category": "captioning"},
                {"name": "vqa", "share": "1/2", "category": "vqa"},
            ],
        },
    ]
)


def _samples(rows: list[tuple[str, str, str, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


def test_each_sample_goes_to_the_leaf_that_claims_it() -> None:
    rows = [
        ("llava", "a", "video", "vqa"),
        ("magpie", "a", "text", "chat"),
        ("magpie", "a", "image", "chat"),
        ("cauldron", "chartqa", "image", None),
        ("cauldron", "vqav2", "image", None),
        ("llava", "a", "video", "captioning"),
        ("llava", "a", "video", None),
        ("llava", "a", "video", "vqa"),
    ]
    samples = _samples(rows).with_columns(extra=pl.lit(1))
    assert assign(RECIPE, samples).tolist() == [3, 0, NO_LEAF, 1, NO_LEAF, 2, NO_LEAF, 3]
    assert assign(RECIPE, _samples([])).tolist() == []


def test_a_sample_claimed_twice_names_both() -> None:
    recipe = recipe_of(
        [
            {"name": "image", "share": "1/2", "modality": "image", "sources": ["cauldron"]},
            {"name": "charts", "share": "1/2", "sources": ["cauldron/chartqa"]},
        ]
    )
    assert assign(recipe, _samples([("cauldron", "vqav2", "image", None)])).tolist() == [0]
    with pytest.raises(RecipeError, match="components image and charts both claim image samples"):
        assign(recipe, _samples([("cauldron", "chartqa", "image", "chart")]))


STRATA = recipe_of(
    [
        {"name": "text", "share": "1/4", "modality": "text"},
        {
            "name": "video",
            "share": "3/4",
            "modality": "video",
            "where": "roles.num_messages > 1",
            "sources": ["clips", "text"],
            "components": [
                {"name": "short", "share": "1/3", "where": "duration_s < 60"},
                {"name": "medium", "share": "1/3", "where": "60 <= duration_s < 180"},
                {
                    "name": "long",
                    "share": "1/3",
                    "where": "duration_s >= 180",
                    "sources": ["clips"],
                },
            ],
        },
    ],
    filters={"roles": {}},
)


def _clips(rows: list[tuple[str, str, float | None, int | None]]) -> pl.DataFrame:
    """(source, modality, seconds, messages) of each sample."""
    types = dict.fromkeys(("source", "modality"), pl.String) | {
        "duration_s": pl.Float64,
        "roles.num_messages": pl.Int32,
    }
    frame = pl.DataFrame(rows, schema=types, orient="row")
    return frame.with_columns(subset=pl.lit("a"), category=pl.lit(None, pl.String))


def test_conditions_of_the_whole_chain_are_asked_of_each_sample() -> None:
    assert where_columns(STRATA) == ("duration_s", "roles.num_messages")
    rows = [
        (("clips", "video", 59.9, 2), 1),
        (("clips", "video", 60.0, 2), 2),
        (("clips", "video", 600.0, 2), 3),
        (("text", "video", 600.0, 2), NO_LEAF),
        (("clips", "video", 59.9, 1), NO_LEAF),
        (("clips", "video", None, 2), NO_LEAF),
        (("clips", "video", 59.9, None), NO_LEAF),
        (("clips", "text", 59.9, 2), NO_LEAF),
        (("text", "text", 0.0, None), 0),
    ]
    samples = _clips([row for row, _ in rows])
    assert assign(STRATA, samples).tolist() == [leaf for _, leaf in rows]
    assert assign(STRATA, samples[:0]).tolist() == []
    assert assign(STRATA, samples[-1:]).tolist() == [0], "no sample to ask anything of"


def test_no_conditions_read_no_columns() -> None:
    assert where_columns(RECIPE) == ()


def _halves(one: str | None, other: str | None) -> Recipe:
    conditions = {"a": one, "b": other}.items()
    return recipe_of(
        [
            {"name": name, "share": "1/2", "sources": ["clips"], "where": where}
            for name, where in conditions
        ]
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("duration_s <= 60", "duration_s >= 60"),
        ("duration_s <= 60", None),
        (None, "duration_s <= 60"),
    ],
)
def test_conditions_that_overlap_name_both(one: str | None, other: str | None) -> None:
    samples = _clips([("clips", "video", 90.0, 2), ("clips", "video", 60.0, 2)])
    assert assign(_halves(one, other), samples[:1]).tolist() == [1 if one else 0]
    with pytest.raises(RecipeError) as caught:
        assign(_halves(one, other), samples)
    assert str(caught.value) == (
        "recipe test: component b: components a and b both claim video samples of clips/a (category"
        " None); narrow the modality, category, sources or the condition (where) of one"
    )


def test_unavailable_components_claim_nothing() -> None:
    recipe = recipe_of(
        [
            {"name": "a", "share": "1/2", "sources": ["llava"], "unavailable": "lost"},
            {"name": "b", "share": "1/2", "sources": ["llava"]},
        ]
    )
    assert assign(recipe, _samples([("llava", "a", "video", None)])).tolist() == [1]


def test_fields_of_upstream_are_text() -> None:
    fields = [{"q": 5, "l": "en", "o": {"x": 1.5}, "b": True}, {"q": None, "o": {"x": None}}]
    texts = [*map(json.dumps, fields), None, "no JSON"]
    frame = pl.DataFrame({"extra": texts}).select(
        extra_field(f"extra.{name}") for name in ("q", "l", "o.x", "b")
    )
    assert frame.rows() == [("5", "en", "1.5", "true"), *[(None,) * 4] * 3]


_KINDS = ("source", "subset", "modality", "category")


def _by_hand(recipe: Recipe, samples: pl.DataFrame) -> list[int]:
    """Leaf by leaf and row by row, conditions with plain comparisons."""
    found = []
    for row in samples.iter_rows(named=True):
        claims = [
            leaf.index
            for leaf in recipe.leaves()
            if leaf.claims(*(row[name] for name in _KINDS))
            and all(_met(text, row) for text in leaf.wheres)
        ]
        found.append(claims[0] if claims else NO_LEAF)
    return found


def _met(text: str, row: dict[str, Any]) -> bool:
    low, high = map(int, text.removeprefix("num_turns in [").removesuffix("]").split(", "))
    return row["num_turns"] in (low, high)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_any_strata_are_assigned_as_by_hand(data: st.DataObject) -> None:
    parts = []
    turns = data.draw(st.permutations(range(8)))
    for number, source in enumerate("xxyy"):
        low, high = turns[2 * number : 2 * number + 2]
        part: dict[str, Any] = {"name": f"p{number}", "share": "1/4", "sources": [source]}
        if data.draw(st.booleans()) or source == "x":
            part["where"] = f"num_turns in [{low}, {high}]"
        else:
            part["category"] = "ab"[number % 2]
        parts.append(part)
    recipe = recipe_of(parts)
    size = data.draw(st.integers(0, 30))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    samples = pl.DataFrame(
        {
            "source": rng.choice(["x", "y", "z"], size),
            "subset": rng.choice(["s", "t"], size),
            "modality": ["text"] * size,
            "category": pl.Series(rng.choice(["a", "b", ""], size)).replace("", None),
            "num_turns": rng.integers(0, 9, size),
        },
        schema_overrides=dict.fromkeys(_KINDS, pl.String),
    )
    try:
        found = assign(recipe, samples).tolist()
    except RecipeError:
        # A stratum and a category of the same source: whether they meet depends on the draw.
        assert {"where", "category"} <= {key for part in parts[2:] for key in part}
    else:
        assert found == _by_hand(recipe, samples)
