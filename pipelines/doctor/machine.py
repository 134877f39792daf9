"""Looks at Python, the packages, the processor, memory, Ray and the disk."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Any

from packaging.requirements import Requirement

from manifests.errors import SmolmixError
from manifests.storage import free_bytes
from pipelines.doctor.finding import Finding
from pipelines.engine import RayEngine, Task
from pipelines.options import DEFAULT_CACHE_BYTES
from pipelines.progress import human_bytes
from pipelines.store import check_writable

_NAME = "smolmix"
_PYTHON = (3, 11)
# Extras that users install; what each is for.
_EXTRAS = {"samples": "mixture samples", "models": "filters by models", "train": "train-reference"}
# A worker of a build of images and clips; `make demo` has a peak of 1.6 GB with two.
_WORKER_BYTES = 1_000_000_000
# Below this not even samples fit.
_LEAST_BYTES = 1_000_000_000


def look_at_python() -> Finding:
    found = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    if sys.version_info[:2] < _PYTHON:
        return Finding("python", "broken", found, "install Python 3.11 or later")
    return Finding("python", "works", found)


def look_at_packages() -> Iterator[Finding]:
    """What smolmix itself needs, then each extra."""
    needed = [Requirement(text) for text in distribution(_NAME).requires or ()]
    core = [one for one in needed if _is_wanted(one, "")]
    wrong = list(filter(None, map(_wrong, core)))
    found = f"{_NAME} {version(_NAME)}, {len(core)} packages that it needs"
    if wrong:
        yield Finding("packages", "broken", "; ".join(wrong), "pip install --upgrade smolmix")
    else:
        yield Finding("packages", "works", found)
    for extra, use in _EXTRAS.items():
        wrong = list(filter(None, map(_wrong, (one for one in needed if _is_wanted(one, extra)))))
        to_do = f"for {use}: pip install 'smolmix[{extra}]'"
        found = "; ".join(wrong) or "installed"
        yield Finding(f"extra {extra}", "look" if wrong else "works", found, to_do * bool(wrong))


def _is_wanted(one: Requirement, extra: str) -> bool:
    """Whether it is needed by this extra and not without; by none for the empty name."""
    plain = one.marker is None or one.marker.evaluate({"extra": ""})
    if not extra:
        return plain
    return not plain and one.marker is not None and one.marker.evaluate({"extra": extra})


def _wrong(one: Requirement) -> str:
    try:
        have = version(one.name)
    except PackageNotFoundError:
        return f"{one.name} is missing"
    fits = one.specifier.contains(have, prereleases=True)
    return "" if fits else f"{one.name} is {have}, not {one.specifier}"


def look_at_memory() -> Finding:
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    free = psutil.virtual_memory().available
    found = f"{cores} cores, {human_bytes(free)} of memory free"
    if free < cores * _WORKER_BYTES:
        workers = max(free // _WORKER_BYTES, 1)
        return Finding("memory", "look", found, f"give builds --workers {workers}")
    return Finding("memory", "works", found)


def _one_task() -> dict[str, Any]:
    return {"process": os.getpid()}


def look_at_ray() -> Finding:
    """A cluster of its own is started, runs a task and is stopped: some 10 s."""
    started = time.monotonic()
    without = "build with --engine inline, on one core"
    try:
        engine = RayEngine(1, None)
        try:
            ((_, result),) = engine.run([Task("doctor", "doctor", _one_task, (), 0)])
        finally:
            engine.close()
    except (SmolmixError, OSError) as error:
        return Finding("ray", "look", f"{version('ray')}: {error}", without)
    if result["process"] == os.getpid():
        return Finding("ray", "look", "its task ran in this very process", without)
    took = time.monotonic() - started
    return Finding("ray", "works", f"{version('ray')}, started and ran a task in {took:.0f} s")


def look_at_store(where: str) -> Finding:
    """Whether it may be written, and holds as many downloads as builds keep unless told."""
    seen = look_at_disk("store", where)
    free = free_bytes(where)
    if seen.state != "works" or free is None or free >= DEFAULT_CACHE_BYTES:
        return seen
    to_do = f"downloads alone may take 50 GB: give builds --cache-size {free // 4 // 10**9}GB"
    return Finding("store", "look", seen.found, to_do)


def look_at_disk(what: str, where: str) -> Finding:
    """Whether a folder may be written, and how much is free."""
    try:
        check_writable(where, what)
    except (SmolmixError, OSError) as error:
        return Finding(what, "broken", str(error), f"name another folder with --{what}")
    free = free_bytes(where)
    if free is None:
        return Finding(what, "works", f"{where}, a bucket")
    found = f"{where}, {human_bytes(free)} free"
    if free < _LEAST_BYTES:
        return Finding(what, "look", found, f"make room, or name another folder with --{what}")
    return Finding(what, "works", found)
