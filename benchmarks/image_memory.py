"""What the largest allowed images cost a process that reads and measures them; and a bomb.

    python -m benchmarks.image_memory        takes some two minutes

Noise of 64 megapixels (JPEG 2000: 32, the most that is taken of it) with an orientation that turns
it, in the mode of each format that needs most memory. Each is read as a media task reads it, with
all pixel filters for images, in a process of its own; `peak` is the highest that the kernel saw,
the image's bytes, Python and its libraries included. Then PNGs of 30,000 x 30,000: one with all of
its 900 megapixels, refused from its header. Fails above the limits.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

import filters
from benchmarks.measure import in_process, print_table, work_folder
from filters.pixels import PixelFilter
from manifests.images import ImageError
from pipelines.pixel_scores import read_image

LIMIT_BYTES = 1536 << 20
LIMIT_BOMB_MS = 50
_EDGE, _TILE, _TURN, _BOMB_EDGE = 8000, 500, 6, 30_000
# Name, format, mode, edge in pixels, options of Pillow.
CASES: tuple[tuple[str, str, str, int, dict[str, Any]], ...] = (
    ("PNG with alpha", "PNG", "RGBA", _EDGE, {"compress_level": 1}),
    ("PNG, clear palette", "PNG", "P", _EDGE, {"compress_level": 1, "transparency": 3}),
    ("PNG, 16 bits", "PNG", "I;16", _EDGE, {"compress_level": 1}),
    ("JPEG, progressive", "JPEG", "RGB", _EDGE, {"progressive": True, "subsampling": 0}),
    ("JPEG for print", "JPEG", "CMYK", _EDGE, {}),
    ("WebP with alpha", "WEBP", "RGBA", _EDGE, {"method": 0}),
    ("TIFF with alpha", "TIFF", "RGBA", _EDGE, {"compression": "tiff_lzw"}),
    ("AVIF with alpha", "AVIF", "RGBA", _EDGE, {"speed": 10}),
    ("JPEG 2000 with alpha", "JPEG2000", "RGBA", 5656, {}),
)


def _noise(mode: str, edge: int) -> Image.Image:
    gray = Image.effect_noise((_TILE, _TILE), 60)
    if mode == "I;16":
        tile = gray.convert("I").point(lambda level: level * 257).convert("I;16")
    elif mode == "P":
        tile = gray.convert("P")
    else:
        tile = Image.merge(mode, [gray.rotate(90 * n) for n in range(len(mode))])
    image = Image.new(mode, (edge, edge))
    if mode == "P":
        image.putpalette(tile.getpalette() or [])
    for top in range(0, edge, _TILE):
        for left in range(0, edge, _TILE):
            image.paste(tile, (left, top))
    return image


def _write(path: Path, number: int) -> None:
    _, format, mode, edge, options = CASES[number]
    exif = Image.Exif()
    exif[0x0112] = _TURN
    _noise(mode, edge).save(path, format, exif=exif, **options)


def _bomb() -> bytes:
    """A PNG that holds all that it claims, black."""
    state = zlib.compressobj(1)
    row = bytes(1 + 3 * _BOMB_EDGE)
    body = b"".join(state.compress(row * 100) for _ in range(_BOMB_EDGE // 100)) + state.flush()
    header = struct.pack(">IIBBBBB", _BOMB_EDGE, _BOMB_EDGE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunks((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


def _chunks(*parts: tuple[bytes, bytes]) -> Iterator[bytes]:
    for name, data in parts:
        yield struct.pack(">I", len(data)) + name + data
        yield struct.pack(">I", zlib.crc32(name + data))


def _names() -> list[str]:
    found = filters.discover().items()
    return [name for name, f in found if isinstance(f, PixelFilter) and f.on == "image"]


def _child(path: Path) -> dict[str, float]:
    names, data = _names(), path.read_bytes()
    started = time.process_time()
    _, _, scores = read_image(data, {"kind": "image", "upstream_bytes": len(data)}, names)
    assert scores and None not in scores
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"peak": peak, "size": len(data), "read_s": seconds}


def _bomb_ms(data: bytes) -> float:
    """CPU until it is refused: the longest of ten."""
    longest, names = 0.0, _names()
    Image.init()  # a process loads Pillow's decoders with its first image, whatever that is
    for _ in range(10):
        started = time.process_time()
        try:
            read_image(data, {"kind": "image", "upstream_bytes": len(data)}, names)
        except ImageError as error:
            assert error.reason == "image_too_many_pixels"
            longest = max(longest, (time.process_time() - started) * 1000)
        else:
            raise AssertionError("the bomb was taken")
    return longest


def main() -> int:
    rows, peaks = [], []
    with work_folder() as folder:
        for number, (name, _, mode, edge, _) in enumerate(CASES):
            path = folder / str(number)
            in_process("benchmarks.image_memory", "write", str(path), str(number))
            found = in_process("benchmarks.image_memory", "read", str(path))
            path.unlink()
            peaks.append(found["peak"])
            sizes = [f"{found[key] / 2**20:.0f}" for key in ("size", "peak")]
            rows.append([name, mode, f"{edge**2 / 1e6:.0f}", *sizes, f"{found['read_s']:.1f}"])
            print(*rows[-1], flush=True)
    columns = ("image", "mode", "megapixels", "file, MiB", "peak, MiB", "s of CPU")
    print_table(f"read and measured: at most {LIMIT_BYTES >> 20} MiB", columns, rows)
    bomb = _bomb()
    took = _bomb_ms(bomb)
    print(
        f"PNG of {_BOMB_EDGE:,} x {_BOMB_EDGE:,}, {len(bomb) / 1e6:.1f} MB: refused in "
        f"{took:.1f} ms of CPU (at most {LIMIT_BOMB_MS})"
    )
    return int(max(peaks) > LIMIT_BYTES or took > LIMIT_BOMB_MS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        _write(Path(sys.argv[2]), int(sys.argv[3]))
        print(json.dumps({}))
    elif sys.argv[1:2] == ["read"]:
        print(json.dumps(_child(Path(sys.argv[2]))))
    else:
        sys.exit(main())
