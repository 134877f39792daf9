"""Ctrl-C, as a terminal sends it: SIGINT to the whole process group of a real command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.build import load_manifest
from pipelines.verify import verify

_COMMAND = "import sys; from pipelines.cli import build_mixture; sys.exit(build_mixture())"
_DEADLINE_S = 240.0
# Texts and documents: some seconds of curate, a dozen shards.
_RECIPE = """
name: small
description: texts and documents
unit: samples
filters: {roles: {}, empty_turns: {}}
components:
  - {name: text, share: 50%, modality: text, sources: [magpie]}
  - {name: documents, share: 50%, modality: image, sources: [the_cauldron]}
"""


def _command(mirror: Path, folder: Path, *more: str) -> list[str]:
    (folder / "small.yaml").write_text(_RECIPE)
    return [
        *(sys.executable, "-c", _COMMAND, "--recipe", str(folder / "small.yaml")),
        *("--mirror", str(mirror), "--store", str(folder / "store"), "--out", str(folder / "out")),
        *more,
    ]


def _interrupt_when(
    command: list[str], reached: Callable[[], bool]
) -> subprocess.CompletedProcess[str]:
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as child:
        deadline = time.monotonic() + _DEADLINE_S
        while not reached():
            assert child.poll() is None, "the build ended before it could be interrupted"
            assert time.monotonic() < deadline, "the build did not get there in time"
            time.sleep(0.002)
        os.killpg(child.pid, signal.SIGINT)
        out, error = child.communicate(timeout=_DEADLINE_S)
        return subprocess.CompletedProcess(command, child.returncode, out, error)


def _interrupt_and_finish(mirror: Path, folder: Path, *more: str) -> None:
    command = _command(mirror, folder, *more)
    stopped = _interrupt_when(command, lambda: any((folder / "store").rglob("done.json")))
    assert stopped.returncode == 1
    assert "run the same command again to continue" in stopped.stderr
    assert stopped.stderr.count("\n") == 1 and "Traceback" not in stopped.stdout
    assert not (folder / "out" / "manifest.json").exists()
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "shards are in the store" in done.stdout
    verify(str(folder / "out"), lambda path: None)
    assert load_manifest(str(folder / "out")).num_rows > 100
    assert not list(folder.rglob(".tmp-*"))


@pytest.mark.slow
def test_an_inline_build_is_interrupted_and_finished(samples: Path, tmp_path: Path) -> None:
    _interrupt_and_finish(samples, tmp_path, "--engine", "inline")


@pytest.mark.slow
def test_a_build_on_ray_is_interrupted_and_finished(samples: Path, tmp_path: Path) -> None:
    _interrupt_and_finish(samples, tmp_path, "--workers", "2")
