"""Which engine runs what: none is started for work that is sooner done without."""

from __future__ import annotations

import os
from io import StringIO

import pytest
from rich.console import Console

from pipelines import runner as runner_module
from pipelines.engine import Engine, RayEngine, Task
from pipelines.options import BuildOptions
from pipelines.runner import Runner
from tests.pipelines.tasks import square


@pytest.fixture
def started(ray_engine: RayEngine, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows by one whenever an engine is asked for; what starts is the Ray of the whole run."""

    def start(*args: object) -> Engine:
        asked.append(args)
        return ray_engine

    asked: list[object] = []
    monkeypatch.setattr(runner_module, "make_engine", start)
    return asked


def pids(runner: Runner, is_small: bool) -> set[int]:
    tasks = [Task(f"square {n}", "rows", square, (n,), 1 << 20, 1) for n in range(4)]
    results = runner.run("square", tasks, unit="rows", is_small=is_small)
    assert sorted(result["value"] for result in results) == [0, 1, 4, 9]
    return {result["pid"] for result in results}


def test_small_work_starts_no_engine_and_large_work_does(started: list[object]) -> None:
    runner = Runner(BuildOptions(recipe="x", out="out", store="store"), Console(file=StringIO()))
    assert pids(runner, is_small=True) == {os.getpid()}
    assert runner.run("nothing", []) == [] and started == []
    assert os.getpid() not in pids(runner, is_small=False)
    # Where it runs already, small work goes to it too; it is started once.
    assert os.getpid() not in pids(runner, is_small=True)
    assert len(started) == 1
