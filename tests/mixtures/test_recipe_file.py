from __future__ import annotations

from fractions import Fraction
from importlib import resources
from pathlib import Path

import pytest
import yaml

from manifests.errors import RecipeError
from manifests.schema import MODALITIES
from mixtures.recipe_file import builtin_names, load_recipe, parse_recipe

HEAD = "name: test\ndescription: a test\nunit: samples\n"


def test_video_has_the_documented_shares() -> None:
    recipe = load_recipe("video")
    shares = {leaf.component.modality: leaf.share for leaf in recipe.leaves()}
    percents = {"text": 14, "video": 33, "multi_image": 12, "image": 41}
    assert shares == {name: Fraction(percent, 100) for name, percent in percents.items()}
    assert set(shares) == set(MODALITIES)
    assert set(recipe.sources()) == {
        *("the_cauldron", "mathwriting", "llava_onevision", "magpie", "m4_instruct", "mammoth_vl"),
        *("llava_video_178k", "video_star", "vript", "sharegpt4video", "vista_400k"),
        *("moviechat", "finevideo"),
    }


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_recipes_cite_every_share(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    text = (resources.files("mixtures") / "recipes" / f"{name}.yaml").read_text()
    shares = [line for line in text.splitlines() if line.strip().startswith("share:")]
    assert shares and all("#" in line for line in shares)


def test_a_path_is_read_and_its_shares_are_exact(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        HEAD + "components:\n"
        "  - {name: a, share: 0.12345678901234567890123, modality: text, sources: [x]}\n"
        "  - {name: b, share: 0.87654321098765432109877, modality: image, sources: [x]}\n"
    )
    shares = [leaf.share for leaf in load_recipe(str(file)).leaves()]
    assert shares[0] == Fraction(12345678901234567890123, 10**23)


def test_unknown_recipe_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'vidoe'; did you mean 'video'\?.*built in"):
        load_recipe("vidoe")
    with pytest.raises(RecipeError, match="no recipe"):
        load_recipe(str(tmp_path))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"name: \xff\xfe")
    with pytest.raises(RecipeError, match="cannot be read as text"):
        load_recipe(str(file))


LEAVES = """components:
  - name: text
    share: 1/2
    sources: [x]
  - name: image
    share: 50%
    components:
      - {name: a, share: 1/3, sources: [y]}
      - {name: b, share: 2/3, sources: [z]}
"""


def test_the_good_case_of_the_errors_below() -> None:
    assert [leaf.path for leaf in parse_recipe(HEAD + LEAVES, "r.yaml").leaves()] == [
        *("text", "image/a", "image/b"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("share: 1/2", "share: 0.4", "r.yaml, line 1: recipe: its components' shares sum to 9/10"),
        ("2/3", "1/2", "r.yaml, line 8: image: its components' shares sum to 5/6"),
        ("share: 1/2", "share: half", "r.yaml, line 6: text/share: 'half' is no share"),
        ("share: 1/2", "shares: 1/2", "line 6: text/shares: unknown key; did you mean 'share'?"),
        (
            "    share: 1/2",
            "    share: 1/2\n    sorces: []",
            "line 7: text/sorces: unknown key; did",
        ),
        (
            "unit: samples",
            "unit: samples\nzebra: 1",
            "line 4: zebra: unknown key (known: name, desc",
        ),
        ("unit: samples", "unit: samples\nsed: 1", "line 4: sed: unknown key; did you mean 'seed'"),
        ("name: a,", "", "line 11: image/component 1/name: this key is required"),
        ("unit: samples", "unit: tokens", "line 3: unit: input should be 'samples', not 'tokens'"),
        ("unit: samples", "unit: samples\nunit: samples", "line 4: the key 'unit' is given twice"),
        ("unit: samples", "unit: [samples", "line 4: this is not YAML"),
        ("unit: samples", "unit: \0", "r.yaml: this is not YAML"),
        ("a test", "2026-99-99", "r.yaml: this is not YAML"),
        ("name: test", "name: &n [*n]", "line 1: name: input should be a valid string"),
    ],
)
def test_errors_say_file_line_and_what_is_right(old: str, new: str, message: str) -> None:
    text = HEAD + LEAVES
    assert old in text
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text.replace(old, new, 1), "r.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a", "just text"])
def test_what_is_no_mapping(text: str) -> None:
    with pytest.raises(RecipeError, match="a recipe is a mapping"):
        parse_recipe(text, "r.yaml")


def test_anchors_and_null_places_are_fine() -> None:
    text = HEAD + "components:\n  - &a {name: a, share: 1, sources: [x]}\n  - *a\n"
    with pytest.raises(RecipeError, match="line 1: recipe: two components are called 'a'"):
        parse_recipe(text, "r.yaml")
    with pytest.raises(RecipeError, match="line 4: component 1: input should be a valid"):
        parse_recipe(HEAD + "components: [1]\n", "r.yaml")
    assert yaml.safe_load("share: 0.5") == {"share": 0.5}, "other readers keep floats"
