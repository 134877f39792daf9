"""Folders of images for `image_peers`: originals and their copies, or originals alone, as files.

    FOLDER/images/000000.jpg ...   in the order in which a side may prefer them
    FOLDER/pairs.json              [[number of an original, of its copy, name of the edit], ...]

All sides read the same files. An original stands before its copy. Originals are JPEG 95, which no
edit is.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from benchmarks.image_corpora import EDITS, drawn_page, encoded, made_photo
from benchmarks.measure import NUM_WORKERS
from filters.pixels import read_color

_QUALITY = 95
_AT_ONCE = 50
# What of edits leaves a page or chart the same; those that are cut or mirrored are not sought.
PAGE_EDITS = ("JPEG 90", "JPEG 60", "JPEG 40", "WebP 75", "half size")

Make = Callable[[int], Image.Image]


@dataclass(frozen=True)
class Corpus:
    """What its files are made of: the first `num_pairs` originals have a copy each, by the edits
    in turn, then others follow without."""

    make: Make
    num_pairs: int
    num_alone: int
    edits: tuple[str, ...]

    @property
    def num_images(self) -> int:
        return 2 * self.num_pairs + self.num_alone


def _photo(real: Sequence[Path], sources: Sequence[Path], number: int) -> Image.Image:
    """Each real photo once, then made ones."""
    if number < len(real):
        return read_color(real[number].read_bytes())
    return made_photo(sources, number)


def photos(real: Sequence[Path], sources: Sequence[Path], num_pairs: int, num_alone: int) -> Corpus:
    return Corpus(partial(_photo, real, sources), num_pairs, num_alone, tuple(EDITS))


def pages(num_pairs: int, num_alone: int) -> Corpus:
    return Corpus(drawn_page, num_pairs, num_alone, PAGE_EDITS)


def _write_one(corpus: Corpus, folder: Path, number: int) -> None:
    image = corpus.make(number)
    has_copy = number < corpus.num_pairs
    place = 2 * number if has_copy else number + corpus.num_pairs
    (folder / f"{place:06d}.jpg").write_bytes(encoded(image, _QUALITY))
    if has_copy:
        edit = corpus.edits[number % len(corpus.edits)]
        copy = EDITS[edit][1](image, random.Random(f"{edit}-{number}"))
        form = "webp" if edit.startswith("WebP") else "jpg"
        (folder / f"{place + 1:06d}.{form}").write_bytes(copy)


def write(corpus: Corpus, folder: Path) -> None:
    """The folder, complete; two processes make its images, some 100 a second."""
    images = folder / "images"
    images.mkdir(parents=True)
    num_originals = corpus.num_pairs + corpus.num_alone
    with ProcessPoolExecutor(NUM_WORKERS, mp_context=get_context("spawn")) as pool:
        done = pool.map(
            partial(_write_one, corpus, images), range(num_originals), chunksize=_AT_ONCE
        )
        assert sum(1 for _ in done) == num_originals
    edits = corpus.edits
    pairs = [(2 * n, 2 * n + 1, edits[n % len(edits)]) for n in range(corpus.num_pairs)]
    (folder / "pairs.json").write_text(json.dumps(pairs))


def read_pairs(folder: Path) -> list[tuple[int, int, str]]:
    return [
        (one, other, edit) for one, other, edit in json.loads((folder / "pairs.json").read_text())
    ]
