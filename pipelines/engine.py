"""Runs pure task functions: in this process, or as Ray tasks with bounded work in flight.

A task is a module-level function and picklable arguments; it writes its output to its own place and
returns a small record. So tasks may be repeated, may run in any order, and give the same bytes
wherever they run. A Ray worker that dies is retried once; a task that kills its worker again is run
with `isolated_args`, in which it finds the file that does it. Tasks that load something large say
so by `actor` (actors.py).
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from manifests.errors import EngineError, UsageError
from manifests.user_modules import users_fault
from pipelines.actors import Actors, Pool, Workers

_RAY_MODULES = ("manifests", "sources", "filters", "mixtures", "pipelines")


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work. `group` names its progress line, `weight` its upstream bytes on it.

    `actor` is a key of what it loads: tasks of one key run in few processes that keep it.
    """

    name: str
    group: str
    function: Callable[..., dict[str, Any]]
    args: tuple[Any, ...]
    memory_bytes: int
    weight: int = 1
    isolated_args: tuple[Any, ...] | None = None
    actor: str | None = None


class Engine(Protocol):
    num_workers: int

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Results as they come; an error of a task ends the run."""
        ...

    def close(self) -> None: ...


class InlineEngine:
    """The same functions, one after another, in this process."""

    num_workers = 1

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        for task in tasks:
            yield task, _call(task.function, task.args)

    def close(self) -> None:
        return None


def _call(function: Callable[..., dict[str, Any]], args: tuple[Any, ...]) -> dict[str, Any]:
    try:
        return function(*args)
    except Exception as error:
        # Here, for Ray hands on no traceback that would say whose line it was.
        fault = users_fault(error)
        if fault is None:
            raise
        raise fault from error


class RayEngine:
    """Ray tasks on a local cluster of its own, or on the one at `address`.

    A local start takes 8 to 12 s. `address="auto"` would join strangers: it is never the default.
    """

    def __init__(self, workers: int, address: str | None) -> None:
        # Set before Ray is imported: it reads them once. Workers must not be relaunched by `uv`,
        # and no usage report leaves the machine.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        # An error ends a run once: tasks that were under way beside it need print none of theirs.
        os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
        # Workers run one task after another: polars need not hand memory back in between and fault
        # it in again (a tenth of the time of resolve; its own setting is half a second).
        os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:30000,muzzy_decay_ms:30000")
        import ray
        import ray.exceptions

        self._ray = ray
        self._crashes = (
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.OutOfMemoryError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.RayActorError,
        )
        self.num_workers = workers
        self._start(workers, address)
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self._resources = resources
        self._memory_cap = _memory_cap(resources, workers)

    def _start(self, workers: int, address: str | None) -> None:
        settings: dict[str, Any] = {
            "address": address or "local",
            "log_to_driver": False,
            "logging_level": logging.ERROR,
            "configure_logging": False,
        }
        if address is None:
            import psutil

            # Tasks return small records; media never travel through the object store.
            store_bytes = min(256 << 20, psutil.virtual_memory().total // 10)
            settings |= {"num_cpus": workers, "include_dashboard": False}
            settings |= {"object_store_memory": max(store_bytes, 80 << 20)}
        else:
            settings["runtime_env"] = {"py_modules": [_module_folder(m) for m in _RAY_MODULES]}
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            self._ray.init(**settings)
        except (ConnectionError, ValueError, RuntimeError) as error:
            where = f"on {address}" if address else "a local cluster"
            hint = (
                "; where the cluster asks for a token, set RAY_AUTH_MODE=token" if address else ""
            )
            raise UsageError(f"Ray could not start {where}: {_first_line(error)}{hint}") from error

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        for key in dict.fromkeys(task.actor for task in tasks):
            mine = [task for task in tasks if task.actor == key]
            yield from self._run(mine, self._pool(key))

    def _pool(self, key: str | None) -> Pool:
        if key is None:
            return Workers(self._ray, _call, self.num_workers)
        return Actors(self._ray, _call, self.num_workers, self._resources)

    def _run(self, tasks: Sequence[Task], pool: Pool) -> Iterator[tuple[Task, dict[str, Any]]]:
        waiting = deque((task, 0) for task in tasks)
        running: dict[Any, tuple[Task, int]] = {}
        with contextlib.closing(pool):
            while waiting or running:
                while waiting and len(running) < pool.limit:
                    task, tries = waiting.popleft()
                    running[self._submit(pool, task, tries)] = (task, tries)
                done, _ = self._ray.wait(list(running), num_returns=1)
                task, tries = running.pop(done[0])
                try:
                    result = self._ray.get(done[0])
                except self._crashes as error:
                    pool.settle(done[0], is_lost=True)
                    if tries == 2 or (tries == 1 and task.isolated_args is None):
                        message = f"{task.name}: the worker died {tries + 1} times"
                        raise EngineError(f"{message} ({_first_line(error)})") from error
                    waiting.append((task, tries + 1))
                    continue
                pool.settle(done[0], is_lost=False)
                yield task, result

    def _submit(self, pool: Pool, task: Task, tries: int) -> Any:
        args = task.isolated_args if tries == 2 and task.isolated_args else task.args
        memory = min(task.memory_bytes, self._memory_cap)
        return pool.submit(task.name, task.function, args, memory)

    def check_shared(self, folders: Sequence[str]) -> None:
        """UsageError for a local folder that some node of the cluster does not see."""
        from pipelines.cluster import check_shared

        check_shared(self._ray, list(folders))

    def close(self) -> None:
        self._ray.shutdown()


def _module_folder(name: str) -> str:
    module = __import__(name)
    return str(next(iter(module.__path__)))


def _memory_cap(resources: dict[str, float], workers: int) -> int:
    """What one task may ask for, so that `workers` of them can always run side by side."""
    return max(int(resources.get("memory", 1 << 30) / workers), 1 << 20)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def unwrap(error: BaseException) -> BaseException:
    """The error as the task raised it: Ray wraps it in one that also derives from its class."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, BaseException) else error


def make_engine(
    kind: str, workers: int | None, address: str | None, folders: Sequence[str] = ()
) -> Engine:
    """`inline`, or `ray` with `workers` tasks at a time (default: one a core).

    On a named cluster the local ones of `folders` must be seen by every node.
    """
    if kind == "inline":
        return InlineEngine()
    engine = RayEngine(workers or os.cpu_count() or 1, address)
    if address is not None:
        try:
            engine.check_shared(folders)
        except UsageError:
            engine.close()
            raise
    return engine
