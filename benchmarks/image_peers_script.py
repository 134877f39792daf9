"""The peers of image_peers: which images of a folder each of them keeps.

    PYTHON benchmarks/image_peers_script.py SIDE IMAGES OUT

PYTHON is the peer's own environment, in which nothing of smolmix is installed. OUT becomes a JSON
list of the numbers of files that stay. Every side has two processes (Daft: its threads) and, but
for imagededup's distance, its defaults.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

_NUM_PROC = 2


def _files(images: Path) -> list[Path]:
    return sorted(images.iterdir(), key=lambda path: path.stem)


def _data_juicer(executor: str, images: Path, out: Path) -> list[int]:
    """Equal perceptual hashes, by `datasets` with two processes; on Ray by an actor of hashes."""
    modules = {
        "default": ("data_juicer.core", "DefaultExecutor", "image_deduplicator"),
        "ray": (
            "data_juicer.core.executor.ray_executor",
            "RayExecutor",
            "ray_image_deduplicator",
        ),
    }
    module, name, operator = modules[executor]
    rows, kept = out.with_name("rows.jsonl"), out.with_name("left.jsonl")
    with rows.open("w") as file:
        for path in _files(images):
            row = {"images": [str(path)], "text": "<__dj__image>", "number": int(path.stem)}
            file.write(json.dumps(row) + "\n")
    config = out.with_suffix(".yaml")
    asked = {
        "dataset_path": str(rows),
        "export_path": str(kept),
        "np": _NUM_PROC,
        "process": [{operator: {"method": "phash"}}],
        "work_dir": str(out.parent),
        "executor_type": executor,
        "ray_address": "local",
    }
    # YAML reads JSON.
    config.write_text(json.dumps(asked))
    configured = import_module("data_juicer.config").init_configs(["--config", str(config)])
    getattr(import_module(module), name)(configured).run()
    # On Ray it is a folder of parts.
    files = sorted(kept.iterdir()) if kept.is_dir() else [kept]
    return [json.loads(line)["number"] for file in files for line in file.open()]


def _imagededup(distance: int, images: Path, out: Path) -> list[int]:
    method: Any = import_module("imagededup.methods").PHash(verbose=False)
    gone = set(
        method.find_duplicates_to_remove(
            image_dir=str(images),
            max_distance_threshold=distance,
            num_enc_workers=_NUM_PROC,
            num_dist_workers=_NUM_PROC,
        )
    )
    return [int(path.stem) for path in _files(images) if path.name not in gone]


def _daft(images: Path, out: Path) -> list[int]:
    """A join of equal perceptual hashes with the first number of each."""
    daft: Any = import_module("daft")
    functions: Any = import_module("daft.functions")
    daft.set_runner_native(_NUM_PROC)
    files = _files(images)
    rows = daft.from_pydict(
        {"path": [str(path) for path in files], "number": [int(path.stem) for path in files]}
    )
    image = functions.decode_image(functions.download(daft.col("path")))
    hashed = rows.select(
        daft.col("number"), functions.image_hash(image, method="phash").alias("hash")
    ).collect()
    firsts = hashed.groupby("hash").agg(daft.col("number").min().alias("first"))
    joined = hashed.join(firsts, on="hash").where(daft.col("number") == daft.col("first"))
    found: list[int] = joined.select("number").to_pydict()["number"]
    return found


_SIDES: Mapping[str, Callable[[Path, Path], list[int]]] = {
    "data-juicer": partial(_data_juicer, "default"),
    "data-juicer-ray": partial(_data_juicer, "ray"),
    "imagededup-10": partial(_imagededup, 10),
    "imagededup-8": partial(_imagededup, 8),
    "daft": _daft,
}


def main(side: str, images: Path, out: Path) -> None:
    kept = _SIDES[side](images, out)
    out.write_text(json.dumps(sorted(kept)))
    # Data-Juicer has put its log in place of sys.stdout.
    print(json.dumps({"rows": len(kept)}), file=sys.__stdout__)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
