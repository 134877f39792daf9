"""What an image is, or why it cannot be used: weird and broken files, and what `datasets` makes of
those that are accepted."""

from __future__ import annotations

import io
import random
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image, ImageFile

from manifests import images
from manifests.images import ImageError, ImageFacts, decode_image, image_suffix, probe_image

SIZE = (200, 150)
REALDATA = Path(__file__).parents[3] / "shared" / "realdata" / "media"


@cache
def _picture(mode: str = "RGB") -> Image.Image:
    """Noise: each part of the file matters."""
    noise = np.random.default_rng(1).integers(0, 255, (*SIZE[::-1], 3), np.uint8)
    return Image.fromarray(noise).convert(mode)


@cache
def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a description"
    return exif


def _save(format: str, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    _picture(mode).save(buffer, format, **options)
    return buffer.getvalue()


def _animated(format: str, mode: str = "RGB") -> bytes:
    return _save(format, mode, save_all=True, append_images=[_picture(mode).rotate(90)])


def _png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG of any size in its header, and of any contents."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _patch(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


JPEG = _save("JPEG", quality=90)
PROGRESSIVE = _save("JPEG", quality=90, progressive=True)
PNG = _save("PNG")
WEBP = _save("WEBP")
SIXTEEN_BIT = io.BytesIO()
Image.fromarray(np.arange(30_000, dtype=np.uint16).reshape(150, 200)).save(SIXTEEN_BIT, "PNG")

# Name: (bytes, format, mode), all of SIZE as shown.
GOOD: dict[str, tuple[bytes, str, str]] = {
    "jpeg": (JPEG, "JPEG", "RGB"),
    "progressive": (PROGRESSIVE, "JPEG", "RGB"),
    "jpeg, garbage after its end": (JPEG + b"garbage" * 1000, "JPEG", "RGB"),
    "jpeg, 3 MB of profile": (_save("JPEG", icc_profile=bytes(3_000_000)), "JPEG", "RGB"),
    "grey jpeg": (_save("JPEG", "L"), "JPEG", "L"),
    "jpeg for print": (_save("JPEG", "CMYK"), "JPEG", "CMYK"),
    "png": (PNG, "PNG", "RGB"),
    "png without its end mark": (PNG[:-12], "PNG", "RGB"),
    "png, transparent": (_save("PNG", "RGBA"), "PNG", "RGBA"),
    "png, palette": (_save("PNG", "P"), "PNG", "P"),
    "png, 16 bits": (SIXTEEN_BIT.getvalue(), "PNG", "I;16"),
    "animated png": (_animated("PNG"), "PNG", "RGB"),
    "animated gif": (_animated("GIF", "P"), "GIF", "P"),
    "webp": (WEBP, "WEBP", "RGB"),
    "animated webp": (_animated("WEBP"), "WEBP", "RGB"),
    "two jpegs in one": (_animated("MPO"), "MPO", "RGB"),
    "tiff": (_save("TIFF"), "TIFF", "RGB"),
    "tiff, 1 bit": (_save("TIFF", "1", compression="group4"), "TIFF", "1"),
    "bmp": (_save("BMP"), "BMP", "RGB"),
    "ppm": (_save("PPM"), "PPM", "RGB"),
    "jpeg 2000": (_save("JPEG2000"), "JPEG2000", "RGB"),
    "orientation 1": (_save("JPEG", exif=_exif(1)), "JPEG", "RGB"),
    "orientation 3": (_save("PNG", exif=_exif(3)), "PNG", "RGB"),
    "orientation 9, which is none": (_save("JPEG", exif=_exif(9)), "JPEG", "RGB"),
}
SIDEWAYS: dict[str, bytes] = {
    "jpeg": _save("JPEG", exif=_exif(6)),
    "mirrored": _save("JPEG", exif=_exif(5)),
    "png": _save("PNG", exif=_exif(8)),
    "webp": _save("WEBP", exif=_exif(7)),
}
BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "image_undecodable"),
    "text": (b"<html>404 not found</html>" * 9, "image_undecodable"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image_undecodable"),
    # Pillow would run Ghostscript for it.
    "eps": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        "image_undecodable",
    ),
    "png header with a bad checksum": (_patch(PNG, 29, b"\0\0\0\0"), "image_undecodable"),
    "png, damaged": (_patch(PNG, 20_000, b"\xff" * 50), "image_undecodable"),
    "png of no width": (_png(0, 10), "image_undecodable"),
    "png of no size": (_png(0, 0), "image_undecodable"),
    "bmp of no width": (_patch(_save("BMP"), 18, bytes(4)), "image_undecodable"),
    "png with too few pixels": (_png(50, 50, bytes(100)), "image_truncated"),
    "png, 30000 x 30000": (_png(30_000, 30_000), "image_too_many_pixels"),
    "png, 9000 x 9000": (_png(9000, 9000), "image_too_many_pixels"),
    "png, 2^31 x 2^31": (_png(2**31 - 1, 2**31 - 1), "image_too_many_pixels"),
    "jpeg, 60000 x 60000": (
        _patch(JPEG, JPEG.index(b"\xff\xc0") + 5, struct.pack(">HH", 60_000, 60_000)),
        "image_too_many_pixels",
    ),
    "jpeg header alone": (JPEG[:100], "image_truncated"),
    "png, a tenth": (PNG[: len(PNG) // 10], "image_truncated"),
    "png, all but the last of it": (PNG[: len(PNG) * 99 // 100], "image_truncated"),
    "webp, half": (WEBP[: len(WEBP) // 2], "image_truncated"),
    "gif, a tenth": (_save("GIF", "P")[:3000], "image_truncated"),
    "tiff, half": (_save("TIFF")[:40_000], "image_truncated"),
    "bmp, half": (_save("BMP")[:40_000], "image_truncated"),
}


def _reason(data: bytes) -> str:
    with pytest.raises(ImageError) as raised:
        probe_image(data)
    assert " at 0x" not in raised.value.detail  # details are the same in every run
    return raised.value.reason


def _opened(data: bytes) -> Image.Image:
    image: Image.Image = datasets.Image().decode_example({"bytes": data, "path": None})
    return image


@pytest.mark.parametrize("name", GOOD)
def test_good_images_open_in_datasets(name: str) -> None:
    data, format, mode = GOOD[name]
    assert probe_image(data) == ImageFacts(*SIZE, format, mode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = _opened(data)
    assert (image.size, image.mode) == (SIZE, mode)


@pytest.mark.parametrize("name", SIDEWAYS)
def test_size_is_that_of_the_upright_image(name: str) -> None:
    facts = probe_image(SIDEWAYS[name])
    assert (facts.width, facts.height) == SIZE[::-1] == _opened(SIDEWAYS[name]).size


@pytest.mark.parametrize("name", BAD)
def test_bad_images_have_a_reason(name: str) -> None:
    data, reason = BAD[name]
    started = time.process_time()
    assert _reason(data) == reason
    if reason == "image_too_many_pixels":
        assert time.process_time() - started < 0.05  # nothing of it was decoded


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE], ids=["baseline", "progressive"])
@pytest.mark.parametrize("lost", [2, 3, 20, 0.001, 0.01, 0.03, 0.07, 0.1, 0.5])
def test_a_jpeg_is_read_to_its_end(data: bytes, lost: float) -> None:
    """Draft mode makes fewer pixels of it, of the same bytes."""
    kept = data[: -int(lost if lost >= 1 else len(data) * lost)]
    assert _reason(kept) == "image_truncated"
    with pytest.raises(OSError, match="truncated"):
        _opened(kept)


def test_accepted_means_that_datasets_opens_it() -> None:
    """Also where only some metadata is broken."""
    files = [data for data, _, _ in GOOD.values() if len(data) < 200_000] + list(SIDEWAYS.values())
    draw = random.Random(7)
    accepted = 0
    for _ in range(400):
        data = bytearray(draw.choice(files))
        begin = max(data.find(b"Exif"), 0)
        for _ in range(draw.choice([1, 4, 16])):
            data[min(begin + draw.randrange(120), len(data) - 1)] = draw.randrange(256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                facts = probe_image(bytes(data))
            except ImageError:
                continue
            assert _opened(bytes(data)).size == (facts.width, facts.height)
            accepted += 1
    assert accepted > 50


def _verdict(read: Callable[[bytes], ImageFacts], data: bytes) -> ImageFacts | str:
    try:
        return read(data)
    except ImageError as error:
        return error.reason


def test_the_whole_decode_says_what_the_cheap_one_says() -> None:
    """Of good, bad and damaged files: which media are stored does not depend on who looks."""
    files = [data for data, _, _ in GOOD.values() if len(data) < 200_000] + list(SIDEWAYS.values())
    draw = random.Random(11)
    damaged = []
    for _ in range(300):
        broken = bytearray(draw.choice(files))
        for _ in range(draw.choice([1, 3, 9])):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        damaged.append(bytes(broken))
    for data in [*files, *(data for data, _ in BAD.values()), *damaged]:
        found = _verdict(probe_image, data)
        assert _verdict(lambda data: decode_image(data)[0], data) == found
        if isinstance(found, ImageFacts):
            assert decode_image(data)[1].size == (found.width, found.height)


def test_decoders_that_need_much_memory_get_fewer_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(images._MAX_PIXELS_OF, "JPEG2000", 200 * 150)
    assert probe_image(GOOD["jpeg 2000"][0]).width == 200
    monkeypatch.setitem(images._MAX_PIXELS_OF, "JPEG2000", 200 * 150 - 1)
    assert _reason(GOOD["jpeg 2000"][0]) == "image_too_many_pixels"
    assert probe_image(PNG).width == 200


def test_the_limit_can_be_set() -> None:
    assert probe_image(PNG, max_pixels=200 * 150).width == 200
    with pytest.raises(ImageError, match="image_too_many_pixels"):
        probe_image(PNG, max_pixels=200 * 150 - 1)


def test_nothing_global_is_changed() -> None:
    def state() -> tuple[Any, ...]:
        settings = (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, ImageFile.MAXBLOCK)
        return *settings, list(warnings.filters)

    before = state()
    probe_image(JPEG)
    for data, _ in BAD.values():
        _reason(data)
    assert state() == before


@pytest.mark.parametrize(
    ("format", "suffix"),
    [("JPEG", ".jpg"), ("MPO", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp"), ("JPEG2000", ".jp2")],
)
def test_suffixes(format: str, suffix: str) -> None:
    assert image_suffix(format) == suffix


REAL: dict[str, ImageFacts | str] = {
    "broken.png": "image_undecodable",
    "decompression_bomb.gif": "image_too_many_pixels",
    "flower.webp": ImageFacts(480, 360, "WEBP", "RGB"),
    "g4-multi.tiff": ImageFacts(3307, 4677, "TIFF", "1"),
    "hopper.gif": ImageFacts(128, 128, "GIF", "P"),
    "hopper_orientation_6.jpg": ImageFacts(128, 128, "JPEG", "RGB"),
    "mode_16bit.png": ImageFacts(128, 64, "PNG", "RGBA"),
    "pil_sample_cmyk.jpg": ImageFacts(100, 100, "JPEG", "CMYK"),
    "transparent.png": ImageFacts(200, 150, "PNG", "RGBA"),
    "truncated_jpeg.jpg": "image_truncated",
}


@pytest.mark.skipif(not REALDATA.exists(), reason="real files are not on this machine")
@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str) -> None:
    data, expected = (REALDATA / name).read_bytes(), REAL[name]
    if isinstance(expected, str):
        assert _reason(data) == expected
    else:
        assert probe_image(data) == expected
        assert _opened(data).size == (expected.width, expected.height)
