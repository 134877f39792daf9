"""Both engines run the same functions; errors arrive as themselves; dead workers are survived."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from manifests.errors import EngineError, SourceError, UsageError
from pipelines.actors import actor_options
from pipelines.engine import Engine, InlineEngine, RayEngine, Task, make_engine, unwrap
from tests.pipelines import tasks


def _task(function: Callable[..., dict[str, Any]], *args: Any, **more: Any) -> Task:
    return Task("a task", "group", function, args, memory_bytes=1 << 20, **more)


@pytest.fixture(params=["inline", "ray"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "inline":
        return InlineEngine()
    found: Engine = request.getfixturevalue("ray_engine")
    return found


def test_every_task_gives_its_result(engine: Engine) -> None:
    results = list(engine.run([_task(tasks.square, n) for n in range(20)]))
    assert sorted(result["value"] for _, result in results) == [n * n for n in range(20)]
    assert {task.args[0] ** 2 for task, _ in results} == {n * n for n in range(20)}


def test_no_tasks_is_no_work(engine: Engine) -> None:
    assert list(engine.run([])) == []


def test_an_error_arrives_as_what_was_raised(engine: Engine) -> None:
    with pytest.raises(SourceError) as caught:
        list(engine.run([_task(tasks.refuse, 7)]))
    assert str(unwrap(caught.value)) == "row 7 is not there"


def test_errors_while_others_are_just_ending(ray_engine: RayEngine) -> None:
    """To cancel what is under way would abort the process, within some ten of such runs."""
    mixed = [_task(tasks.refuse, n) if n % 2 else _task(tasks.square, n) for n in range(6)]
    for _ in range(40):
        with pytest.raises(SourceError):
            list(ray_engine.run(mixed))


def test_ray_runs_in_other_processes(ray_engine: RayEngine) -> None:
    results = list(ray_engine.run([_task(tasks.square, n) for n in range(4)]))
    assert os.getpid() not in {result["pid"] for _, result in results}


def test_a_worker_that_dies_once_is_retried(ray_engine: RayEngine, tmp_path: Path) -> None:
    task = _task(tasks.die_first, str(tmp_path / "marker"))
    assert [result for _, result in ray_engine.run([task])] == [{"survived": True}]


def test_a_task_that_kills_its_worker_is_run_in_isolation(ray_engine: RayEngine) -> None:
    task = _task(tasks.die_unless_isolated, False, isolated_args=(True,))
    assert [result for _, result in ray_engine.run([task])] == [{"isolated": True}]


def test_a_task_that_always_kills_its_worker_ends_the_run(ray_engine: RayEngine) -> None:
    with pytest.raises(EngineError, match="a task: the worker died 2 times"):
        list(ray_engine.run([_task(tasks.die_unless_isolated, False)]))


def test_a_task_may_ask_for_more_memory_than_there_is(ray_engine: RayEngine) -> None:
    task = Task("big", "group", tasks.square, (3,), memory_bytes=1 << 50)
    assert [result["value"] for _, result in ray_engine.run([task])] == [9]


def test_an_actor_keeps_what_its_tasks_load(ray_engine: RayEngine) -> None:
    """One process after another task, at most as many as workers, and gone with the run."""
    found = [r for _, r in ray_engine.run([_task(tasks.keep, n, actor="a") for n in range(9)])]
    by_process = {r["pid"]: [s["kept"] for s in found if s["pid"] == r["pid"]] for r in found}
    assert len(by_process) <= 2
    assert all(kept == list(range(1, len(kept) + 1)) for kept in by_process.values())
    _, still_there = psutil.wait_procs(
        [psutil.Process(pid) for pid in by_process if psutil.pid_exists(pid)], timeout=30
    )
    assert not still_there


@pytest.mark.slow
def test_each_key_has_actors_of_its_own(ray_engine: RayEngine) -> None:
    mixed = [_task(tasks.keep, n, actor=("a", "b", None)[n % 3]) for n in range(9)]
    found = [(task.actor, result["pid"]) for task, result in ray_engine.run(mixed)]
    assert len(found) == 9
    processes = {key: {pid for k, pid in found if k == key} for key in ("a", "b", None)}
    assert not processes["a"] & processes["b"] and not processes["a"] & processes[None]


def test_an_actor_that_dies_is_replaced(ray_engine: RayEngine, tmp_path: Path) -> None:
    first = _task(tasks.die_first, str(tmp_path / "marker"), actor="a")
    more = [_task(tasks.keep, n, actor="a") for n in range(4)]
    results = [result for _, result in ray_engine.run([first, *more])]
    assert len(results) == 5 and {"survived": True} in results


def test_a_task_that_always_kills_its_actor_ends_the_run(ray_engine: RayEngine) -> None:
    with pytest.raises(EngineError, match="a task: the worker died 2 times"):
        list(ray_engine.run([_task(tasks.die_unless_isolated, False, actor="a")]))


def test_an_error_in_an_actor_arrives_as_what_was_raised(ray_engine: RayEngine) -> None:
    with pytest.raises(SourceError, match="row 7 is not there"):
        list(ray_engine.run([_task(tasks.refuse, 7, actor="a")]))


def test_actors_take_a_gpu_each_where_there_are_any() -> None:
    assert actor_options(8, {"CPU": 8.0}) == (8, {"num_cpus": 1})
    assert actor_options(8, {"CPU": 8.0, "GPU": 2.0}) == (2, {"num_cpus": 1, "num_gpus": 1})
    assert actor_options(1, {"CPU": 8.0, "GPU": 2.0}) == (1, {"num_cpus": 1, "num_gpus": 1})


def test_make_engine_inline() -> None:
    assert make_engine("inline", None, None).num_workers == 1


@pytest.mark.slow
def test_an_address_where_no_ray_is_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="Ray could not start on 127.0.0.1:1"):
        make_engine("ray", 1, "127.0.0.1:1")
