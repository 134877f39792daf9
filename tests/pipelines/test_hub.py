"""Without --mirror the source is the Hub: the same data bytes as from a mirror of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from manifests.build import load_manifest
from pipelines.build import build
from pipelines.options import BuildOptions
from tests.hub import COMMIT, hub
from tests.pipelines.trees import tree_digests

_RECIPE = """
name: hub
description: every shape that can be served by a Hub
unit: samples
filters: {content_items: {}, roles: {}, empty_turns: {}, placeholders: {}, control_tokens: {},
          turn_length: {}, image_bounds: {}}
components:
  - {name: text, share: 20%, modality: text, sources: [magpie/Magpie-Pro-300K-Filtered]}
  - {name: video, share: 40%, modality: video, sources: [finevideo, llava_video_178k, m4_instruct]}
  - {name: image, share: 40%, modality: image, sources: [the_cauldron]}
"""
_COMMAND = "import sys; from pipelines.cli import build_mixture; sys.exit(build_mixture())"


def _from_hub(url: str, recipe: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _COMMAND, "--recipe", str(recipe), "--engine", "inline"]
    command += ["--store", str(folder / "store"), "--out", str(folder / "out")]
    settings = {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "hf")}
    env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"} | settings
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=240, check=False
    )


def test_the_hub_gives_the_bytes_of_its_mirror(samples: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "hub.yaml"
    recipe.write_text(_RECIPE)
    with hub(samples) as url:
        done = _from_hub(url, recipe, tmp_path / "a")
    assert done.returncode == 0, done.stdout + done.stderr
    options = BuildOptions(
        recipe=str(recipe),
        mirror=str(samples),
        store=str(tmp_path / "b" / "store"),
        out=str(tmp_path / "b" / "out"),
        engine="inline",
    )
    build(options, Console(quiet=True))
    for part in ("data", "ledger"):
        first, second = (tree_digests(tmp_path / side / "out" / part) for side in "ab")
        assert first == second and first
    revisions = load_manifest(str(tmp_path / "a" / "out")).revisions
    assert set(revisions.values()) == {COMMIT}


def test_a_repository_that_the_hub_does_not_have_is_named(tmp_path: Path) -> None:
    recipe = tmp_path / "hub.yaml"
    recipe.write_text(_RECIPE)
    (tmp_path / "empty").mkdir()
    with hub(tmp_path / "empty") as url:
        done = _from_hub(url, recipe, tmp_path)
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr and "Traceback" not in done.stderr
