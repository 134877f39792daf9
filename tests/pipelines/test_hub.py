"""Without --mirror the source is the Hub: the bytes of its mirror, whatever befalls on the way."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import orjson
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
filters: {roles: {}, placeholders: {}}
components:
  - {name: all, share: 100%, sources: [m4_instruct]}
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


@pytest.mark.slow
def test_the_hub_gives_the_bytes_of_its_mirror(hub: Hub, samples: Path, tmp_path: Path) -> None:
    done = _from_hub(hub, _RECIPE, tmp_path / "a")
    assert done.returncode == 0, done.stdout + done.stderr
    _from_mirror(samples, _RECIPE, tmp_path / "b")
    _assert_same(tmp_path / "a", tmp_path / "b")
    revisions = load_manifest(str(tmp_path / "a" / "out")).revisions
    assert set(revisions.values()) == {COMMIT}
    # Archives are dropped once they are curated.
    assert [p.name for p in (tmp_path / "a/store/downloads").iterdir()] == [".lock"]


@pytest.mark.slow
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


@pytest.mark.slow
def test_without_a_cache_archives_are_streamed(hub: Hub, samples: Path, tmp_path: Path) -> None:
    done = _from_hub(hub, _SMALL, tmp_path / "a", "--cache-size", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "a/store/downloads").exists()
    _from_mirror(samples, _SMALL, tmp_path / "b")
    _assert_same(tmp_path / "a", tmp_path / "b")


_TASTE = """
name: taste
description: a tar, a zip, a JSON array and Parquet, each far larger than its taste
unit: samples
filters: {roles: {}, placeholders: {}}
components:
  - name: all
    share: 100%
    sources: [llava_video_178k/0_30_s_nextqa, m4_instruct, the_cauldron/ai2d, goat]
"""


@pytest.fixture
def wide(samples: Path, tmp_path: Path) -> Path:
    """The samples with 60 MB more in a tar and in a zip each, and a JSON array of 30 MB."""
    mirror = tmp_path / "wide"
    shutil.copytree(samples, mirror)
    tar = mirror / "lmms-lab/LLaVA-Video-178K/0_30_s_nextqa/0_30_s_nextqa_videos_1.tar.gz"
    with tarfile.open(tar) as old:
        members = [(m, old.extractfile(m)) for m in old.getmembers()]
        with tarfile.open(tar.with_name("new"), "w:gz", compresslevel=1) as new:
            for member, data in members:
                new.addfile(member, data)
            for number in range(600):
                info = tarfile.TarInfo(f"filler/{number}.mp4")
                info.size = 100_000
                new.addfile(info, BytesIO(random.Random(number).randbytes(info.size)))
    tar.with_name("new").rename(tar)
    with zipfile.ZipFile(mirror / "lmms-lab/M4-Instruct-Data/HQ-Edit.zip", "a") as archive:
        for number in range(60):
            archive.writestr(f"filler/{number}.jpg", random.Random(number).randbytes(1_000_000))
    sum_ = {"input": "1 + 1", "output": "1 + 1 = 2", "answer": "2"}
    sums = [{"instruction": f"What is 1 + 1? ({number})", **sum_} for number in range(300_000)]
    (mirror / "tiedong/goat").mkdir(parents=True)
    (mirror / "tiedong/goat/dataset.json").write_bytes(orjson.dumps(sums))
    return mirror


@pytest.mark.slow
def test_a_taste_fetches_a_small_part(wide: Path, tmp_path: Path) -> None:
    with serve(Hub(wide, lfs_from=10_000)) as hub:
        done = _from_hub(hub, _TASTE, tmp_path / "a", "--limit", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    large = {n: s for n, s in hub.sent.items() if (wide / n).stat().st_size > 20_000_000}
    assert len(large) == 3, large
    assert max(large.values()) < 6_000_000, large
    assert not (tmp_path / "a/store/downloads").exists()


def _files_with(secret: str, folder: Path) -> list[str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return [str(file) for file in files if secret.encode() in file.read_bytes()]


def test_a_gated_source_says_where_to_ask(hub: Hub, tmp_path: Path) -> None:
    hub.gated = frozenset({"lmms-lab/M4-Instruct-Data"})
    for token in ("", "hf_AnotherTokenWithoutAccess"):
        done = _from_hub(hub, _SMALL, tmp_path / "a", token=token)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "visit https://huggingface.co/datasets/lmms-lab/M4-Instruct-Data" in done.stderr
        assert "HF_TOKEN" in done.stderr and "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "WithoutAccess" not in done.stdout + done.stderr


def test_the_token_opens_a_gated_source_and_is_written_nowhere(hub: Hub, tmp_path: Path) -> None:
    hub.gated = frozenset({"lmms-lab/M4-Instruct-Data"})
    done = _from_hub(hub, _SMALL, tmp_path / "a", "--limit", "20", token=_TOKEN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert _TOKEN not in done.stdout + done.stderr
    assert _files_with(_TOKEN, tmp_path / "a") == []


@pytest.mark.slow
def test_the_token_is_also_taken_from_its_file(hub: Hub, tmp_path: Path) -> None:
    hub.gated = frozenset({"lmms-lab/M4-Instruct-Data"})
    (tmp_path / "a/hf").mkdir(parents=True)
    (tmp_path / "a/hf/token").write_text(_TOKEN)
    done = _from_hub(hub, _SMALL, tmp_path / "a", "--limit", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        _files_with(_TOKEN, tmp_path / "a/store") == _files_with(_TOKEN, tmp_path / "a/out") == []
    )


def test_a_repository_that_the_hub_does_not_have_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with serve(Hub(tmp_path / "empty")) as hub:
        done = _from_hub(hub, _RECIPE, tmp_path)
    assert done.returncode == 2
    assert "is not there (HTTP 404)" in done.stderr and "Traceback" not in done.stderr


def test_without_a_network_it_is_told_at_once(tmp_path: Path) -> None:
    done = _from_hub(Hub(tmp_path, url="http://127.0.0.1:9"), _RECIPE, tmp_path)
    assert done.returncode == 2
    assert "cannot be reached (ConnectError)" in done.stderr and "--mirror DIR" in done.stderr
