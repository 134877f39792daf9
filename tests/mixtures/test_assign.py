from __future__ import annotations

import polars as pl
import pytest

from manifests.errors import RecipeError
from mixtures.assign import NO_LEAF, assign
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
