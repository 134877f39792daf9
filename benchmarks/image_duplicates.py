"""Copies of images that are found, and others that are taken for copies.

    python -m benchmarks.image_duplicates [--made N] [--pages N] [--recall N] [--lookup N ...]

Recall: originals and one copy of each for every edit. False merges: among all real photos, made
ones and drawn pages, each compared with all of its corpus; the bound is the 95 % upper one of the
share of images that would be lost. `lookup` times the search alone, on random codes. Real photos:
scikit-image's, perception's and gradio's, and all below IMAGE_DUPLICATES_PHOTOS (folders, with a
colon between them). IMAGE_DUPLICATES_DATA keeps what was fetched.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image

from benchmarks.image_corpora import (
    EDITS,
    GRADIO,
    PERCEPTION,
    captioned,
    drawn_page,
    encoded,
    made_photo,
    patched,
    real_files,
)
from benchmarks.measure import print_table, work_folder
from benchmarks.packages import Absent, fetch
from filters.pixels import pixels_of, read_pixels
from pipelines.near.image_codes import ImageCode, image_code
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_hashes import WINDOWS
from pipelines.near.image_lookup import MAX_RADIUS, near_pairs
from pipelines.near.image_pairs import RULES, find_pairs

_MISS = 0.05
# Most images that may be lost, as a share.
_PHOTO_TARGET, _PAGE_TARGET = 1e-4, 5e-4


def upper_bound(num_found: int, num_all: int) -> float:
    """Share above which so few would be seen in 5 % of cases (Poisson, by bisection)."""
    low, high = 0.0, num_found * 3.0 + 20
    for _ in range(60):
        mean = (low + high) / 2
        term = chance = np.exp(-mean)
        for n in range(1, num_found + 1):
            term *= mean / n
            chance += term
        low, high = (mean, high) if chance > _MISS else (low, mean)
    return high / num_all


def _unordered(columns: ImageColumns) -> dict[tuple[int, int], int]:
    """The rule of each pair of two rows, found either way round."""
    found: dict[tuple[int, int], int] = {}
    for pair in find_pairs(columns, columns):
        left, right = int(pair["left"]), int(pair["right"])
        if left != right:
            key = (min(left, right), max(left, right))
            found[key] = min(int(pair["rule"]), found.get(key, len(RULES)))
    return found


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


def false_row(title: str, codes: Sequence[ImageCode], target: float) -> tuple[list[str], list[str]]:
    """A row of the table, and a line for each pair."""
    found = _unordered(ImageColumns.of_codes(codes))
    lost = len({max(pair) for pair in found})
    num = len(codes)
    kinds = Counter(code.kind for code in codes)
    row = [
        *(title, f"{num:,}", ", ".join(f"{kind} {n:,}" for kind, n in kinds.items())),
        *(f"{num * (num - 1) // 2:,}", str(len(found)), f"{lost / num:.1e}"),
        *(f"{upper_bound(lost, num):.1e}", f"{target:.0e}"),
    ]
    return row, [f"{title}: {a} and {b} ({RULES[rule]})" for (a, b), rule in found.items()]


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


def lookup_rows(sizes: Sequence[int]) -> list[list[str]]:
    """Seconds of the search for so many images, each with its windows, against as many queries."""
    rows = []
    for num in sizes:
        draw = np.random.default_rng(num)
        index = draw.integers(0, 1 << 64, num * len(WINDOWS), np.uint64)
        queries = draw.integers(0, 1 << 64, num, np.uint64)
        queries[::10] = index[:: len(WINDOWS)][::10] ^ np.uint64(0b11011 << 20)
        started = time.process_time()
        found = sum(len(left) for left, _, _ in near_pairs(index, queries, MAX_RADIUS))
        seconds = time.process_time() - started
        rows.append([f"{num:,}", f"{found:,}", f"{seconds:.1f}", f"{seconds / num * 1e6:.0f}"])
    return rows


def _packages(folder: Path) -> list[Path]:
    found = [
        Path(name) for name in os.environ.get("IMAGE_DUPLICATES_PHOTOS", "").split(":") if name
    ]
    for package, below in ((PERCEPTION, "perception/testing/images"), (GRADIO, "gradio")):
        try:
            found.append(fetch(package, folder) / below)
        except Absent as error:
            print(f"{package.name}: {error}")
    return found


# Heads of the five tables.
_FOUND = ("originals", "edit", "asked", "found: photo", "found: plain", "other pairs")
_FALSE = ("corpus", "images", "kinds", "pairs", "found", "lost", "95 % bound", "asked")
_CHANGED = ("photos with", "taken for copies")
_COST = ("run", "all codes", "imagehash.phash", "8 of those")
_LOOKUP = ("images", "found", "CPU s", "us an image")


def _report(asked: argparse.Namespace, files: Sequence[Path]) -> None:
    sources = [file for file in files if "gradio" not in file.parts]
    made = [made_photo(sources, number) for number in range(asked.recall)]
    real = [Image.open(file).convert("RGB") for file in files]
    rows = recall_rows("made photos", made)
    rows += recall_rows("real photos", real)
    rows += recall_rows("drawn pages", [drawn_page(n) for n in range(asked.recall // 2)])
    print_table("copies that are found", _FOUND, rows)
    drawn = (made_photo(sources, number) for number in range(asked.made))
    pages = (drawn_page(number) for number in range(asked.pages))
    falses = [
        false_row("real photos", _codes(real), _PHOTO_TARGET),
        false_row("made photos", _codes(drawn), _PHOTO_TARGET),
        false_row("drawn pages", _codes(pages), _PAGE_TARGET),
    ]
    print_table("pairs in each corpus", _FALSE, [row for row, _ in falses])
    for _, lines in falses:
        print("\n".join(lines[:20]))
    print("; ".join(f"{n} {file.name}" for n, file in enumerate(files)))
    print_table("photos that are nearly the same", _CHANGED, changed_rows(made[:200]))
    print_table("ms of CPU an image", _COST, cost_rows(made[:100]))
    print_table("lookup of random hashes", _LOOKUP, lookup_rows(asked.lookup))


def _codes(images: Iterable[Image.Image]) -> list[ImageCode]:
    return [image_code(pixels_of(image)) for image in images]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--made", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=5_000)
    parser.add_argument("--recall", type=int, default=400)
    parser.add_argument("--lookup", type=int, nargs="*", default=[50_000, 200_000])
    asked = parser.parse_args(arguments)
    kept = os.environ.get("IMAGE_DUPLICATES_DATA")
    with contextlib.nullcontext(Path(kept)) if kept else work_folder() as folder:
        _report(asked, real_files(_packages(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
