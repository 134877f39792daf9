"""Filters of images and a hash against Data-Juicer, over the same JPEGs, from files to files.

    python -m benchmarks.image_filters [--sizes 2400 20000]

Rows are a JPEG of some 480 x 360 pixels (`image_corpora.made_photo`) and a line of text each; one
in ten is the copy of the row before. Data-Juicer, with two processes or on Ray, has three image
filters that need no weights (size, shape and aspect), four of text, and drops equal perceptual
hashes; it writes rows that name their images. Ours is a whole build with two workers: every image
is hashed and decoded to its end, near duplicates of images and of texts are dropped, and what is
kept goes to Parquet, images included. It is run with filters of the same facts as Data-Juicer's,
also with equal rows alone dropped, and with all seven filters of images, which look at the pixels.

Every run is a process of its own with a fresh store or cache. The rate is of the images between the
two sizes, so that start-up counts for neither side.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmarks.image_corpora import encoded, made_photo, real_files
from benchmarks.measure import (
    NUM_RUNS,
    NUM_WORKERS,
    in_process,
    interleaved,
    print_table,
    spread,
    warm,
    work_folder,
)
from benchmarks.measure import run as measured
from benchmarks.peers import peer_env, peer_python, versions

SIZES = (2_400, 20_000)
TARGET = 5.0
_PEER = "Data-Juicer"
_SAME_FILTERS = ("image_bounds", "turn_length", "degenerate_repetition")
_ALL_FILTERS = (
    *_SAME_FILTERS,
    *("image_format", "uniform_image", "blurry_image"),
    *("exposure", "low_information", "placeholder_image"),
)
_COPY_EVERY = 10
_WORDS = """bench street window light table corner child dog river yellow behind under left small
wooden person holding red round open near wall green tree picture shows market bicycle""".split()
_OURS = "smolmix, near duplicates"

Run = tuple[float, float, int]  # seconds, CPU seconds of all processes, rows kept


def _text(number: int) -> str:
    return " ".join(random.Random(number).choices(_WORDS, k=12)).capitalize() + "."


def _write_images(folder: Path, numbers: range) -> int:
    photos, size = real_files([]), 0
    for number in numbers:
        data = encoded(made_photo(photos, _shown(number)), 90)
        (folder / f"{number:06d}.jpg").write_bytes(data)
        size += len(data)
    return size


def _shown(number: int) -> int:
    """The number of the row that this one is, itself or the one before."""
    return number - 1 if number % _COPY_EVERY == _COPY_EVERY - 1 else number


def _ours_row(folder: Path, number: int) -> dict[str, object]:
    asked = {"role": "user", "content": "<image>\nWhat does it show?"}
    answer = {"role": "assistant", "content": _text(_shown(number))}
    return {"image": f"{number:06d}.jpg", "messages": [asked, answer]}


def _peer_row(folder: Path, number: int) -> dict[str, object]:
    path = folder / "images" / f"{number:06d}.jpg"
    text = f"<__dj__image> {_text(_shown(number))} <|__dj__eoc|>"
    return {"images": [str(path)], "text": text}


def write_data(folder: Path, num_rows: int) -> int:
    """Images, and rows that name them in both forms; returns the bytes of the images."""
    images = folder / "images"
    images.mkdir(parents=True)
    for name, make in (("ours.jsonl", _ours_row), ("peer.jsonl", _peer_row)):
        with (folder / name).open("w") as rows:
            for number in range(num_rows):
                rows.write(json.dumps(make(folder, number)) + "\n")
    parts = [range(start, min(start + 500, num_rows)) for start in range(0, num_rows, 500)]
    with ProcessPoolExecutor(NUM_WORKERS, mp_context=get_context("spawn")) as pool:
        return sum(pool.map(_write_images, [images] * len(parts), parts))


def _recipe(folder: Path, work: Path, used: Sequence[str], near: bool) -> Path:
    path = work / "recipe.yaml"
    filters: dict[str, dict[str, object]] = {name: {} for name in used}
    alike: dict[str, object] = {"image": {}, "text": {}}
    pictures = {
        "path": str(folder / "ours.jsonl"),
        "media": str(folder / "images"),
        "modality": "image",
        "license": "CC0-1.0",
    }
    recipe: dict[str, object] = {
        "name": "bench",
        "description": "all there is",
        "unit": "samples",
        "filters": filters,
        "local": {"pictures": pictures},
        "near_duplicates": alike if near else None,
        "components": [{"name": "all", "share": 1, "sources": ["local/pictures"]}],
    }
    # YAML reads JSON.
    path.write_text(json.dumps(recipe))
    return path


def _ours(used: Sequence[str], near: bool, folder: Path, work: Path) -> Mapping[str, float]:
    (work / "mirror").mkdir()
    places = (str(work / name) for name in ("mirror", "store", "out"))
    recipe = str(_recipe(folder, work, used, near))
    return in_process("benchmarks.build_script", recipe, *places, "ray")


def _theirs(python: str, executor: str, folder: Path, work: Path) -> Mapping[str, float]:
    script = str(Path(__file__).with_name("image_filters_script.py"))
    args = (str(folder / "peer.jsonl"), str(work / "kept.jsonl"))
    return measured([python, script, executor, *args], peer_env(work / "cache"))


def _spent(side: Callable[[Path, Path], Mapping[str, float]], folder: Path) -> Run:
    work = folder.parent / "run"
    work.mkdir()
    try:
        result = side(folder, work)
    finally:
        shutil.rmtree(work)
        # What this run left to be written must not be written in the time of the next.
        os.sync()
    return result["seconds"], result["cpu_s"], int(result["rows"])


def run(folders: Mapping[int, Path], python: str, num_runs: int) -> dict[str, dict[int, list[Run]]]:
    """Every run, by side and number of images."""
    sides: dict[str, Callable[[Path, Path], Mapping[str, float]]] = {
        _OURS: partial(_ours, _SAME_FILTERS, True),
        "smolmix, equal rows only": partial(_ours, _SAME_FILTERS, False),
        "smolmix, all image filters": partial(_ours, _ALL_FILTERS, True),
        f"{_PEER}, np 2": partial(_theirs, python, "default"),
        f"{_PEER}, Ray": partial(_theirs, python, "ray"),
    }
    runs = {
        (name, rows): partial(_spent, side, folder)
        for name, side in sides.items()
        for rows, folder in folders.items()
    }
    found = interleaved(runs, num_runs)
    return {name: {rows: found[name, rows] for rows in folders} for name in sides}


def _rates(runs: Mapping[int, list[Run]], measure: int) -> Iterator[float]:
    """Images a second between the two sizes; `measure` 0 is of the clock, 1 of CPU time."""
    small, large = sorted(runs)
    for few, many in zip(runs[small], runs[large], strict=True):
        yield (large - small) / (many[measure] - few[measure])


def report(found: Mapping[str, Mapping[int, list[Run]]], title: str) -> None:
    rows = []
    ours = {measure: list(_rates(found[_OURS], measure)) for measure in (0, 1)}
    for name, runs in found.items():
        cells = [name, *(spread([run[0] for run in runs[size]], 1) for size in sorted(runs))]
        for measure in (0, 1):
            rates = list(_rates(runs, measure))
            ratios = [mine / rate for mine, rate in zip(ours[measure], rates, strict=True)]
            cells += [spread(rates), spread(ratios, 2)]
        kept = ", ".join(f"{runs[size][0][2]:,}" for size in sorted(runs))
        rows.append([*cells, kept])
    columns = ["side", *(f"s for {size:,}" for size in sorted(found[_OURS]))]
    columns += ["images/s", "ours to it", "images/CPU s", "ours to it", "kept"]
    print_table(title, columns, rows)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs=2, default=SIZES)
    parser.add_argument("--runs", type=int, default=NUM_RUNS)
    asked = parser.parse_args(arguments)
    print(versions("data-juicer"))
    python = peer_python("data-juicer")
    if python is None:
        return 0
    with work_folder() as work:
        folders = {rows: work / str(rows) for rows in sorted(asked.sizes)}
        megabytes = [write_data(folder, rows) / 1e6 for rows, folder in folders.items()]
        for folder in folders.values():
            warm(folder)
        found = run(folders, str(python), asked.runs)
    made = zip(folders, megabytes, strict=True)
    sizes = " and ".join(f"{rows:,} ({size:.0f} MB)" for rows, size in made)
    report(found, f"image filters: {sizes} images, at least {TARGET} times {_PEER}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
