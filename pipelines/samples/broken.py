"""Media and texts with the defects that real downloads have; no noise, only real ways to break."""

from __future__ import annotations

import struct
import zlib
from random import Random

from PIL import Image, ImageDraw, ImageOps

from pipelines.samples.charts import INK, font
from pipelines.samples.clips import encode_tone
from pipelines.samples.stock import jpeg, png

# What a server sends where a file should be.
WEB_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head>\n"
    b"<body><h1>Forbidden</h1><p>The link to this file has expired.</p></body></html>\n"
)
BOILERPLATE = (
    "The image shows an interesting scene with various elements that can be described in many ways."
)
REFUSAL = (
    "I'm sorry, but as an AI language model I am not able to help with this request. If there is "
    "anything else that I can do for you, please let me know."
)
_BOMB_SIDE_PX = 30_000


def truncated(data: bytes) -> bytes:
    """A download that stopped after three fifths."""
    return data[: len(data) * 3 // 5]


def image_bomb() -> bytes:
    """A PNG of a few hundred bytes that claims 900 megapixels."""
    header = struct.pack(">2L5B", _BOMB_SIDE_PX, _BOMB_SIDE_PX, 8, 2, 0, 0, 0)
    row = bytes(1 + 3 * _BOMB_SIDE_PX)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(row))
    ) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def tiny_image() -> bytes:
    """An 8 pixel icon."""
    image = Image.new("RGB", (8, 8), "white")
    ImageDraw.Draw(image).ellipse((1, 1, 6, 6), "red")
    return png(image)


def banner_image(text: str) -> bytes:
    """640 by 32 pixels: twenty times as wide as high."""
    image = Image.new("RGB", (640, 32), (236, 240, 245))
    ImageDraw.Draw(image).text((320, 16), text, INK, font(9), anchor="mm")
    return png(image)


def recompressed(image: Image.Image) -> bytes:
    """The picture as another site serves it: a little smaller, with a lower quality."""
    width, height = image.size
    small = image.convert("RGB").resize(
        (width * 9 // 10, height * 9 // 10), Image.Resampling.BICUBIC
    )
    return jpeg(small, 60)


def trimmed(image: Image.Image) -> bytes:
    """The picture without two percent at each edge."""
    return jpeg(ImageOps.crop(image.convert("RGB"), round(min(image.size) * 0.02)), 80)


def without_index(mp4: bytes) -> bytes:
    """A clip whose download stopped before the index at its end."""
    return mp4[: mp4.rindex(b"moov") - 4 - 64]


def without_picture() -> bytes:
    """An MP4 of one quiet second without any picture."""
    return encode_tone(1.0)


def long_answer(rng: Random, num_chars: int) -> str:
    """A log of readings, longer than any turn may be."""
    lines = ["Here is the complete log."]
    total = 0
    while total < num_chars:
        hour, minute = divmod(len(lines) * 7 % 1440, 60)
        place = rng.choice(["the weir", "the mill", "the north gate", "the old bridge"])
        lines.append(f"{hour:02d}:{minute:02d} at {place}: {rng.randint(40, 990)} litres a second.")
        total += len(lines[-1]) + 1
    return "\n".join(lines)
