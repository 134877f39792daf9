"""Without --mirror the source is the Hub: the bytes of its mirror, whatever befalls on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from rich.console import Console

from manifests.build import load_manifest
from pipelines.build import build
from pipelines.options import BuildOptions
from tests.hub import COMMIT, Fault, Hub, serve
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
_SMALL = """
name: small
description: archives beside a JSON array
unit: samples
filters: {roles: {}}
components:
  - {name: image, share: 100%, modality: image, sources: [m4_instruct]}
"""
_COMMAND = "import sys; from pipelines.cli import build_mixture; sys.exit(build_mixture())"
_TOKEN = "hf_PlantedTokenThatNobodyMaySee"


def _from_hub(
    hub: Hub, recipe: str, folder: Path, *words: str, token: str = ""
) -> subprocess.CompletedProcess[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(recipe)
    command = [sys.executable, "-c", _COMMAND, "--recipe", str(folder / "recipe.yaml")]
    command += ["--engine", "inline", *words]
    command += ["--store", str(folder / "store"), "--out", str(folder / "out")]
    settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "hf")}
    settings |= {"HF_TOKEN": token} if token else {}
    env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"} | settings
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=240, check=False
    )


def _from_mirror(samples: Path, recipe: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(recipe)
    options = BuildOptions(
        recipe=str(folder / "recipe.yaml"),
        mirror=str(samples),
        store=str(folder / "store"),
        out=str(folder / "out"),
        engine="inline",
    )
    build(options, Console(quiet=True))


def _assert_same(first: Path, second: Path) -> None:
    for part in ("data", "ledger"):
        one, other = (tree_digests(side / "out" / part) for side in (first, second))
        assert one == other and one


@pytest.fixture
def hub(samples: Path) -> Iterator[Hub]:
    with serve(Hub(samples, lfs_from=10_000, token=_TOKEN)) as hub:
        yield hub


def test_the_hub_gives_the_bytes_of_its_mirror(hub: Hub, samples: Path, tmp_path: Path) -> None:
    done = _from_hub(hub, _RECIPE, tmp_path / "a")
    assert done.returncode == 0, done.stdout + done.stderr
    _from_mirror(samples, _RECIPE, tmp_path / "b")
    _assert_same(tmp_path / "a", tmp_path / "b")
    revisions = load_manifest(str(tmp_path / "a" / "out")).revisions
    assert set(revisions.values()) == {COMMIT}
    # Archives are dropped once they are curated.
    assert [p.name for p in (tmp_path / "a/store/downloads").iterdir()] == [".lock"]


def test_a_hub_that_fails_on_the_way_gives_the_same_bytes(
    hub: Hub, samples: Path, tmp_path: Path
) -> None:
    hub.faults += [
        Fault(".json", 429, {"Retry-After": "1"}),
        Fault(".zip", 500),
        Fault(".zip", cut_after=3_000, times=3),
        Fault(".json", cut_after=2_000, times=2),
    ]
    done = _from_hub(hub, _SMALL, tmp_path / "a")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [fault for fault in hub.faults if fault.times] == []
    _from_mirror(samples, _SMALL, tmp_path / "b")
    _assert_same(tmp_path / "a", tmp_path / "b")


def test_without_a_cache_archives_are_streamed(hub: Hub, samples: Path, tmp_path: Path) -> None:
    done = _from_hub(hub, _SMALL, tmp_path / "a", "--cache-size", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "a/store/downloads").exists()
    _from_mirror(samples, _SMALL, tmp_path / "b")
    _assert_same(tmp_path / "a", tmp_path / "b")


def _widen(archive: Path, target: Path, extra: int) -> None:
    """The tar with `extra` bytes of further members behind its own."""
    with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
        for member in old.getmembers():
            new.addfile(member, old.extractfile(member))
        for number in range(extra // 1_000_000):
            info = tarfile.TarInfo(f"filler/{number}.mp4")
            info.size = 1_000_000
            new.addfile(info, BytesIO(bytes([number % 251]) * info.size))
