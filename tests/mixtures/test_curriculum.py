from __future__ import annotations

from pathlib import Path

import pytest

from manifests.errors import RecipeError
from mixtures.curriculum import curriculum_names, load_curriculum, parse_curriculum
from mixtures.recipe_file import load_recipe

TEXT = """name: mine
description: two stages
stages:
  - {name: first, recipe: vision, description: images}
  - {name: second, recipe: own.yaml}
"""


@pytest.mark.parametrize("name", curriculum_names())
def test_built_in_curricula_are_called_like_their_files_and_load(name: str) -> None:
    curriculum = load_curriculum(name)
    assert curriculum.name == name and curriculum.description
    for stage in curriculum.stages:
        assert load_recipe(stage.recipe).name == stage.recipe


def test_smolvlm_is_vision_then_video() -> None:
    assert {"smolvlm", "smollm2"} <= set(curriculum_names())
    assert [stage.recipe for stage in load_curriculum("smolvlm").stages] == ["vision", "video"]


def test_recipes_of_the_users_own_lie_beside_the_curriculum(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\nextends: video\n")
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT)
    stages = load_curriculum(str(file)).stages
    assert [(stage.name, stage.description) for stage in stages] == [
        ("first", "images"),
        ("second", ""),
    ]
    assert [load_recipe(stage.recipe).name for stage in stages] == ["vision", "own"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("own.yaml", "owl.yaml", "c.yaml, line 5: second: there is no recipe 'owl.yaml' (built in"),
        ("recipe: vision", "recipe: vison", "line 4: first: there is no recipe 'vison'; did you"),
        ("recipe: vision", "recpe: vision", "line 4: first/recpe: unknown key; did you mean 'rec"),
        ("name: second, ", "", "line 5: stage 2/name: this key is required"),
        ("second", "first", "line 3: stages: two stages are called 'first'"),
        ("stages:", "steps:", "line 3: steps: unknown key; did you mean 'stages'?"),
        ("name: mine", "name: My own", "line 1: name: string should match pattern"),
        ("name: mine", "name: [", "this is not YAML"),
    ],
)
def test_errors_say_file_line_and_what_is_right(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    (tmp_path / "own.yaml").write_text("name: own\nextends: video\n")
    assert old in TEXT
    with pytest.raises(RecipeError) as caught:
        parse_curriculum(TEXT.replace(old, new), "c.yaml", tmp_path)
    assert str(caught.value).startswith("c.yaml")
    assert message in str(caught.value)


def test_what_is_no_curriculum() -> None:
    with pytest.raises(
        RecipeError, match=r"no curriculum 'smolvml'; did you mean 'smolvlm'\?.*bui"
    ):
        load_curriculum("smolvml")
    with pytest.raises(RecipeError, match="c.yaml: a curriculum is a mapping"):
        parse_curriculum("- a", "c.yaml")
