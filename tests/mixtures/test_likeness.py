from __future__ import annotations

from typing import Any

import pytest

from manifests.errors import RecipeError
from mixtures.likeness import KINDS, Kind, NearDuplicates
from mixtures.recipe import check_sources
from mixtures.recipe_file import load_recipe, parse_recipe

HEAD = """name: a
description: b
unit: samples
components:
  - {name: text, share: 1, sources: [x]}
near_duplicates:
"""

WRONG = [
    ("  text: {threshold: 0}", "near_duplicates/text/threshold: input should be greater than 0"),
    ("  text: {bands: 0}", "near_duplicates/text/bands: input should be greater than or equal"),
    ("  text: {chat: all}", "near_duplicates/text/chat: input should be 'both'"),
    ("  image: {radius: 9}", "near_duplicates/image/radius: input should be less than or equal"),
    ("  texts: {}", "texts"),
]


@pytest.mark.parametrize(("line", "message"), WRONG)
def test_what_is_wrong_is_told(line: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(HEAD + line + "\n", "r.yaml")
    assert message in str(caught.value) and str(caught.value).startswith("r.yaml, line ")


def test_a_source_that_is_preferred_exists() -> None:
    recipe = parse_recipe(HEAD + "  text: {}\n  prefer: [x, yy]\n", "r.yaml")
    with pytest.raises(
        RecipeError, match="line 6: recipe: prefer: there is no source 'yy'; did you mean"
    ):
        check_sources(recipe, {"x": [], "yyy": []})


@pytest.mark.parametrize(
    ("without", "left"),
    [((), {"text", "image"}), (("image", "video"), {"text"}), (("text", "image"), None)],
)
def test_without(without: tuple[Kind, ...], left: set[str] | None) -> None:
    near = NearDuplicates.model_validate({"text": {}, "image": {}, "prefer": ["x"]})
    found = near.without(without)
    named = {kind for kind in KINDS if getattr(found, kind)} if found else None
    assert named == left and (found is None or found.prefer == ("x",))


def test_a_child_changes_what_it_names(tmp_path: Any) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + "  text: {bands: 9}\n  image: {}\n")
    child = "name: c\nextends: a.yaml\nnear_duplicates: {image: null, prefer: [x]}\n"
    (tmp_path / "c.yaml").write_text(child)
    near = load_recipe(str(tmp_path / "c.yaml")).near_duplicates
    assert near is not None and near.text is not None
    assert (near.text.bands, near.image, near.prefer) == (9, None, ("x",))
