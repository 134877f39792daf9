"""What the benchmarks share: a work folder, runs in processes of their own, and small tables."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

NUM_RUNS = 3
NUM_WORKERS = 2
_INTERVAL_S = 0.1
# Every so many looks at the processor's time also what is held: adding that up costs more.
_LOOKS_A_PEAK = 5
Name = TypeVar("Name")
Figure = TypeVar("Figure")
_ROOT = Path(__file__).resolve().parent.parent


class Failed(RuntimeError):
    """A side that ended with another exit code than 0."""


@contextmanager
def work_folder() -> Iterator[Path]:
    """A temporary folder ($TMPDIR decides where), removed with all that was written in it."""
    with tempfile.TemporaryDirectory(prefix="smolmix-bench-") as folder:
        yield Path(folder)


def interleaved(
    sides: Mapping[Name, Callable[[], Figure]], num_runs: int = NUM_RUNS
) -> dict[Name, list[Figure]]:
    """Each side's figures, a run of every side in turn: a slow spell then slows all of them."""
    found: dict[Name, list[Figure]] = {name: [] for name in sides}
    for _ in range(num_runs):
        for name, run in sides.items():
            found[name].append(run())
    return found


def user_shell() -> dict[str, str]:
    """The environment of commands as a user gives them: Python keeps the bytecode of modules.

    A machine of CI may forbid that (PYTHONDONTWRITEBYTECODE); each start then compiles them all,
    which takes half a second.
    """
    kept = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(_ROOT)}


def in_process(module: str, *args: str, env: Mapping[str, str] | None = None) -> dict[str, float]:
    """As `run`, of `python -m MODULE ARGS` with this interpreter and this checkout."""
    return run([sys.executable, "-m", module, *args], {"PYTHONPATH": str(_ROOT), **(env or {})})


def run(command: Sequence[str], env: Mapping[str, str]) -> dict[str, float]:
    """The JSON object on the last line that a command prints, and what its life cost.

    Of it and all processes below it: `seconds`; `cpu_s` (sampled: each one's last 0.1 s is lost);
    `peak_mib`, what they held at once, memory that is shared counted once (sampled twice a second).
    An exit code other than 0 ends the benchmark: a side that failed has no rate.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=_ROOT, env={**os.environ, **env}, stdout=output, stderr=errors
        )
        watched = _watch(child)
        seconds = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        if child.returncode:
            said = errors.read()[-3000:]
            raise Failed(f"{' '.join(command)} ended with {child.returncode}:\n{said}")
        result = json.loads(output.read().strip().splitlines()[-1])
    return {**result, "seconds": seconds, **watched}


def _watch(child: subprocess.Popen[bytes]) -> dict[str, float]:
    spent: dict[tuple[int, float], float] = {}
    root, peak, num_looks = psutil.Process(child.pid), 0, 0
    while child.poll() is None:
        with contextlib.suppress(psutil.Error):
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):  # it has just ended
                    times = process.cpu_times()
                    spent[process.pid, process.create_time()] = times.user + times.system
        if num_looks % _LOOKS_A_PEAK == 0:
            peak = max(peak, held_bytes(root))
        num_looks += 1
        time.sleep(_INTERVAL_S)
    return {"cpu_s": sum(spent.values()), "peak_mib": peak / (1 << 20)}


def held_bytes(root: psutil.Process) -> int:
    """Memory of a process and all below it; what they share is counted once."""
    held = 0
    with contextlib.suppress(psutil.Error):
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):  # it has just ended
                held += process.memory_full_info().pss
    return held


def warm(folder: Path) -> int:
    """Read every file below once, so that all sides find them in the page cache; their bytes."""
    size = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as handle:
                while chunk := handle.read(1 << 20):
                    size += len(chunk)
    return size


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median [the smallest-the largest]."""
    median = statistics.median(values)
    return f"{median:.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The load average beside the title tells whether others used the machine at the same time."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(escape, row))
    console = Console(width=140)
    console.print(f"{title} (load average {os.getloadavg()[0]:.1f})", highlight=False)
    console.print(table)
