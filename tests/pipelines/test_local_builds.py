"""A recipe that draws on the user's own data and on a source of his own, from end to end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from manifests.errors import CardError, RecipeError, UsageError
from manifests.storage import read_parquet
from pipelines.build import build
from pipelines.options import BuildOptions
from pipelines.verify import verify
from tests.pipelines.trees import tree_digests
from tests.sources.packing import picture
from tests.sources.test_plugins import write_plugin

_RECIPE = """
name: own
description: data and a source of the user's own
unit: samples
filters: {content_items: {}, roles: {}, empty_turns: {}, placeholders: {}}
local:
  talks: {path: data/talks.jsonl}
  vqa: {path: data/vqa.json, media: data/images, modality: image, license: CC-BY-4.0}
components:
  - {name: talks, share: 25%, sources: [local/talks]}
  - {name: vqa, share: 50%, sources: [local/vqa]}
  - {name: mine, share: 25%, sources: [./mine.py/train]}
"""


def _write_data(folder: Path) -> Path:
    images = folder / "data/images"
    images.mkdir(parents=True)
    talks: list[Any] = []
    questions: list[Any] = []
    for number in range(8):
        asked = {"role": "user", "content": f"What is {number} and {number}?"}
        talks.append({"messages": [asked, {"role": "assistant", "content": f"{2 * number}."}]})
        (images / f"{number}.png").write_bytes(picture(20 * number, "PNG"))
        turns = [
            {"from": "human", "value": "<image>\nHow dark?"},
            {"from": "gpt", "value": "Very."},
        ]
        # Paths below the media folder, or from the file system's root.
        path = f"{number}.png" if number % 2 else str(images / f"{number}.png")
        questions.append({"image": path, "conversations": turns})
    (folder / "data/talks.jsonl").write_text("\n".join(map(json.dumps, talks)))
    (folder / "data/vqa.json").write_text(json.dumps(questions))
    write_plugin(folder)
    mirror = folder / "mirror/me/mine"
    mirror.mkdir(parents=True)
    rows = [{"q": f"Say {number}.", "a": f"Here: {number}."} for number in range(8)]
    (mirror / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    recipe = folder / "recipe.yaml"
    recipe.write_text(_RECIPE)
    return recipe


def _options(recipe: Path, **more: Any) -> BuildOptions:
    folder = recipe.parent
    settings: dict[str, Any] = {
        "mirror": str(folder / "mirror"),
        "store": str(folder / "store"),
        "out": str(folder / "out"),
        "engine": "inline",
        **more,
    }
    return BuildOptions(recipe=str(recipe), **settings)


def test_own_data_and_an_own_source_are_built(tmp_path: Path) -> None:
    recipe = _write_data(tmp_path)
    build(_options(recipe), Console(quiet=True))
    table = pq.read_table(tmp_path / "out/data")
    assert sorted(set(table["source"].to_pylist())) == ["local", "mine"]
    licenses = dict(zip(table["subset"].to_pylist(), table["license"].to_pylist(), strict=True))
    assert licenses == {"talks": "LicenseRef-unknown", "vqa": "CC-BY-4.0", "train": "MIT"}
    for source in ("local", "mine"):
        fates = read_parquet(str(tmp_path / f"out/ledger/{source}.parquet"))["fate"].to_pylist()
        assert set(fates) <= {"kept", "not_drawn"}
    card = (tmp_path / "out/README.md").read_text()
    assert "Mine" in card and "Your own data" in card
    verify(str(tmp_path / "out"), lambda path: None)


def test_another_place_gives_the_same_bytes(tmp_path: Path) -> None:
    """Where the recipe and its data lie is no part of the plan."""
    built = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        build(_options(_write_data(tmp_path / name)), Console(quiet=True))
        built.append(tmp_path / name / "out")
    for part in ("data", "ledger", "plan.json"):
        if (built[0] / part).is_file():
            assert (built[0] / part).read_bytes() == (built[1] / part).read_bytes()
        else:
            assert tree_digests(built[0] / part) == tree_digests(built[1] / part)


@pytest.mark.slow
def test_ray_workers_find_them_too(tmp_path: Path) -> None:
    recipe = _write_data(tmp_path)
    build(_options(recipe), Console(quiet=True))
    program = "import sys; from pipelines.cli import build_mixture; sys.exit(build_mixture())"
    command = [sys.executable, "-c", program, "--recipe", str(recipe), "--workers", "2"]
    places = {"--mirror": "mirror", "--store": "store-of-ray", "--out": "out-of-ray"}
    command += [part for name, place in places.items() for part in (name, str(tmp_path / place))]
    subprocess.run(command, check=True, timeout=240)
    assert tree_digests(tmp_path / "out/data") == tree_digests(tmp_path / "out-of-ray/data")


@pytest.mark.parametrize(
    ("before", "after", "error", "said"),
    [
        ("./mine.py/train", "./yours.py", CardError, "yours.py is not there"),
        ("./mine.py/train", "./mine.py/valid", RecipeError, "no subset 'valid'"),
        ("local/talks", "local/talk", RecipeError, "did you mean 'talks'"),
        ("path: data/vqa.json", "file: data/vqa.json", RecipeError, "unknown key"),
        ("media: data/images", "media: data/none", UsageError, "data/none"),
        ("path: data/talks.jsonl", "path: data/gone.jsonl", UsageError, "gone.jsonl"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, before: str, after: str, error: type[Exception], said: str
) -> None:
    recipe = _write_data(tmp_path)
    recipe.write_text(_RECIPE.replace(before, after))
    with pytest.raises(error, match=said):
        build(_options(recipe), Console(quiet=True))


def test_without_a_recipes_word_there_is_no_own_data(tmp_path: Path) -> None:
    recipe = _write_data(tmp_path)
    recipe.write_text(
        _RECIPE.split("local:")[0] + "components: [{name: a, share: 1, sources: [local]}]\n"
    )
    with pytest.raises(UsageError, match="say in the recipe where they lie"):
        build(_options(recipe, mirror=None), Console(quiet=True))
