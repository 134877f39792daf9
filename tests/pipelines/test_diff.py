"""What differs between recipes, plans and builds: all of it, nothing else, and an exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from mixtures.plan import Plan, make_plan
from mixtures.quota import solve
from mixtures.recipe import Recipe
from mixtures.supply import MEASURES, EvenSupply
from pipelines.build import build
from pipelines.cli import mixture
from pipelines.diff import changes, diff
from pipelines.options import BuildOptions
from tests.conftest import Built

Printed = pytest.CaptureFixture[str]

RECIPE: dict[str, Any] = {
    "name": "halves",
    "description": "",
    "unit": "samples",
    "filters": {"roles": {}, "image_bounds": {"min_side_px": 28}},
    "components": [
        {"name": "text", "share": "1/2", "modality": "text", "sources": ["magpie", "lima"]},
        {"name": "image", "share": "1/2", "sources": ["the_cauldron/iam", "the_cauldron/docvqa"]},
    ],
}


def recipe(folder: Path, file: str = "a.yaml", **more: Any) -> str:
    (folder / file).write_text(yaml.safe_dump({**RECIPE, **more}, sort_keys=False))
    return str(folder / file)


def parts(text: str = "1/2", image: str = "1/2", **more: Any) -> list[dict[str, Any]]:
    first, second = RECIPE["components"]
    return [{**first, "share": text, **more}, {**second, "share": image}]


def plan(folder: Path, file: str = "plan.json", tokens: int = 10, **more: Any) -> str:
    made = Recipe.model_validate({**RECIPE, **more})
    held = EvenSupply([dict.fromkeys(MEASURES, tokens * 8) | {"samples": 8}] * 2)
    text = make_plan(made, held, solve(made, held), None, {"frames": "v1"}, {}).to_json()
    (folder / file).write_text(text)
    assert Plan.from_json(text, file)
    return str(folder / file)


# --- recipes ----------------------------------------------------------------------------------

RECIPES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("equal", {}, {}),
    (
        "spelt out",
        {"seed": 0, "filters": {"roles": {}, "image_bounds": RECIPE["filters"]["image_bounds"]}},
        {},
    ),
    ("another spelling", {"components": parts("50%", "0.5")}, {}),
    ("seed", {"seed": 3}, {"settings": {"seed": [0, 3]}}),
    ("unit", {"unit": "tokens"}, {"settings": {"unit": ["samples", "tokens"]}}),
    (
        "threshold",
        {"filters": {"roles": {}, "image_bounds": {"min_side_px": 56}}},
        {"settings": {"filters.image_bounds.min_side_px": [28, 56]}},
    ),
    (
        "policies",
        {
            "policies": {
                "code": {"image_bounds": {"min_side_px": 9}, "roles": "off"},
                "web": {"empty_turns": {}, "image_bounds": {}},
            }
        },
        {
            "settings": {
                "filters": [["roles", "image_bounds"], ["roles", "image_bounds", "empty_turns"]],
                "policies.code.roles": [None, "off"],
                "policies.code.image_bounds.min_side_px": [None, 9],
                "policies.code.image_bounds.max_side_px": [None, 16_384],
                "policies.code.image_bounds.max_aspect_ratio": [None, 10.0],
                "filters.empty_turns": [None, "off"],
                "policies.web.empty_turns.allow_media_only": [None, True],
            }
        },
    ),
    (
        "order of filters",
        {"filters": {"image_bounds": {"min_side_px": 28}, "roles": {}}},
        {"settings": {"filters": [["roles", "image_bounds"], ["image_bounds", "roles"]]}},
    ),
    (
        "share",
        {"components": parts("1/4", "3/4")},
        {"components": {"text": {"share": ["1/2", "1/4"]}, "image": {"share": ["1/2", "3/4"]}}},
    ),
    (
        "condition",
        {"components": parts(max_repeat=3)},
        {"components": {"text": {"max_repeat": [1, 3]}}},
    ),
    (
        "source",
        {"components": parts(sources=["lima"])},
        {
            "components": {"text": {"sources": [["lima", "magpie"], ["lima"]]}},
            "subsets": {"magpie": [True, None]},
            "licenses": None,
        },
    ),
]


@pytest.mark.parametrize(("name", "more", "told"), RECIPES, ids=[case[0] for case in RECIPES])
def test_two_recipes(name: str, more: dict[str, Any], told: dict[str, Any], tmp_path: Path) -> None:
    found = diff(recipe(tmp_path), recipe(tmp_path, "b.yaml", **more))
    said = found.as_json()
    for section in ("settings", "components", "totals", "subsets"):
        assert said[section] == told.get(section, {})
    assert bool(said["licenses"]) == ("licenses" in told)
    assert all(pair[0] > 0 and pair[1] is None for pair in said["licenses"].values())
    assert found.is_equal == (not told) and said["ids"] is None


def test_a_component_of_one_side_only(tmp_path: Path) -> None:
    more = [{"name": "all", "share": 1, "components": RECIPE["components"]}]
    said = diff(recipe(tmp_path), recipe(tmp_path, "b.yaml", components=more)).as_json()
    assert said["components"]["text"]["share"] == ["1/2", None]
    assert said["components"]["all"]["share"] == [None, "1"]
    assert said["components"]["all/text"]["share"] == [None, "1/2"]
    assert said["subsets"] == {}


def test_amounts_are_compared_as_they_are_written(tmp_path: Path) -> None:
    def amounts(repeat: str) -> list[dict[str, Any]]:
        text, image = ({k: v for k, v in part.items() if k != "share"} for part in parts())
        return [{**text, "take": 10}, {**image, "repeat": repeat}]

    paths = (recipe(tmp_path, f"{r}.yaml", components=amounts(r)) for r in ("2", "1.5"))
    assert diff(*paths).as_json()["components"] == {"image": {"share": ["repeat 2", "repeat 3/2"]}}


def test_changes_name_what_either_lacks() -> None:
    assert changes({"a": 1, "b": 2}, {"b": 3, "c": 4}) == {
        "a": (1, None),
        "b": (2, 3),
        "c": (None, 4),
    }


# --- plans ------------------------------------------------------------------------------------


def test_two_plans(tmp_path: Path) -> None:
    first = plan(tmp_path)
    assert diff(first, plan(tmp_path, "same.json")).is_equal
    said = diff(first, plan(tmp_path, "b.json", 20, components=parts("1/4", "3/4"))).as_json()
    assert said["totals"] == {"rows": [16, 11], "tokens": [160, 220]}
    assert said["components"]["text"] == {
        "share": ["1/2", "1/4"],
        "rows": [8, 3],
        "tokens": [80, 60],
    }
    assert said["settings"] == {} and said["a"]["kind"] == "plan"


def test_a_recipe_and_the_plan_of_it(tmp_path: Path) -> None:
    """What only the plan has is no difference."""
    assert diff(recipe(tmp_path), plan(tmp_path)).is_equal
    assert not diff(recipe(tmp_path, seed=1), plan(tmp_path)).is_equal


# --- builds -----------------------------------------------------------------------------------


def build_of(built: Built, folder: Path, num_samples: int, **more: Any) -> str:
    texts = {"name": "all", "share": 1, "modality": "text", "sources": ["magpie"]}
    out = folder / f"build-{num_samples}"
    options = BuildOptions(
        recipe=recipe(folder, "texts.yaml", components=[texts], **more),
        mirror=str(built.mirror),
        store=str(built.store),
        out=str(out),
        engine="inline",
        num_samples=num_samples,
    )
    build(options, Console(quiet=True))
    return str(out)


def test_two_builds(built: Built, tmp_path: Path, capsys: Printed) -> None:
    """A larger build of the same recipe draws all that the smaller one did."""
    few, more = (build_of(built, tmp_path, number) for number in (8, 12))
    assert mixture(["diff", few, more, "--ids", str(tmp_path / "ids"), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["settings"] == {} and said["totals"]["rows"] == [8, 12]
    ids = said["ids"]
    assert (ids["came"], ids["went"], ids["both"]) == (4, 0, 8)
    told = (tmp_path / "ids").read_text().splitlines()
    assert told == [f"came {name}" for name in ids["first_came"]]
    assert sum(b - a for a, b in said["subsets"].values()) == 4
    assert sum((b or 0) - (a or 0) for a, b in said["licenses"].values()) == 4
    assert mixture(["diff", more, few]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "ids: 0 came, 4 went, 8 are in both" in lines and "rows: 12 -> 8" in lines


def test_a_build_and_what_it_was_made_of(built: Built, tmp_path: Path) -> None:
    out = build_of(built, tmp_path, 8)
    assert diff(out, out).is_equal
    assert diff(out, f"{out}/plan.json").is_equal
    assert diff(str(tmp_path / "texts.yaml"), out).is_equal
    assert diff("video", str(built.out)).is_equal


# --- the command ------------------------------------------------------------------------------


def test_exit_codes_and_what_is_printed(tmp_path: Path, capsys: Printed) -> None:
    first, second = recipe(tmp_path), recipe(tmp_path, "b.yaml", components=parts("1/4", "3/4"))
    assert mixture(["diff", first, first]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no difference"
    assert mixture(["diff", first, second]) == 1
    out = capsys.readouterr().out
    assert f"b  {second} (recipe, recipe halves)" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["text", "50.00%", "25.00%", "-25.00"] in lines
    assert ["image", "50.00%", "75.00%", "+25.00"] in lines
    assert mixture(["diff", "--json", first, second]) == 1
    assert json.loads(capsys.readouterr().out)["equal"] is False
    assert mixture(["diff", first, str(tmp_path / "none.yaml")]) == 2
    assert "a built-in recipe: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        (("vdeo", "video"), "there is no 'vdeo'; did you mean 'video'?"),
        (("video", "{tmp}"), "manifest.json does not exist, so this is no complete build"),
        (("video", "{tmp}/b.json"), "b.json is no plan: plan: Invalid JSON"),
        (("video", "{tmp}/c.yaml"), "a recipe is a mapping with name, unit and components"),
        (("video", "video", "--ids", "{tmp}/ids"), "video is a recipe, video a recipe"),
    ],
)
def test_what_cannot_be_compared(
    sides: tuple[str, ...], words: str, tmp_path: Path, capsys: Printed
) -> None:
    (tmp_path / "b.json").write_text("{")
    (tmp_path / "c.yaml").write_text("- a")
    assert mixture(["diff", *(side.format(tmp=tmp_path) for side in sides)]) in (1, 2)
    assert words in capsys.readouterr().err
    assert not (tmp_path / "ids").exists()


def test_lines_say_everything_else(tmp_path: Path, capsys: Printed) -> None:
    changed = parts(sources=["lima", "openhermes"], where="num_tokens < 100", max_repeat=2)
    second = recipe(tmp_path, "b.yaml", seed=4, components=changed, name="other")
    assert mixture(["diff", recipe(tmp_path), second]) == 1
    out = capsys.readouterr().out
    for line in (
        "seed: 0 -> 4",
        "text: where: none -> num_tokens < 100",
        "text: max_repeat: 1 -> 2",
        "text: sources: +openhermes, -magpie",
        "subsets that came (1): openhermes",
        "subsets that went (1): magpie",
    ):
        assert line in out.splitlines()
