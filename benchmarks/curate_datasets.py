"""A whole build from a Cauldron-shaped mirror, against a script written with `datasets`.

    python -m benchmarks.curate_datasets

Two configs in equal parts, 5,000 and 20,000 images; every run is a process of its own with a fresh
store or cache, on two cores. The rate is between the two sizes, 15,000 rows over the difference of
the times, so that starting Ray or Python cancels. Both sides must emit every row.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.data import CAULDRON_REPO, CONFIGS, recipe, write_cauldron
from benchmarks.measure import in_process, interleaved, print_table, spread, warm, work_folder

SMALL, LARGE = 5_000, 20_000
TARGET = 2.0
PEER = "datasets"


def _ours(engine: str, work: Path, mirror: Path) -> Mapping[str, float]:
    built = recipe(work / "recipe.yaml", {f"the_cauldron/{config}": 1 for config in CONFIGS})
    store, out = work / "store", work / "out"
    return in_process(
        "benchmarks.build_script", str(built), str(mirror), str(store), str(out), engine
    )


def _theirs(work: Path, mirror: Path) -> Mapping[str, float]:
    args = (str(mirror / CAULDRON_REPO), str(work / "out"), *CONFIGS)
    return in_process("benchmarks.datasets_script", *args, env={"HF_HOME": str(work / "cache")})


def _seconds(side: Callable[[Path, Path], Mapping[str, float]], mirror: Path, rows: int) -> float:
    work = mirror.parent / "run"
    work.mkdir()
    try:
        result = side(work, mirror)
        # What the run before left to be written must not be written in the time of the next.
        os.sync()
    finally:
        shutil.rmtree(work)
    assert result["rows"] == rows, f"{result['rows']:.0f} rows were emitted of {rows}"
    return result["seconds"]


def run(mirrors: Mapping[int, Path]) -> dict[str, dict[int, list[float]]]:
    """Seconds of every run, by side and number of images."""
    sides: dict[str, Callable[[Path, Path], Mapping[str, float]]] = {
        "smolmix, Ray, 2 workers": partial(_ours, "ray"),
        "smolmix, inline": partial(_ours, "inline"),
        f"{PEER}, num_proc=2": _theirs,
    }
    runs = {
        f"{name}|{rows}": partial(_seconds, side, mirrors[rows], rows)
        for name, side in sides.items()
        for rows in mirrors
    }
    found = interleaved(runs)
    return {name: {rows: found[f"{name}|{rows}"] for rows in mirrors} for name in sides}


def _rates(seconds: Mapping[int, list[float]]) -> list[float]:
    pairs = zip(seconds[SMALL], seconds[LARGE], strict=True)
    return [(LARGE - SMALL) / (large - small) for small, large in pairs]


def main() -> None:
    with work_folder() as work:
        mirrors = {rows: work / str(rows) for rows in (SMALL, LARGE)}
        sizes = {rows: write_cauldron(mirror, rows) for rows, mirror in mirrors.items()}
        for mirror in mirrors.values():
            warm(mirror)
        found = run(mirrors)
    rates = {name: _rates(seconds) for name, seconds in found.items()}
    (peer,) = (name for name in rates if name.startswith(PEER))
    rows = []
    for name, seconds in found.items():
        ratios = [ours / theirs for ours, theirs in zip(rates[name], rates[peer], strict=True)]
        times = [spread(seconds[SMALL]), spread(seconds[LARGE])]
        rows.append([name, *times, spread(rates[name], 0), spread(ratios, 2)])
    megabytes = " and ".join(f"{size / 1e6:.0f}" for size in sizes.values())
    print_table(
        f"curate: {SMALL} and {LARGE} images ({megabytes} MB), at least {TARGET} times {PEER}",
        ["side", f"s for {SMALL}", f"s for {LARGE}", "images/s between", "ratio"],
        rows,
    )


if __name__ == "__main__":
    main()
