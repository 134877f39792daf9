"""The same bytes with any engine, any number of workers, and after any kill -9.

Each kill is of the whole process group of a real command, at a moment that the files on disk show,
and is followed by the same command.
"""

from __future__ import annotations

import fnmatch
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipelines.build import build
from pipelines.engine import RayEngine, Task
from pipelines.options import BuildOptions
from tests.conftest import Built
from tests.pipelines.on_ray import build_on
from tests.pipelines.trees import tree_digests

_COMMAND = "import sys; from pipelines.cli import build_mixture; sys.exit(build_mixture())"
_DEADLINE_S = 240.0


def _command(built: Built, folder: Path, *more: str) -> list[str]:
    places = ["--store", str(folder / "store"), "--out", str(folder / "out")]
    return [
        *(sys.executable, "-c", _COMMAND, "--stage", "video", "--mirror", str(built.mirror)),
        *(*places, *more),
    ]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _kill_when(command: list[str], reached: Callable[[], bool]) -> bool:
    """Start the command, kill -9 its process group once `reached`; whether it was still running."""
    child = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + _DEADLINE_S
    while not reached() and child.poll() is None:
        assert time.monotonic() < deadline, "the build did not get there in time"
        time.sleep(0.002)
    running = child.poll() is None
    if running:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    return running


def _count(folder: Path, pattern: str) -> int:
    """Files below a folder that another process is writing to (os.walk passes over what goes)."""
    names = [name for _, _, files in os.walk(folder) for name in files]
    return len(fnmatch.filter(names, pattern))


def test_ray_gives_the_bytes_of_inline(
    small_built: Built, ray_engine: RayEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers, on the Ray that the whole test run shares."""
    build_on(ray_engine, monkeypatch)
    seen: set[str] = set()
    run = ray_engine.run

    def watched(tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        seen.update(task.name.split()[0] for task in tasks)
        return run(tasks)

    monkeypatch.setattr(ray_engine, "run", watched)
    options = BuildOptions(
        recipe=small_built.recipe,
        mirror=str(small_built.mirror),
        store=str(tmp_path / "store"),
        out=str(tmp_path / "out"),
    )
    build(options, Console(quiet=True))
    # Once it runs, for curate, small work goes to it as well: every kind of task has been on it.
    assert seen >= {"join", "resolve", "draw", "emit", "ledger"}
    assert tree_digests(tmp_path / "out") == tree_digests(small_built.out)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_any_number_of_workers_gives_the_same_bytes(
    built: Built, tmp_path: Path, workers: str
) -> None:
    _run(_command(built, tmp_path, "--workers", workers))
    assert tree_digests(tmp_path / "out") == tree_digests(built.out)


@pytest.mark.slow
def test_killed_after_k_tasks_of_curate(built: Built, tmp_path: Path) -> None:
    total = _count(built.store, "done.json")
    # The later half are row tasks of milliseconds, which end before a look at the disk does.
    wanted = random.randrange(1, total // 2)
    command = _command(built, tmp_path, "--engine", "inline")
    killed = _kill_when(command, lambda: _count(tmp_path / "store", "done.json") >= wanted)
    assert killed, f"the build ended before {wanted} of {total} tasks were seen done"
    assert not (tmp_path / "out" / "manifest.json").exists()
    _run(command)
    assert tree_digests(tmp_path / "out") == tree_digests(built.out)
    assert not list(tmp_path.rglob(".tmp-*"))


@pytest.mark.slow
def test_killed_between_resolve_and_emit(built: Built, tmp_path: Path) -> None:
    command = _command(built, tmp_path, "--engine", "inline")
    plan = tmp_path / "out" / "plan.json"
    assert _kill_when(command, plan.exists)
    _run(command)
    assert tree_digests(tmp_path / "out") == tree_digests(built.out)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["curate", "emit"])
def test_ray_killed_and_run_again(built: Built, tmp_path: Path, moment: str) -> None:
    """The driver's process group dies, and with it its Ray; the next run starts a new one."""
    wanted = random.randrange(1, _count(built.store, "done.json") // 2)
    command = _command(built, tmp_path, "--workers", "2")
    reached = {
        "curate": lambda: _count(tmp_path / "store", "done.json") >= wanted,
        "emit": lambda: (tmp_path / "out" / "plan.json").exists(),
    }
    assert _kill_when(command, reached[moment])
    _run(command)
    assert tree_digests(tmp_path / "out") == tree_digests(built.out)


@pytest.mark.slow
def test_killed_when_k_output_shards_exist(built: Built, tmp_path: Path) -> None:
    shards = _count(built.out / "data", "*.parquet")
    assert shards >= 2, "the samples must give several shards for this test to mean anything"
    wanted = random.randrange(1, shards)
    command = _command(built, tmp_path, "--engine", "inline")
    data = tmp_path / "out" / "data"
    _kill_when(command, lambda: _count(data, "train-*.parquet") >= wanted)
    assert _count(data, "train-*.parquet") >= wanted
    _run(command)
    assert tree_digests(tmp_path / "out") == tree_digests(built.out)
