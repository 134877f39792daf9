"""What the benchmarks share: a work folder, runs in processes of their own, and small tables."""

from __future__ import annotations

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

from rich.console import Console
from rich.table import Table

NUM_RUNS = 3
NUM_WORKERS = 2
_ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def work_folder() -> Iterator[Path]:
    """A temporary folder ($TMPDIR decides where), removed with all that was written in it."""
    with tempfile.TemporaryDirectory(prefix="smolmix-bench-") as folder:
        yield Path(folder)


def interleaved(
    sides: Mapping[str, Callable[[], float]], num_runs: int = NUM_RUNS
) -> dict[str, list[float]]:
    """Each side's figures, a run of every side in turn: a slow spell then slows all of them."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(num_runs):
        for name, run in sides.items():
            found[name].append(run())
    return found


def in_process(module: str, *args: str, env: Mapping[str, str] | None = None) -> dict[str, float]:
    """The JSON object on the last line that `python -m MODULE ARGS` prints; `seconds` of its life.

    An exit code other than 0 ends the benchmark: a side that failed has no rate.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module, *args],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **(env or {})},
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(args)} failed:\n{done.stderr[-3000:]}")
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "seconds": seconds}


def warm(folder: Path) -> int:
    """Read every file below once, so that all sides find them in the page cache; their bytes."""
    size = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as handle:
                while chunk := handle.read(1 << 20):
                    size += len(chunk)
    return size


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The median, and the smallest and largest."""
    median = statistics.median(values)
    return f"{median:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The load average beside the title tells whether others used the machine at the same time."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    console = Console(width=110)
    console.print(f"{title} (load average {os.getloadavg()[0]:.1f})", highlight=False)
    console.print(table)
