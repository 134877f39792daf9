"""Different images that are taken for one: real photos, made photos, drawn pages and charts.

    python -m benchmarks.image_false_merges [--made N] [--pages N] [--sheets DIR]

Each corpus is compared with itself. `same` are pairs that count as one picture, by which rows are
merged; `like` those whose rows go only where their texts are alike as well. `lost` is the share of
images that have such a pair with one before them, the bound its 95 % upper one. --sheets draws the
pairs, the two images beside each other, for people to look at. Two processes make the codes; 30,000
made photos and 6,000 pages take some ten minutes. Real photos are those of `image_corpora`, and
all below IMAGE_DUPLICATES_PHOTOS.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.image_corpora import drawn_page, made_photo, photo_folder, real_files, real_folders
from benchmarks.measure import NUM_WORKERS, print_table
from filters.pixels import pixels_of, read_color
from pipelines.near.image_codes import ImageCode, image_code
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_pairs import RULES, find_pairs
from pipelines.samples.charts import font

_MISS = 0.05
# Most images that may be lost, as a share.
_PHOTO_TARGET, _PAGE_TARGET = 1e-4, 5e-4
_SHOWN = 40
_CELL_PX, _LABEL_PX = 320, 32
_AT_ONCE = 100

Make = Callable[[int], Image.Image]


@dataclass(frozen=True)
class Found:
    """Two rows of one corpus, `one` the lesser, that count as one picture (`same`) or as alike."""

    one: int
    other: int
    rule: str
    same: bool

    def __str__(self) -> str:
        return f"{self.one} and {self.other}: {self.rule}, {'same' if self.same else 'like'}"


def upper_bound(num_found: int, num_all: int) -> float:
    """Share above which so few would be seen in 5 % of cases (Poisson, by bisection)."""
    numbers = np.arange(num_found + 1)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(numbers[1:]))])
    low, high = 0.0, num_found * 3.0 + 20
    for _ in range(60):
        mean = (low + high) / 2
        chance = np.exp(numbers * np.log(mean) - mean - factorials).sum()
        low, high = (mean, high) if chance > _MISS else (low, mean)
    return high / num_all


def found_pairs(columns: ImageColumns) -> list[Found]:
    """Each two rows once, found either way round; the same picture if either way says so."""
    found: dict[tuple[int, int], Found] = {}
    pairs = find_pairs(columns, columns)
    for pair in pairs[pairs["left"] != pairs["right"]]:
        one, other = sorted((int(pair["left"]), int(pair["right"])))
        before = found.get((one, other))
        if before is None or (pair["same"] and not before.same):
            found[one, other] = Found(one, other, RULES[pair["rule"]], bool(pair["same"]))
    return [found[key] for key in sorted(found)]


def false_rows(
    title: str, codes: Sequence[ImageCode], found: Sequence[Found], target: float
) -> list[list[str]]:
    """Two rows of the table: of pairs that are the same, and of those that are only alike."""
    num = len(codes)
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in Counter(c.kind for c in codes).items())
    rows = []
    for name, is_same in (("same", True), ("like", False)):
        mine = [pair for pair in found if pair.same == is_same]
        lost = len({pair.other for pair in mine})
        shares = (f"{lost / num:.1e}", f"{upper_bound(lost, num):.1e}", f"{target:.0e}")
        rows.append([title, f"{num:,}", kinds, name, str(len(mine)), *shares])
    return rows


def _opened(files: Sequence[Path], number: int) -> Image.Image:
    return read_color(files[number].read_bytes())


def _code(make: Make, number: int) -> ImageCode:
    return image_code(pixels_of(make(number)))


def _codes(make: Make, num: int) -> list[ImageCode]:
    with ProcessPoolExecutor(NUM_WORKERS, mp_context=get_context("spawn")) as pool:
        return list(pool.map(partial(_code, make), range(num), chunksize=_AT_ONCE))


def _cell(image: Image.Image) -> Image.Image:
    small = image.convert("RGB")
    small.thumbnail((_CELL_PX, _CELL_PX))
    return small


def write_sheet(path: Path, make: Make, found: Sequence[Found]) -> None:
    """A PNG with a line a pair."""
    height = _CELL_PX + _LABEL_PX
    sheet = Image.new("RGB", (2 * _CELL_PX, height * len(found)), "white")
    pen = ImageDraw.Draw(sheet)
    for line, pair in enumerate(found):
        pen.text((4, line * height), str(pair), "black", font(12))
        for column, number in enumerate((pair.one, pair.other)):
            sheet.paste(_cell(make(number)), (column * _CELL_PX, line * height + _LABEL_PX))
    sheet.save(path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--made", type=int, default=30_000)
    parser.add_argument("--pages", type=int, default=6_000)
    parser.add_argument("--sheets", type=Path)
    asked = parser.parse_args(arguments)
    with photo_folder() as folder:
        files = real_files(real_folders(folder))
        sources = [file for file in files if "gradio" not in file.parts]
        corpora: list[tuple[str, Make, int, float]] = [
            ("real photos", partial(_opened, files), len(files), _PHOTO_TARGET),
            ("made photos", partial(made_photo, sources), asked.made, _PHOTO_TARGET),
            ("drawn pages", drawn_page, asked.pages, _PAGE_TARGET),
        ]
        rows = []
        for title, make, num, target in corpora:
            codes = _codes(make, num)
            found = found_pairs(ImageColumns.of_codes(codes))
            rows += false_rows(title, codes, found, target)
            print("\n".join(f"{title}: {pair}" for pair in found[:_SHOWN]), flush=True)
            if asked.sheets and found:
                asked.sheets.mkdir(parents=True, exist_ok=True)
                write_sheet(asked.sheets / f"{title.replace(' ', '-')}.png", make, found[:_SHOWN])
        print("; ".join(f"{n} {file.name}" for n, file in enumerate(files)))
    heads = ("corpus", "images", "kinds", "counts as", "pairs", "lost", "95 % bound", "asked")
    print_table("different images taken for one", heads, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
