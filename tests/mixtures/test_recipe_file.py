from __future__ import annotations

import re
from fractions import Fraction
from importlib import resources
from pathlib import Path

import pytest
import yaml

from manifests.errors import RecipeError
from mixtures.recipe import Recipe, check_sources
from mixtures.recipe_file import builtin_names, load_recipe, parse_recipe

HEAD = "name: test\ndescription: a test\nunit: samples\n"


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_recipes_are_called_like_their_files_and_cite(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    text = (resources.files("mixtures") / "recipes" / f"{name}.yaml").read_text(encoding="ascii")
    assert re.search(r"arXiv|huggingface/", text), "a recipe says where its figures come from"
    assert recipe.place("", "name").startswith(f"{name}.yaml, line ")


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
        ("share: 1/2", "share: yes", "r.yaml, line 6: text/share: True is no share"),
        ("share: 1/2", "repeat: -1.5", "line 6: text/repeat: '-1.5' is no number of passes"),
        ("share: 1/2", "take: 1e6", "text/take: input should be a valid integer, not '1e6'"),
        ("share: 1/2", "take: 3", "line 9: image/share: the components of one level all have"),
        (
            "    share: 1/2",
            "    share: 1/2\n    repeat: 2",
            "line 5: text: exactly one of share, take and repeat says how much of it; it has share",
        ),
        ("share: 1/3, ", "", "line 11: image/a: exactly one of share, take and repeat"),
        ("share: 1/3", "take: 3", "line 12: image/b/share: the components of one level"),
        ("    sources: [x]\n", "", "line 5: text: component 'text' names no sources"),
        (
            "{name: a, share: 1/3, sources: [y]}",
            "{name: a, share: 1/3}",
            "line 11: image/a: component 'image/a' names no sources",
        ),
        (
            "    share: 50%",
            "    share: 50%\n    max_repeat: 3",
            "line 10: image/max_repeat: max_repeat belongs to components without",
        ),
        (
            "sources: [x]",
            "where: durations > 3",
            "line 7: text/where: in the condition 'durations > 3', at character 1: there is no col",
        ),
        (
            "sources: [y]",
            "where: roles.x > 3, sources: [y]",
            "line 11: image/a/where: in the condition 'roles.x > 3', at character 1: the recipe",
        ),
        ("share: 1/2", "shares: 1/2", "line 6: text/shares: unknown key; did you mean 'share'?"),
        (
            "    share: 1/2",
            "    share: 1/2\n    sorces: []",
            "line 7: text/sorces: unknown key; did",
        ),
        (
            "    share: 1/2",
            "    share: 1/2\n    remove: true",
            "line 7: text/remove: unknown key",
        ),
        (
            "unit: samples",
            "unit: samples\nzebra: 1",
            "line 4: zebra: unknown key (known: name, desc",
        ),
        ("unit: samples", "unit: samples\nsed: 1", "line 4: sed: unknown key; did you mean 'seed'"),
        ("name: a,", "", "line 11: image/component 1/name: this key is required"),
        (
            "unit: samples",
            "unit: token",
            "line 3: unit: input should be 'samples', 'tokens' or 'an",
        ),
        ("unit: samples", "unit: token", "not 'token'; did you mean 'tokens'?"),
        ("unit: samples", "unit: samples\nunit: samples", "line 4: the key 'unit' is given twice"),
        ("unit: samples", "unit: [samples", "line 4: this is not YAML"),
        ("unit: samples", "unit: \0", "r.yaml: this is not YAML"),
        ("a test", "2026-99-99", "r.yaml: this is not YAML"),
        ("name: test", "name: &n [*n]", "line 1: what this anchor names holds itself"),
        (
            "sources: [x]",
            "sources: [./a/m.py, ./b/m.py]",
            "r.yaml: two sources would be called 'm'",
        ),
    ],
)
def test_errors_say_file_line_and_what_is_right(old: str, new: str, message: str) -> None:
    text = HEAD + LEAVES
    assert old in text
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text.replace(old, new, 1), "r.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("style: smolvlm", "style: input should be 'plain', 'smolvlm2' or 'smolvlm-inference', n"),
        ("style: smolvlm", "not 'smolvlm'; did you mean 'smolvlm2'?"),
        ("processor: tinny", "processor: there is no processor 'tinny'; did you mean 'tiny'?"),
        ("processor: 5", "processor: a mapping is expected here, not 5"),
        ("processor: {tile_px: 64}", "processor/longest_edge_px: this key is required (and 2"),
        ("processor: {tile: 64}", "processor/tile: unknown key; did you mean 'tile_px'?"),
        ("max_sample_tokens: contxt", "'contxt'; did you mean 'context'?"),
        ("max_sample_tokens: 0", "max_sample_tokens: input should be greater than or equal to 1"),
        ("over_length: [trim, drop]", "over_length/item 1: input should be 'fewer_frames', 'unsp"),
        ("over_length: [trim_turns]", "over_length: the last remedy must be drop"),
        ("filters: [roles: {}]", "filters: a mapping is expected here, not [{'roles': {}}]"),
        ("filters: {roles: 3}", "filters/roles: a mapping is expected here, not 3"),
        ("modules: {x: 3}", "modules/x: input should be a valid string, not 3"),
        ("modules: [x]", "modules: a mapping is expected here, not ['x']"),
        ("local: {mine: {pth: a}}", "local/mine/pth: unknown key; did you mean 'path'?"),
    ],
)
def test_errors_of_settings(line: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(HEAD + line + "\n" + LEAVES, "r.yaml")
    assert str(caught.value).startswith("r.yaml, line 4: ")
    assert message in str(caught.value)


def test_what_is_found_out_later_has_file_and_line_too() -> None:
    text = HEAD + "filters:\n  roles: {}\n" + LEAVES.replace("[x]", "\n    - x\n    - w/one")
    recipe = parse_recipe(text, "r.yaml")
    known = {"x": [], "w": ["one"], "y": [], "z": []}
    check_sources(recipe, known)
    cases = [
        ({**known, "w": ["won"]}, "r.yaml, line 11: text: source w has no subset 'one'; did you m"),
        ({"x": [], "w": ["one"], "z": []}, "r.yaml, line 15: image/a: there is no source 'y'"),
    ]
    for have, message in cases:
        with pytest.raises(RecipeError) as caught:
            check_sources(recipe, have)
        assert str(caught.value).startswith(message)
    assert recipe.place("image", "nothing", "share") == "r.yaml, line 13: image"
    assert recipe.place("image") == "r.yaml, line 12: image"
    assert recipe.place("", "filters/roles") == "r.yaml, line 5: recipe"
    copy = recipe.model_copy(update={"seed": 3})
    assert copy.place("text") == "r.yaml, line 7: text"
    again = Recipe.model_validate_json(recipe.model_dump_json())
    assert again == recipe, "where it was written is no part of a recipe"
    assert again.place("text", "share") == "recipe test: component text"


def test_modules_are_named_like_sources() -> None:
    text = HEAD + LEAVES.replace("[x]", "[./own/riddles.py/easy, /abs/puns.py]")
    recipe = parse_recipe(text, "r.yaml")
    assert recipe.modules == {"riddles": "./own/riddles.py", "puns": "/abs/puns.py"}
    assert recipe.leaves()[0].sources == ("riddles/easy", "puns")
    with pytest.raises(RecipeError, match="r.yaml, line 7: text: there is no source 'puns'"):
        check_sources(recipe, {"riddles": ["easy"], "y": [], "z": []})


def test_numbers_keep_their_digits_and_merge_keys_their_marks() -> None:
    text = HEAD + (
        "components:\n"
        "  - &one {name: a, repeat: 0.30000000000000000001, sources: [x]}\n"
        "  - <<: *one\n"
        "    name: b\n"
    )
    recipe = parse_recipe(text, "r.yaml")
    assert [part.repeat for part in recipe.components] == [
        Fraction(30000000000000000001, 10**20)
    ] * 2
    assert recipe.place("b", "repeat") == "r.yaml, line 5: b"
    assert recipe.place("b", "name") == "r.yaml, line 7: b"


@pytest.mark.parametrize("text", ["", "- a", "just text"])
def test_what_is_no_mapping(text: str) -> None:
    with pytest.raises(RecipeError, match="a recipe is a mapping"):
        parse_recipe(text, "r.yaml")


def test_anchors_and_null_places_are_fine() -> None:
    text = HEAD + "components:\n  - &a {name: a, share: 1, sources: [x]}\n  - *a\n"
    with pytest.raises(RecipeError, match="line 1: recipe: two components are called 'a'"):
        parse_recipe(text, "r.yaml")
    with pytest.raises(RecipeError, match="line 4: component 1: a mapping is expected"):
        parse_recipe(HEAD + "components: [1]\n", "r.yaml")
    assert yaml.safe_load("share: 0.5") == {"share": 0.5}, "other readers keep floats"
