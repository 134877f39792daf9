"""What a model of copies adds to hashes: photos changed so that these do not find them.

    python -m benchmarks.image_models WEIGHTS.onnx [--photos 300] [--false 2000]

WEIGHTS are those that a recipe names in `near_duplicates.image.model`: SSCD, or any model of its
form. Photos are real ones (scikit-image's, perception's and gradio's, the same pixels once) and
made ones; what looks like a texture or a page is left out. Recall is the share of which the changed
copy has a vector, and a cosine of at least so much; beside it what `image_codes` find of the same
copies. A pair is false where it is of two real photos, or of two made ones without a common source;
made ones with a common source may show the same part of it and are counted by themselves.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageEnhance

from benchmarks.image_corpora import (
    captioned,
    encoded,
    made_of,
    made_photo,
    patched,
    photo_folder,
    real_files,
    real_folders,
)
from benchmarks.measure import print_table
from filters.models import Settings, Weights, sha256_of
from filters.pixels import read_color, read_pixels
from pipelines.image_embedding import MEASURE, SCORES, ImageEmbedding
from pipelines.near.image_codes import ImageCode, image_code
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_pairs import find_pairs
from pipelines.near.image_vectors import Halves, near_vectors, vectors_of

_LEAST = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
Edit = Callable[[Image.Image, Image.Image, random.Random], Image.Image]


def _cropped(image: Image.Image, part: float, draw: random.Random) -> Image.Image:
    width, height = (round(side * part) for side in image.size)
    x, y = draw.randint(0, image.width - width), draw.randint(0, image.height - height)
    return image.crop((x, y, x + width, y + height))


def _turned(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)


_EDITS: dict[str, Edit] = {
    "JPEG 40": lambda image, other, draw: image,
    "cut to 80 % of each side": lambda image, other, draw: _cropped(image, 0.8, draw),
    "cut to 60 %": lambda image, other, draw: _cropped(image, 0.6, draw),
    "turned by 15 degrees": lambda image, other, draw: _turned(image, 15),
    "turned by 90 degrees": lambda image, other, draw: _turned(image, 90),
    "captions": lambda image, other, draw: captioned(image, draw),
    "another photo over 30 %": lambda image, other, draw: patched(image, other, 0.55, draw),
    "colours and contrast": lambda image, other, draw: ImageEnhance.Contrast(
        ImageEnhance.Color(image).enhance(0.2)
    ).enhance(1.6),
}


def _model(path: Path) -> ImageEmbedding:
    MEASURE.check(path, None, ())
    weights = Weights(
        name=path.name,
        uri=str(path.parent.resolve()),
        files={path.name: sha256_of(path)},
        num_bytes=path.stat().st_size,
    )
    return MEASURE.bind(Settings(weights=str(path)), weights)


def _jpeg(image: Image.Image, quality: int = 90) -> bytes:
    return encoded(image.convert("RGB"), quality)


def _cosine(one: Halves, other: Halves) -> float:
    """Of two vectors whose length is 1."""
    return float(one.astype(np.float32) @ other.astype(np.float32))


def _vectors(model: ImageEmbedding, photos: Sequence[bytes]) -> tuple[Halves, list[int]]:
    """(vectors, whose they are) of those that are photos."""
    batch = pa.RecordBatch.from_pydict(
        {"kind": ["image"] * len(photos), "pictures": [[photo] for photo in photos]},
        pa.schema([("kind", pa.string()), ("pictures", pa.list_(pa.binary()))]),
    )
    table = pa.Table.from_batches([model.measure(batch)], SCORES)
    rows = np.flatnonzero(table["is_measured"].to_numpy(zero_copy_only=False)).tolist()
    return vectors_of(table.take(pa.array(rows, pa.int64()))), rows


def _by_codes(originals: Sequence[bytes], copies: Sequence[bytes]) -> int:
    one, other = (
        ImageColumns.of_codes([image_code(read_pixels(photo)) for photo in side])
        for side in (originals, copies)
    )
    pairs = [(p["left"], p["right"]) for p in find_pairs(one, other)]
    pairs += [(p["right"], p["left"]) for p in find_pairs(other, one)]
    return len({int(left) for left, right in pairs if left == right})


def _photos(files: Sequence[Path]) -> tuple[list[Path], list[Image.Image]]:
    """(files of different pixels, those of them that are photos as a viewer shows them)."""
    codes: dict[bytes, tuple[Path, ImageCode]] = {}
    for path in files:
        code = image_code(read_pixels(path.read_bytes()))
        codes.setdefault(code.pixels, (path, code))
    photos = [path for path, code in codes.values() if code.kind == "photo"]
    images = [read_color(path.read_bytes()) for path in photos]
    return [path for path, _ in codes.values()], images


def _recall_rows(model: ImageEmbedding, photos: Sequence[Image.Image]) -> list[list[str]]:
    originals = [_jpeg(photo) for photo in photos]
    first, places = _vectors(model, originals)
    at = {row: number for number, row in enumerate(places)}
    rows = []
    for name, edit in _EDITS.items():
        draw = random.Random(name)
        pairs = ((photos[n], photos[(n + 1) % len(photos)]) for n in places)
        copies = [
            _jpeg(
                edit(one.convert("RGB"), other.convert("RGB"), draw), 40 if "JPEG" in name else 85
            )
            for one, other in pairs
        ]
        second, seen = _vectors(model, copies)
        cosines = [_cosine(first[at[places[row]]], second[n]) for n, row in enumerate(seen)]
        found = [sum(cosine >= least for cosine in cosines) / len(places) for least in _LEAST]
        codes = _by_codes([originals[n] for n in places], copies) / len(places)
        rows.append([name, f"{codes:.2f}", *(f"{share:.2f}" for share in found)])
    return rows


def _pairs_row(name: str, cosines: Sequence[float], total: int) -> list[str]:
    counts = [str(sum(cosine >= least for cosine in cosines)) for least in _LEAST]
    return [name, f"{total:,}", *counts, f"{max(cosines, default=-1):.2f}"]


def _false_rows(
    model: ImageEmbedding, real: Sequence[Image.Image], sources: Sequence[Path], number: int
) -> tuple[list[list[str]], float]:
    """(rows, ms of CPU a photo)."""
    vectors, _ = _vectors(model, [_jpeg(image) for image in real])
    among = near_vectors(vectors, None, -1)["cosine"]
    made = [_jpeg(made_photo(sources, n)) for n in range(number)]
    started = time.process_time()
    vectors, rows = _vectors(model, made)
    spent_ms = 1000 * (time.process_time() - started) / number
    parts = [made_of(sources, n) for n in rows]
    kinds = Counter(parts)
    shared = sum(math.comb(count, 2) for count in kinds.values())
    shared += sum(kinds[a] * kinds[b] for a, b in combinations(kinds, 2) if a & b)
    sides: dict[bool, list[float]] = {False: [], True: []}
    for pair in near_vectors(vectors, None, 0.3):
        sides[bool(parts[pair["left"]] & parts[pair["right"]])].append(float(pair["cosine"]))
    total = math.comb(len(rows), 2)
    return [
        _pairs_row("real", among.tolist(), len(among)),
        _pairs_row("made, no common source", sides[False], total - shared),
        _pairs_row("made, a common source", sides[True], shared),
    ], spent_ms


def _report(model: ImageEmbedding, files: Sequence[Path], asked: argparse.Namespace) -> None:
    sources, real = _photos(files)
    made = [made_photo(sources, number) for number in range(asked.photos)]
    columns = ["copies", "codes", *(f"cosine {least}" for least in _LEAST)]
    for name, photos in (("real", real), ("made", made)):
        print_table(
            f"{len(photos)} {name} photos: share found", columns, _recall_rows(model, photos)
        )
    rows, spent_ms = _false_rows(model, real, sources, asked.false)
    title = f"pairs of different photos; {spent_ms:.0f} ms of CPU for codes and vector of one"
    print_table(title, ["photos", "pairs", *columns[2:], "most"], rows)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--false", type=int, default=2_000)
    asked = parser.parse_args(arguments)
    with photo_folder() as folder:
        _report(_model(asked.weights), real_files(real_folders(folder)), asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
