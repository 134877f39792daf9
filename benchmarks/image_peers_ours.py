"""Our side of `image_peers`: which images of a folder stay, by the near duplicates among them.

    python -m benchmarks.image_peers_ours all|decode IMAGES OUT

What a build does of it, and no more: two processes decode each file to its end and make its codes
(`image_codes`, as curate does), pairs are found in one (a build's task takes 262,144 images), and
copies walked in their order of preference, all of one priority. A whole build, which also copies
what it keeps, is in `image_filters`. With `decode` the two processes decode the files alone, and
all stay. OUT becomes a JSON list of the numbers that stay; printed are the seconds of the parts.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.measure import NUM_WORKERS
from filters.pixels import read_pixels
from mixtures.likeness import NearDuplicates, NearImage
from pipelines.near.image_codes import SCHEMA, image_codes_of
from pipelines.near_classes import media_classes_of
from pipelines.near_compare import first_pairs
from pipelines.near_sorts import wanted_sorts

_AT_ONCE = 100


def _codes(files: list[Path]) -> pa.Table:
    rows = [image_codes_of(file.read_bytes()).row() for file in files]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _decode(files: list[Path]) -> None:
    for file in files:
        read_pixels(file.read_bytes())


def _kept(files: list[Path], table: pa.Table) -> list[int]:
    (sort,) = wanted_sorts(NearDuplicates(image=NearImage()))
    numbers = [int(file.stem) for file in files]
    # Ids by which copies that are equal in all else are preferred: those of the order of files.
    digests = [number.to_bytes(4, "big") for number in numbers]
    nodes = pc.cast(table["pixels_code"], pa.binary())
    columns = pl.DataFrame(
        {
            "digest": digests,
            "node": nodes.to_pylist(),
            "priority": [0] * len(files),
            "pixels": pc.multiply(table["width_px"], table["height_px"]).to_numpy(),
            "duration_ms": [0] * len(files),
        }
    )
    firsts = columns.with_row_index("row").unique("node", keep="first", maintain_order=True)["row"]
    distinct = table.append_column("node", nodes).take(firsts.to_arrow())
    pairs = first_pairs([sort.pairs(distinct, None)])
    classes = media_classes_of(columns, pl.DataFrame(pl.from_arrow(pairs)))
    gone = set(classes["digest"].to_list())
    return [number for number, digest in zip(numbers, digests, strict=True) if digest not in gone]


def main(part: str, images: Path, out: Path) -> None:
    files = sorted(images.iterdir(), key=lambda path: path.stem)
    parts = [files[start : start + _AT_ONCE] for start in range(0, len(files), _AT_ONCE)]
    started = time.perf_counter()
    with ProcessPoolExecutor(NUM_WORKERS, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_codes if part == "all" else _decode, parts))
    read = time.perf_counter()
    tables = [table for table in found if table is not None]
    kept = _kept(files, pa.concat_tables(tables)) if tables else [int(f.stem) for f in files]
    out.write_text(json.dumps(kept))
    print(json.dumps({"read_s": read - started, "pairs_s": time.perf_counter() - read}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
