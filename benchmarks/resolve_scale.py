"""Resolve and order over synthetic rows: time a row, and memory of all processes together.

    python -m benchmarks.resolve_scale [--rows 5000000 50000000] [--folder DIR] [--engine ray]

The store of each size (benchmarks/synthetic.py, scale.yaml: 31 leaves on three levels, a token
unit, ten per cent duplicates, merging, an exclusion list, three filters) is made first, and stays
where a folder is named. Memory is the sum over the process tree of proportional set sizes (a page
that several share counts once; mapped files count), sampled every two seconds: Ray's own are in it,
as they are in CPU time. `tokens off` is the most that any leaf is off the tokens asked of it;
`shard rows/s` is at what rate one process looks up the rows of output shards, as emit tasks do.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import print_table, work_folder
from benchmarks.synthetic import Amounts, make_store

ROWS = (5_000_000, 50_000_000)
# Issue 4, for the larger size on two cores; the last is how far time a row may grow between sizes.
MAX_SECONDS, MAX_BYTES, MAX_GROWTH = 15 * 60, 12 << 30, 0.3
# Each look walks the page tables of all that is mapped, and stops the process meanwhile.
_INTERVAL_S = 2.0
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Run:
    """`found` is what resolve_script printed."""

    rows: int
    found: dict[str, Any]
    peak_bytes: int
    cpu_s: float

    @property
    def seconds(self) -> float:
        return float(self.found["resolve_s"] + self.found["order_s"])

    @property
    def row_us(self) -> float:
        return self.seconds / self.rows * 1e6


def measure(folder: Path, rows: int, engine: str) -> Run:
    make_store(folder, Amounts(rows))
    command = [sys.executable, "-m", "benchmarks.resolve_script", str(folder), str(rows), engine]
    log = folder / "log.txt"
    with log.open("w") as errors:
        child = subprocess.Popen(
            command,
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        peak, cpu_s = _watch(child)
        output, _ = child.communicate()
    if child.returncode:
        raise RuntimeError(f"resolve failed:\n{log.read_text()[-3000:]}")
    return Run(rows, json.loads(output.strip().splitlines()[-1]), peak, cpu_s)


def _watch(child: subprocess.Popen[str]) -> tuple[int, float]:
    """Of the child and all below it until it ends: the highest sum of memory, and CPU seconds."""
    highest = 0
    spent: dict[tuple[int, float], float] = {}
    while child.poll() is None:
        total = 0
        for process in _tree(child.pid):
            with contextlib.suppress(psutil.Error):  # it has just ended
                total += process.memory_full_info().pss
                times = process.cpu_times()
                spent[process.pid, process.create_time()] = times.user + times.system
        highest = max(highest, total)
        time.sleep(_INTERVAL_S)
    return highest, sum(spent.values())


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def report(runs: list[Run]) -> None:
    rows = [
        [
            f"{run.rows:,}",
            f"{run.found['resolve_s']:.0f}",
            f"{run.found['order_s']:.0f}",
            f"{run.rows / run.seconds:,.0f}",
            f"{run.row_us:.1f}",
            f"{run.cpu_s / run.rows * 1e6:.1f}",
            f"{run.peak_bytes / 2**30:.1f}",
            f"{run.found['scratch_bytes'] / 1e9:.1f}",
            f"{run.found['drawn']:,}",
            f"{run.found['off_tokens']:,}",
            f"{run.found['shard_rows_per_s']:,.0f}",
        ]
        for run in runs
    ]
    columns = ["rows", "resolve s", "order s", "rows/s", "us/row", "CPU us", "GiB", "scratch GB"]
    columns += ["drawn", "tokens off", "shard rows/s"]
    limits = f"{MAX_SECONDS / 60:.0f} minutes and {MAX_BYTES >> 30} GiB at {ROWS[-1]:,} rows"
    print_table(f"resolve: at most {limits}", columns, rows)
    for run in runs:
        lost = ", ".join(f"{name} {count:,}" for name, count in run.found["lost"].items())
        print(f"{run.rows:,} rows, lost before quotas: {lost}")
    growth = runs[-1].row_us / runs[0].row_us - 1
    print(f"time a row, the last against the first: {growth:+.0%} (at most {MAX_GROWTH:+.0%})")


def main() -> None:
    asked = argparse.ArgumentParser(description="resolve over synthetic rows")
    asked.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    asked.add_argument("--folder", type=Path, help="keep the stores here, one folder a size")
    asked.add_argument("--engine", choices=("ray", "inline"), default="ray")
    given = asked.parse_args()
    with work_folder() as work:
        folder = given.folder or work
        report([measure(folder / str(rows), rows, given.engine) for rows in given.rows])


if __name__ == "__main__":
    main()
