"""Copies of images that are found, by kind of edit; what finding them costs.

    python -m benchmarks.image_duplicates [--recall N] [--lookup N ...]

Recall: originals and one copy of each for every edit; how many photos with another caption, or one
thing in them, are taken for the same. `lookup` times the search alone, on so
many blocks of random codes, with two processes.
`image_false_merges` counts different images taken for one, `image_peers` holds all against peers.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations_with_replacement
from multiprocessing import get_context
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.image_corpora import (
    EDITS,
    captioned,
    drawn_page,
    encoded,
    made_photo,
    patched,
    photo_folder,
    real_files,
    real_folders,
)
from benchmarks.measure import NUM_WORKERS, print_table
from filters.pixels import pixels_of, read_pixels
from pipelines.near.image_boxes import box_pairs
from pipelines.near.image_codes import image_code
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_hashes import WINDOWS
from pipelines.near.image_lookup import MAX_RADIUS, near_pairs
from pipelines.near.image_pairs import find_pairs
from pipelines.near.image_tiles import NUM_SUMS, SUM_TOLERANCE
from pipelines.near_compare import BLOCK_NODES


def recall_rows(title: str, images: Sequence[Image.Image]) -> list[list[str]]:
    """Of each edit: share found, by kind of the original; and pairs of two different originals."""
    codes = [image_code(pixels_of(image)) for image in images]
    originals = ImageColumns.of_codes(codes)
    rows = []
    for name, (target, edit) in EDITS.items():
        draw = random.Random(name)
        copies = ImageColumns.of_codes(
            [image_code(read_pixels(edit(image, draw))) for image in images]
        )
        both = [find_pairs(originals, copies), find_pairs(copies, originals)]
        pairs = {(int(p["left"]), int(p["right"])) for p in both[0]}
        pairs |= {(int(p["right"]), int(p["left"])) for p in both[1]}
        others = sum(left != right for left, right in pairs)
        cells = []
        for kind in ("photo", "plain"):
            chosen = [n for n, code in enumerate(codes) if code.kind == kind]
            hits = sum((n, n) in pairs for n in chosen)
            cells.append(f"{hits}/{len(chosen)} {hits / max(len(chosen), 1):.4f}")
        rows.append([title, name, f"{target}", *cells, str(others)])
    return rows


def changed_rows(images: Sequence[Image.Image]) -> list[list[str]]:
    """How many photos are taken for the same one with another caption, or one thing in it."""
    draw = random.Random("changed")
    others = [*images[1:], images[0]]
    pairs: dict[str, list[tuple[Image.Image, Image.Image]]] = {
        "other captions": [(captioned(one, draw), captioned(one, draw)) for one in images]
    }
    for part in (0.2, 0.12, 0.08):
        pairs[f"a patch of {part:.0%} of each side"] = [
            (one, patched(one, other, part, draw))
            for one, other in zip(images, others, strict=True)
        ]
    rows = []
    for name, both in pairs.items():
        left, right = (
            ImageColumns.of_codes([image_code(read_pixels(encoded(image, 90))) for image in side])
            for side in zip(*both, strict=True)
        )
        taken = sum(int(p["left"]) == int(p["right"]) for p in find_pairs(left, right))
        rows.append([name, f"{taken} of {len(images)}"])
    return rows


def cost_rows(images: Sequence[Image.Image]) -> list[list[str]]:
    """Milliseconds of CPU an image, decoded before: our codes, and imagehash's one hash."""
    grays = [image.convert("L") for image in images]

    def taken(sides: Iterable[object]) -> float:
        started = time.process_time()
        for _ in sides:
            pass
        return (time.process_time() - started) * 1000 / len(grays)

    rows = []
    for run in range(3):
        ours = taken(image_code(pixels_of(gray)) for gray in grays)
        theirs = taken(imagehash.phash(gray) for gray in grays)
        rows.append([str(run + 1), f"{ours:.2f}", f"{theirs:.2f}", f"{theirs * 8:.2f}"])
    return rows


def _block(number: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int16]]:
    """Random hashes of all windows, and tile sums, of one block of images."""
    draw = np.random.default_rng(number)
    hashes = draw.integers(0, 1 << 64, BLOCK_NODES * len(WINDOWS), np.uint64)
    return hashes, draw.normal(0, 36, (BLOCK_NODES, NUM_SUMS)).astype(np.int16)


def _compared(pair: tuple[int, int]) -> int:
    """Candidates of two blocks, both ways, or of one with itself: those that chance makes."""
    one, other = (_block(number) for number in pair)
    ways = [(one, other), (other, one)] if pair[0] != pair[1] else [(one, one)]
    found = 0
    for (index, tiles), (queries, sought) in ways:
        whole = queries[:: len(WINDOWS)]
        found += sum(len(left) for left, _, _ in near_pairs(index, whole, MAX_RADIUS))
        found += sum(len(left) for left, _ in box_pairs(tiles, sought, SUM_TOLERANCE))
    return found


def lookup_rows(blocks: Sequence[int]) -> list[list[str]]:
    """Seconds of the search alone for so many blocks of images, as a build's tasks make it."""
    rows = []
    for num in blocks:
        pairs = list(combinations_with_replacement(range(num), 2))
        started = time.perf_counter()
        with ProcessPoolExecutor(NUM_WORKERS, mp_context=get_context("spawn")) as pool:
            found = sum(pool.map(_compared, pairs))
        seconds = time.perf_counter() - started
        images = num * BLOCK_NODES
        rows.append(
            [f"{images:,}", f"{found:,}", f"{seconds:.0f}", f"{seconds / images * 1e6:.0f}"]
        )
    return rows


# Heads of the four tables.
_FOUND = ("originals", "edit", "asked", "found: photo", "found: plain", "other pairs")
_CHANGED = ("photos with", "taken for copies")
_COST = ("run", "all codes", "imagehash.phash", "8 of those")
_LOOKUP = ("images", "by chance", "s", "us an image")


def _report(asked: argparse.Namespace, files: Sequence[Path]) -> None:
    sources = [file for file in files if "gradio" not in file.parts]
    made = [made_photo(sources, number) for number in range(asked.recall)]
    real = [Image.open(file).convert("RGB") for file in files]
    rows = recall_rows("made photos", made)
    rows += recall_rows("real photos", real)
    rows += recall_rows("drawn pages", [drawn_page(n) for n in range(asked.recall // 2)])
    print_table("copies that are found", _FOUND, rows)
    print_table("photos that are nearly the same", _CHANGED, changed_rows(made[:200]))
    print_table("ms of CPU an image", _COST, cost_rows(made[:100]))
    print_table("lookup of random codes, two processes", _LOOKUP, lookup_rows(asked.lookup))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recall", type=int, default=400)
    parser.add_argument("--lookup", type=int, nargs="*", default=[1, 2, 4])
    asked = parser.parse_args(arguments)
    with photo_folder() as folder:
        _report(asked, real_files(real_folders(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
