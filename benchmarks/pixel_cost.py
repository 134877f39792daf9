"""What image measures cost beside the decoding that feeds them: at most half as much again.

    python -m benchmarks.pixel_cost        takes half a minute

scikit-image's photos as JPEG of 640 x 480 and of 1600 x 1200. `decode` is Pillow decoding them in
full; `decode and measure` is what a media task does with an image where all pixel filters for
images are asked for: the same decode, its facts, and the scores of all filters. `eighth` is the
decode of JPEG at an eighth that a task without such filters makes to see whether an image is whole.
Seconds of CPU, each side's runs in turn; the benchmark fails above the target.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

import skimage.data
from PIL import Image

import filters
from benchmarks.measure import interleaved, print_table, spread
from filters.pixels import PixelFilter
from manifests.images import probe_image
from pipelines.pixel_scores import read_image

MAX_RATIO = 1.5
PHOTOS = ("astronaut", "camera", "cat", "chelsea", "coffee", "coins", "rocket", "brick")
SIZES = ((640, 480), (1600, 1200))
_QUALITY = 90
_NUM_RUNS = 5
_REPEATS = {SIZES[0]: 3, SIZES[1]: 1}


def photos(size: tuple[int, int]) -> list[bytes]:
    """The photos as JPEG of that size, grey ones too."""
    found = []
    for name in PHOTOS:
        image = Image.fromarray(getattr(skimage.data, name)())
        buffer = io.BytesIO()
        image.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=_QUALITY)
        found.append(buffer.getvalue())
    return found


def _decode(data: bytes) -> None:
    Image.open(io.BytesIO(data)).load()


def _measure(names: Sequence[str], data: bytes) -> None:
    read_image(data, {"kind": "image", "upstream_bytes": len(data)}, names)


def _milliseconds(run: Callable[[bytes], object], files: Sequence[bytes], repeats: int) -> float:
    """Of CPU for one of the files."""
    started = time.process_time()
    for _ in range(repeats):
        for data in files:
            run(data)
    return (time.process_time() - started) * 1000 / (repeats * len(files))


def main() -> int:
    seeing = [
        name
        for name, f in filters.discover().items()
        if isinstance(f, PixelFilter) and f.on == "image"
    ]
    ours = partial(_measure, seeing)
    sides: dict[str, Callable[[bytes], object]] = {
        "decode": _decode,
        "decode and measure": ours,
        "eighth": probe_image,
    }
    sides |= {f"with {name} alone": partial(_measure, [name]) for name in seeing}
    rows, ratios = [], []
    for size in SIZES:
        files, repeats = photos(size), _REPEATS[size]
        for run in sides.values():
            run(files[0])  # imports, fonts, tables: once in a process
        taken = interleaved(
            {side: partial(_milliseconds, run, files, repeats) for side, run in sides.items()},
            _NUM_RUNS,
        )
        for side, found in taken.items():
            ratio = [mine / plain for mine, plain in zip(found, taken["decode"], strict=True)]
            rows.append([f"{size[0]} x {size[1]}", side, spread(found, 2), spread(ratio, 2)])
            if side == "decode and measure":
                ratios.append(median(ratio))
    columns = ("photos", "side", "ms of CPU each", "by decode")
    print_table(f"{len(seeing)} image measures: {', '.join(seeing)}", columns, rows)
    worst = max(ratios)
    print(f"all measures with their decode: {worst:.2f} times the decode (at most {MAX_RATIO})")
    return int(worst > MAX_RATIO)


if __name__ == "__main__":
    sys.exit(main())
