"""Where Ray runs tasks: any free worker, or for what loads something large a few that keep it.

An actor is a process that runs one task after another of one key (`Task.actor`), and what the first
one loaded is there for the next. One that dies is replaced.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

# Started tasks beyond the number of workers: enough that none waits for the driver.
_QUEUED_PER_WORKER = 2

Call = Callable[..., dict[str, Any]]


class Pool(Protocol):
    """`limit` references may be under way at once; each is settled when it is done or lost."""

    limit: int

    def submit(self, name: str, function: Call, args: tuple[Any, ...], memory: int) -> Any: ...

    def settle(self, reference: Any, is_lost: bool) -> None: ...

    def close(self) -> None: ...


class Workers:
    """Plain Ray tasks, one core each.

    Tasks under way where a run ends by an error are left to end with the job: `ray.cancel` of one
    that is just completing aborts the whole driver (ray-project/ray issue 54785, seen with 2.60).
    """

    def __init__(self, ray: Any, call: Call, num_workers: int) -> None:
        self.limit = num_workers * _QUEUED_PER_WORKER
        self._remote = ray.remote(max_retries=0)(call)

    def submit(self, name: str, function: Call, args: tuple[Any, ...], memory: int) -> Any:
        options = {"num_cpus": 1, "memory": memory, "name": name}
        return self._remote.options(**options).remote(function, args)

    def settle(self, reference: Any, is_lost: bool) -> None:
        return None

    def close(self) -> None:
        return None


class Actors:
    """Actors of one key, a GPU each where the cluster has any, else a core; gone when closed."""

    def __init__(self, ray: Any, call: Call, num_workers: int, resources: Mapping[str, float]):
        self.limit, self._options = actor_options(num_workers, resources)
        self._ray = ray
        self._class = ray.remote(max_restarts=0, max_task_retries=0)(_actor_class(call))
        self._idle: list[Any] = []
        self._busy: dict[Any, Any] = {}  # by reference

    def submit(self, name: str, function: Call, args: tuple[Any, ...], memory: int) -> Any:
        if not self._idle:
            self._idle.append(self._class.options(memory=memory, **self._options).remote())
        actor = self._idle.pop()
        reference = actor.run.remote(function, args)
        self._busy[reference] = actor
        return reference

    def settle(self, reference: Any, is_lost: bool) -> None:
        actor = self._busy.pop(reference)
        if is_lost:
            self._kill(actor)
        else:
            self._idle.append(actor)

    def close(self) -> None:
        for actor in (*self._idle, *self._busy.values()):
            self._kill(actor)

    def _kill(self, actor: Any) -> None:
        with contextlib.suppress(Exception):  # it may be dead already
            self._ray.kill(actor)


def actor_options(num_workers: int, resources: Mapping[str, float]) -> tuple[int, dict[str, Any]]:
    """(how many actors at once, what each asks Ray for) on a cluster with these resources."""
    num_gpus = int(resources.get("GPU", 0))
    if num_gpus:
        return min(num_workers, num_gpus), {"num_cpus": 1, "num_gpus": 1}
    return num_workers, {"num_cpus": 1}


def _actor_class(call: Call) -> type:
    class Keeper:
        def run(self, function: Call, args: tuple[Any, ...]) -> dict[str, Any]:
            return call(function, args)

    return Keeper
