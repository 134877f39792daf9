"""What a model of copies adds to hashes: photos changed so that these do not find them.

    python -m benchmarks.image_models WEIGHTS.onnx [--photos 300] [--false 2000]

WEIGHTS are those that a recipe names in `near_duplicates.image.model`: SSCD, or any model of its
form. Recall is the share of made photos of which the changed copy has a cosine of at least so much;
false pairs are among as many made photos and all real ones that scikit-image has, which are
different by construction. Beside it what `image_codes` find of the same copies.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageEnhance

from benchmarks.image_corpora import captioned, encoded, made_photo, patched, real_files
from benchmarks.measure import print_table
from filters._vectors import Floats
from filters.models import Settings, Weights, sha256_of
from filters.pixels import read_pixels
from pipelines.image_embedding import MEASURE, SCORES, ImageEmbedding
from pipelines.near.image_codes import image_code
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_pairs import find_pairs
from pipelines.near.image_vectors import near_vectors, vectors_of

_LEAST = (0.6, 0.7, 0.75, 0.8, 0.9)
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


def _vectors(model: ImageEmbedding, photos: Sequence[bytes]) -> tuple[Floats, list[int]]:
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


def _recall_rows(model: ImageEmbedding, photos: Sequence[Image.Image]) -> list[list[str]]:
    originals = [_jpeg(photo) for photo in photos]
    first, places = _vectors(model, originals)
    at = {row: number for number, row in enumerate(places)}
    rows = []
    for name, edit in _EDITS.items():
        draw = random.Random(name)
        others = [*photos[1:], photos[0]]
        made = [edit(*pair, draw) for pair in zip(photos, others, strict=True)]
        copies = [_jpeg(image, 40 if name == "JPEG 40" else 85) for image in made]
        second, seen = _vectors(model, copies)
        cosines = [float(first[at[row]] @ second[n]) for n, row in enumerate(seen) if row in at]
        found = [sum(cosine >= least for cosine in cosines) / len(photos) for least in _LEAST]
        codes = _by_codes(originals, copies) / len(photos)
        rows.append([name, f"{codes:.2f}", *(f"{share:.2f}" for share in found)])
    return rows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--false", type=int, default=2_000)
    asked = parser.parse_args(arguments)
    model, sources = _model(asked.weights), real_files([])
    photos = [made_photo(sources, number) for number in range(asked.photos)]
    columns = ["copies", "codes", *(f"cosine {least}" for least in _LEAST)]
    print_table(f"{asked.photos} photos: share found", columns, _recall_rows(model, photos))
    many = [_jpeg(made_photo(sources, number)) for number in range(asked.false)]
    many += [_jpeg(Image.open(io.BytesIO(path.read_bytes()))) for path in sources]
    started = time.process_time()
    vectors, _ = _vectors(model, many)
    spent = (time.process_time() - started) / len(many)
    pairs = near_vectors(vectors, None, min(_LEAST))
    counts = [str(int((pairs["cosine"] >= least).sum())) for least in _LEAST]
    title = f"false pairs among {len(vectors):,} photos; {1000 * spent:.0f} ms of CPU each"
    print_table(title, columns[2:], [counts])
    return 0


if __name__ == "__main__":
    sys.exit(main())
