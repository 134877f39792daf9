"""A second mixture from the same store, at other ratios, against the first build of all.

    python -m benchmarks.remix [--scale N]

`mixture samples --stage video` is built as `video` (14 % text) into an empty store, then from that
store as `video-figure8` (20 % text): the commands as a user gives them, each in a process of its
own, with Ray and without. The second one must find every shard in the store; it says so. Most of it
is start-up, so that small samples (scale 1) tell little; those of scale 12 take ten minutes to
write.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import NUM_RUNS, NUM_WORKERS, print_table, spread, user_shell, work_folder

FIRST, SECOND = "video", "video-figure8"
TARGET = 20.0
NOTHING_TO_DO = "nothing to pull"


def command(name: str, *args: str) -> tuple[float, str]:
    """(seconds, what it printed) of one of the project's commands; RuntimeError if it fails."""
    started = time.perf_counter()
    found = subprocess.run(
        [str(Path(sys.executable).with_name(name)), *args],
        env=user_shell(),
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    if found.returncode:
        raise RuntimeError(f"{name} {' '.join(args)}:\n{found.stdout}{found.stderr}"[-3000:])
    return seconds, found.stdout


def build(work: Path, stage: str, engine: str) -> tuple[float, str]:
    args = ["--stage", stage, "--mirror", str(work / "mirror"), "--store", str(work / "store")]
    args += ["--engine", engine, "--workers", str(NUM_WORKERS), "--allow-missing"]
    out = work / "out"
    try:
        return command("build-mixture", *args, "--out", str(out))
    finally:
        shutil.rmtree(out, ignore_errors=True)
        os.sync()


def measure(work: Path, engine: str) -> list[str]:
    shutil.rmtree(work / "store", ignore_errors=True)
    first, _ = build(work, FIRST, engine)
    again = []
    for _ in range(NUM_RUNS):
        seconds, said = build(work, SECOND, engine)
        assert NOTHING_TO_DO in said, f"the second build curated:\n{said}"
        again.append(seconds)
    ratios = [first / seconds for seconds in again]
    print(f"   {engine}: {first:.1f} s, then {spread(again, 1)} s", flush=True)
    return [engine, f"{first:.1f}", spread(again, 1), spread(ratios, 1)]


def main() -> None:
    asked = argparse.ArgumentParser(description="a first build, and a second at other ratios")
    asked.add_argument("--scale", type=int, default=12, help="times the rows of the samples")
    scale = asked.parse_args().scale
    with work_folder() as work:
        command("mixture", "samples", str(work / "mirror"), "--stage", FIRST, "--scale", str(scale))
        rows = [measure(work, engine) for engine in ("inline", "ray")]
    title = f"re-mix of samples (scale {scale}): at least {TARGET:.0f} times faster"
    columns = ["engine", f"{FIRST}, first, s", f"{SECOND}, s", "times faster"]
    print_table(title, columns, rows)


if __name__ == "__main__":
    main()
