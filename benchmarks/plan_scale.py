"""`mixture plan` over an index of a million rows, all of whose facts are in the store.

    python -m benchmarks.plan_scale

A mirror of small files of The Cauldron and Magpie gives the folders that a build would look for;
they are filled with synthetic rows (benchmarks/synthetic.py) for a recipe of 14 leaves on three
levels in a token unit. Each call is the command in a process of its own, its start included.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from benchmarks.data import CAULDRON_REPO
from benchmarks.measure import NUM_RUNS, NUM_WORKERS, print_table, spread, user_shell, work_folder
from benchmarks.synthetic import Amounts, Place, fill_store
from mixtures.recipe_file import load_recipe
from pipelines.build import find_work, open_job
from pipelines.curate import CuratedSource
from pipelines.options import BuildOptions

ROWS = 1_000_000
TARGET_S = 2.0
_FILES = 2
_ROOT = Path(__file__).resolve().parent.parent
_PHOTO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_TURN = pa.struct([(name, pa.string()) for name in ("user", "assistant", "source")])
_CAULDRON = pa.schema([("images", pa.list_(_PHOTO)), ("texts", pa.list_(_TURN))])
_SAID = pa.struct([("from", pa.string()), ("value", pa.string())])
_MAGPIE = pa.schema([("conversations", pa.list_(_SAID))])
_MAGPIE_ORG = "Magpie-Align"
# Of modality and category: (its share, its subsets, which have equal parts).
_TREE: dict[str, tuple[str, dict[str, tuple[str, list[str]]]]] = {
    "text": (
        "25%",
        {
            "general": ("60%", ["Magpie-Pro-300K-Filtered", "Magpie-Qwen2-Pro-300K-Filtered"]),
            "code": ("15%", ["Magpie-Qwen2.5-Coder-Pro-300K-v0.1"]),
            "math": ("25%", ["Magpie-Qwen2.5-Math-Pro-300K-v0.1"]),
        },
    ),
    "image": (
        "60%",
        {
            "document": ("50%", ["docvqa", "ocrvqa", "textvqa"]),
            "chart": ("30%", ["chartqa", "dvqa", "plotqa"]),
            "vqa": ("20%", ["vqav2", "visual7w"]),
        },
    ),
    "multi_image": ("15%", {"pairs": ("100%", ["nlvr2", "spot_the_diff"])}),
}


def write_recipe(path: Path) -> Path:
    parts = [
        {
            "name": modality,
            "modality": modality,
            "share": share,
            "components": [_category(modality, *item) for item in categories.items()],
        }
        for modality, (share, categories) in _TREE.items()
    ]
    about = {"name": "plan-scale", "description": "14 leaves on three levels", "unit": "tokens"}
    more = {"seed": 7, "merge": "same_media", "filters": {"roles": {}, "image_bounds": {}}}
    path.write_text(json.dumps({**about, **more, "components": parts}))  # YAML reads JSON
    return path


def _category(modality: str, name: str, found: tuple[str, list[str]]) -> dict[str, Any]:
    share, subsets = found
    source = "magpie" if modality == "text" else "the_cauldron"
    leaves = [
        {"name": s.lower(), "share": f"1/{len(subsets)}", "sources": [f"{source}/{s}"]}
        for s in subsets
    ]
    return {"name": name, "share": share, "components": leaves}


def write_mirror(mirror: Path) -> None:
    """Files of one row each, all different: a build knows a file by its name and its digest."""
    for modality, (_, categories) in _TREE.items():
        for subset in (name for _, names in categories.values() for name in names):
            for number in range(_FILES):
                if modality == "text":
                    said = [{"from": "human", "value": f"{subset} {number}"}]
                    path = mirror / _MAGPIE_ORG / subset / "data"
                    _write(path, number, "", [{"conversations": said}], _MAGPIE)
                else:
                    turn = {"user": subset, "assistant": str(number), "source": ""}
                    row = {"images": [], "texts": [turn]}
                    _write(mirror / CAULDRON_REPO / subset, number, f"-{0:016x}", [row], _CAULDRON)


def _write(
    folder: Path, number: int, upload: str, rows: Sequence[dict[str, Any]], schema: pa.Schema
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"train-{number:05d}-of-{_FILES:05d}{upload}.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


def fill(options: BuildOptions, rows: int) -> None:
    """Rows in all folders that a build with these options looks for."""
    job = open_job(options, Console(file=io.StringIO()))
    try:
        _, curate = find_work(job)
    finally:
        job.runner.close()
    places = defaultdict(list)
    for source in curate.curated:
        for place in _places(source):
            places[source.name, Path(place.rows_folder).parent.name].append(place)
    recipe = load_recipe(options.recipe)
    exclusions = Path(options.store) / "exclude.txt"
    exclusions.parent.mkdir(parents=True, exist_ok=True)
    fill_store(recipe, Amounts(rows), lambda source, subset, _: places[source, subset], exclusions)


def _places(source: CuratedSource) -> list[Place]:
    media = source.media or (None,) * len(source.rows)
    return [
        Place(file, folder, stored)
        for (folder, file), stored in zip(source.rows, media, strict=True)
    ]


def call(options: BuildOptions) -> tuple[float, dict[str, Any]]:
    """(seconds, what `mixture plan --json` said)."""
    assert options.mirror is not None, "the benchmark's own"
    mixture = str(Path(sys.executable).with_name("mixture"))
    command = [mixture, "plan", "--recipe", options.recipe]
    command += ["--mirror", options.mirror, "--store", options.store, "--out", options.out]
    started = time.perf_counter()
    found = subprocess.run(
        [*command, "--workers", str(NUM_WORKERS), "--json"],
        cwd=_ROOT,
        env=user_shell(),
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    if found.returncode:
        raise RuntimeError(f"mixture plan failed:\n{found.stderr[-3000:]}")
    return seconds, json.loads(found.stdout)


def main() -> None:
    with work_folder() as work:
        write_mirror(work / "mirror")
        options = BuildOptions(
            recipe=str(write_recipe(work / "recipe.yaml")),
            mirror=str(work / "mirror"),
            store=str(work / "store"),
            out=str(work / "out"),
            workers=NUM_WORKERS,
        )
        fill(options, ROWS)
        first, plan = call(options)
        assert plan["basis"] == "store", f"the plan is by {plan['basis']}: a folder was not found"
        again = [call(options)[0] for _ in range(NUM_RUNS)]
    title = f"mixture plan: {ROWS:,} rows in the store, at most {TARGET_S:.0f} s"
    print_table(title, ["first call, s", "later calls, s"], [[f"{first:.1f}", spread(again, 1)]])


if __name__ == "__main__":
    main()
