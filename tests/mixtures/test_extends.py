from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import RecipeError
from mixtures.recipe import Recipe, check_sources
from mixtures.recipe_file import load_recipe, parse_recipe

BASE = """name: base
description: what others start from
unit: samples
seed: 5
filters:
  roles: {}
  turn_length: {}
  image_bounds: {min_side_px: 28}
local:
  mine: {path: data/mine.jsonl}
components:
  - name: text
    share: 25%
    sources: [x, ./own/riddles.py, local/mine]
  - name: image
    share: 75%
    components:
      - {name: a, share: 1/3, sources: [y], where: num_turns > 1}
      - {name: b, share: 2/3, sources: [z]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def _child(folder: Path, text: str) -> Recipe:
    (folder / "child.yaml").write_text(f"name: child\nextends: base.yaml\n{text}")
    return load_recipe(str(folder / "child.yaml"))


def _same(child: Recipe, **changes: Any) -> None:
    """The child is its parent but for its name and these."""
    base = parse_recipe(BASE, "base.yaml")
    assert child == base.model_copy(update={"name": "child", **changes})


def test_a_child_is_its_parent_where_it_says_nothing(folder: Path) -> None:
    _same(_child(folder, ""), modules={"riddles": "./own/riddles.py"})


def test_given_keys_replace(folder: Path) -> None:
    _same(
        _child(folder, "seed: 7\nstyle: smolvlm2\ndescription: another\n"),
        seed=7,
        style="smolvlm2",
        description="another",
    )


def test_filters_and_local_sets_merge_by_name(folder: Path) -> None:
    child = _child(
        folder,
        "filters: {image_bounds: {max_side_px: 9}, turn_length: null, empty_turns: {}}\n"
        "local: {more: {path: b.jsonl}}\n",
    )
    assert child.filters == {"roles": {}, "image_bounds": {"max_side_px": 9}, "empty_turns": {}}
    assert list(child.filters) == ["roles", "image_bounds", "empty_turns"]
    assert {name: entry.path for name, entry in child.local.items()} == {
        "mine": "data/mine.jsonl",
        "more": "b.jsonl",
    }


def test_components_merge_by_name_at_every_depth(folder: Path) -> None:
    child = _child(
        folder,
        "components:\n"
        "  - {name: image, share: 60%, components: [{name: b, where: null, sources: [z, w]}]}\n"
        "  - {name: extra, share: 15%, sources: [v]}\n",
    )
    assert [leaf.path for leaf in child.leaves()] == ["text", "image/a", "image/b", "extra"]
    assert [leaf.share for leaf in child.leaves()] == [
        *(Fraction(1, 4), Fraction(1, 5), Fraction(2, 5), Fraction(3, 20)),
    ]
    assert child.leaves()[2].sources == ("z", "w")
    assert child.leaves()[1].wheres == ("num_turns > 1",)


def test_null_takes_a_key_away(folder: Path) -> None:
    child = _child(
        folder,
        "components: [{name: image, components: [{name: a, where: null}]}]\n",
    )
    assert child.leaves()[1].wheres == ()


def test_a_size_of_another_kind_replaces_the_inherited(folder: Path) -> None:
    child = _child(
        folder,
        "components:\n  - {name: text, take: 100}\n  - {name: image, repeat: 1/2}\n",
    )
    sizes = [(part.share, part.take, part.repeat) for part in child.components]
    assert sizes == [(None, 100, None), (None, None, Fraction(1, 2))]


def test_removed_components_are_gone(folder: Path) -> None:
    child = _child(
        folder,
        "components:\n"
        "  - {name: text, remove: true}\n"
        "  - name: image\n"
        "    share: 1\n"
        "    components: [{name: a, remove: true}, {name: b, share: 1}]\n",
    )
    assert [leaf.path for leaf in child.leaves()] == ["image/b"]


def test_a_child_of_a_child(folder: Path) -> None:
    _child(folder, "seed: 7\n")
    grandchild = parse_recipe("name: third\nextends: child.yaml\nseed: 8\n", "g.yaml", folder)
    assert (grandchild.seed, grandchild.name) == (8, "third")
    assert grandchild.description == "what others start from"


def test_built_in_recipes_are_extended_by_name() -> None:
    video = load_recipe("video")
    child = parse_recipe("name: mine\nextends: video\nseed: 9\n", "mine.yaml")
    assert child == video.model_copy(update={"name": "mine", "seed": 9})


def test_paths_start_at_the_childs_folder(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep/puns.py").touch()
    text = (
        "name: child\nextends: ../base.yaml\n"
        "local: {far: {path: s3://bucket/x, media: /abs/y}}\n"
        "components: [{name: text, sources: [./puns.py, riddles]}]\n"
    )
    child = parse_recipe(text, "child.yaml", folder / "deep")
    assert child.modules == {"riddles": "./../own/riddles.py", "puns": "./puns.py"}
    assert child.local["mine"].path == "./../data/mine.jsonl"
    assert child.local["far"].path == "s3://bucket/x" and child.local["far"].media == "/abs/y"
    again = parse_recipe("name: c\nextends: deep/c.yaml\n", "c.yaml", _saved(folder, text).parent)
    assert again.modules == {"riddles": "./own/riddles.py", "puns": "./deep/puns.py"}
    assert again.local["mine"].path == "./data/mine.jsonl"
    assert again.local["far"].path == "s3://bucket/x" and again.local["far"].media == "/abs/y"


def _saved(folder: Path, text: str) -> Path:
    (folder / "deep/c.yaml").write_text(text)
    return folder / "base.yaml"


def test_errors_name_the_file_that_is_wrong(folder: Path) -> None:
    child = _child(folder, "seed: 1\n")
    have = {"x": [], "riddles": [], "local": ["mine"], "y": []}
    with pytest.raises(RecipeError) as caught:
        check_sources(child, have)
    assert str(caught.value).startswith(f"{folder}/base.yaml, line 19: image/b: there is no sou")
    other = _child(folder, "components:\n  - {name: text, sources: [xx]}\n")
    with pytest.raises(RecipeError, match="child.yaml, line 4: text: there is no source 'xx'"):
        check_sources(other, have)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "components: [{name: text, share: 30%}]",
            "child.yaml, line 1: recipe: its components' shares sum to 21/20",
        ),
        (
            "components: [{name: text, take: 3}]",
            "base.yaml, line 16: image/share: the components of one level all have shares",
        ),
        (
            "components: [{name: txt, remove: true}]",
            "child.yaml, line 3: txt: the parent has no such component to remove; did you mean 't",
        ),
        (
            "components: [{name: image, components: [{name: zebra, remove: true}]}]",
            "child.yaml, line 3: image/zebra: the parent has no such component to remove (it has a",
        ),
        (
            "components: [{name: text, remove: true, share: 3%}]",
            "child.yaml, line 3: text: `remove: true` stands with the name alone",
        ),
        (
            "components: [{name: text, remove: false}]",
            "child.yaml, line 3: text: `remove: true` stands with the name alone",
        ),
        (
            "components: [{name: new, components: [{name: a, remove: true}]}]",
            "child.yaml, line 3: new/a/remove: unknown key",
        ),
        (
            "filters: {turn_lenth: null}",
            "child.yaml, line 3: turn_lenth: the parent has no such entry; did you mean 'turn_len",
        ),
        ("filters: {zebra: null}", "(it has roles, turn_length, image_bounds)"),
        ("components: [3]", "child.yaml, line 3: component 3: a mapping is expected here, not 3"),
        ("components: [{share: 3%}]", "child.yaml, line 3: component 3/name: this key is requir"),
        ("components: 3", "child.yaml, line 3: components: a list is expected here, not 3"),
        ("filters: 3", "child.yaml, line 3: filters: a mapping is expected here, not 3"),
        ("sed: 3", "child.yaml, line 3: sed: unknown key; did you mean 'seed'?"),
        (
            "components: [{name: text, sources: [./other/riddles.py]}]",
            "child.yaml: two sources would be called 'riddles': ./own/riddles.py and ./other/rid",
        ),
    ],
)
def test_overrides_that_do_not_fit(folder: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        _child(folder, text)
    assert message in str(caught.value)


def _extending(folder: Path, text: str) -> Recipe:
    return parse_recipe(text, "c.yaml", folder)


def test_parents_that_cannot_be(folder: Path) -> None:
    (folder / "loop.yaml").write_text("name: loop\nextends: pool.yaml\n")
    (folder / "pool.yaml").write_text("name: pool\nextends: ./loop.yaml\n")
    (folder / "broken.yaml").write_text(BASE.replace("25%", "26%"))
    cases = {
        "name: c\nextends: bass.yaml": "c.yaml, line 2: extends: there is no recipe 'bass.yaml'",
        "name: c\nextends: vidoe": "there is no recipe 'vidoe'; did you mean 'video'?",
        "name: c\nextends: [base.yaml]": "c.yaml, line 2: extends: a recipe's name or path is exp",
        "name: c\nextends: loop.yaml": "pool.yaml, line 2: extends: a recipe cannot extend its",
        "name: c\nextends: broken.yaml": "broken.yaml, line 1: recipe: its components' shares sum",
        "extends: base.yaml": "c.yaml, line 1: name: this key is required",
    }
    for text, message in cases.items():
        with pytest.raises(RecipeError) as caught:
            _extending(folder, text)
        assert message in str(caught.value)
    with pytest.raises(
        RecipeError, match=r"loop.yaml, line 2: .* itself: .*pool.yaml -> .*loop.yaml -> "
    ):
        load_recipe(str(folder / "loop.yaml"))
