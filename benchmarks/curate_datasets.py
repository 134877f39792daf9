"""A whole build from a Cauldron-shaped mirror, against a script written with `datasets`.

    python -m benchmarks.curate_datasets

Two configs in equal parts, 5,000 and 20,000 images; every run is a process of its own with a fresh
store or cache, on two cores. The rate is between the two sizes, 15,000 rows over the difference of
the times, so that starting Ray or Python cancels. Images a CPU second (of all processes together)
stand beside it: they change little where others use the machine. Both sides emit every row.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.data import CAULDRON_REPO, CONFIGS, recipe, write_cauldron
from benchmarks.measure import (
    NUM_RUNS,
    in_process,
    interleaved,
    print_table,
    spread,
    warm,
    work_folder,
)

SMALL, LARGE = 5_000, 20_000
TARGET = 2.0
PEER = "datasets"

# By number of images: (seconds, CPU seconds) of each run.
Runs = Mapping[int, list[tuple[float, float]]]


def _ours(engine: str, work: Path, mirror: Path) -> Mapping[str, float]:
    built = recipe(work / "recipe.yaml", {f"the_cauldron/{config}": 1 for config in CONFIGS})
    store, out = work / "store", work / "out"
    return in_process(
        "benchmarks.build_script", str(built), str(mirror), str(store), str(out), engine
    )


def _theirs(work: Path, mirror: Path) -> Mapping[str, float]:
    args = (str(mirror / CAULDRON_REPO), str(work / "out"), *CONFIGS)
    return in_process("benchmarks.datasets_script", *args, env={"HF_HOME": str(work / "cache")})


def _spent(
    side: Callable[[Path, Path], Mapping[str, float]], mirror: Path, rows: int
) -> tuple[float, float]:
    """(seconds, CPU seconds of all processes) of one run."""
    work = mirror.parent / "run"
    work.mkdir()
    try:
        result = side(work, mirror)
    finally:
        shutil.rmtree(work)
        # What this run left to be written must not be written in the time of the next.
        os.sync()
    assert result["rows"] == rows, f"{result['rows']:.0f} rows were emitted of {rows}"
    return result["seconds"], result["cpu_s"]


def run(mirrors: Mapping[int, Path], num_runs: int = NUM_RUNS) -> dict[str, Runs]:
    """Every run, by side and number of images."""
    sides: dict[str, Callable[[Path, Path], Mapping[str, float]]] = {
        "smolmix, Ray, 2 workers": partial(_ours, "ray"),
        "smolmix, inline": partial(_ours, "inline"),
        f"{PEER}, num_proc=2": _theirs,
    }
    runs = {
        (name, rows): partial(_spent, side, mirrors[rows], rows)
        for name, side in sides.items()
        for rows in mirrors
    }
    found = interleaved(runs, num_runs)
    return {name: {rows: found[name, rows] for rows in mirrors} for name in sides}


def rates(runs: Runs, measure: int) -> list[float]:
    """Images a second between the two sizes; `measure` 0 is of the clock, 1 of CPU time."""
    pairs = zip(runs[SMALL], runs[LARGE], strict=True)
    return [(LARGE - SMALL) / (large[measure] - small[measure]) for small, large in pairs]


def report(found: Mapping[str, Runs], title: str) -> None:
    (peer,) = (name for name in found if name.startswith(PEER))
    rows = []
    for name, runs in found.items():
        cells = [name, *(spread([seconds for seconds, _ in runs[n]]) for n in (SMALL, LARGE))]
        for measure in (0, 1):
            ours, theirs = rates(runs, measure), rates(found[peer], measure)
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            cells += [spread(ours), spread(ratios, 2)]
        rows.append(cells)
    columns = ["side", f"s for {SMALL}", f"s for {LARGE}", "images/s", "ratio"]
    print_table(title, [*columns, "images/CPU s", "ratio"], rows)


def main() -> None:
    with work_folder() as work:
        mirrors = {rows: work / str(rows) for rows in (SMALL, LARGE)}
        sizes = [write_cauldron(mirror, rows) / 1e6 for rows, mirror in mirrors.items()]
        for mirror in mirrors.values():
            warm(mirror)
        found = run(mirrors)
    megabytes = " and ".join(f"{size:.0f}" for size in sizes)
    title = f"curate: {SMALL} and {LARGE} images ({megabytes} MB), at least {TARGET} times {PEER}"
    report(found, title)


if __name__ == "__main__":
    main()
