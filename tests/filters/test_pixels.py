"""What filters of pixels see of any image: upright, on white, in 8 bits; and what they promise."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

import filters
from filters import pixels
from filters.base import Params
from filters.contract import batch_of
from filters.pixels import PixelFilter, Pixels, pixels_of, read_color, read_pixels, zeros
from manifests.images import ImageError

RED, CLEAR = (200, 10, 20), (0, 0, 0, 0)


def _encode(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _seen(image: Image.Image, format: str = "PNG", **options: Any) -> npt.NDArray[Any]:
    return np.asarray(read_pixels(_encode(image, format, **options)).image)


def test_transparency_is_laid_on_white() -> None:
    image = Image.new("RGBA", (2, 1), (*RED, 255))
    image.putpixel((1, 0), CLEAR)
    found = read_pixels(_encode(image))
    assert found.has_alpha and np.asarray(found.image).tolist() == [[[*RED], [255] * 3]]
    half = _seen(Image.new("RGBA", (1, 1), (0, 100, 255, 128)))
    assert np.abs(half - np.array([127, 177, 255])).max() <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_transparent_colour_is_laid_on_white(mode: str) -> None:
    """PNG names one by its value; a palette by its place."""
    image = Image.new("L", (2, 1), 7).convert(mode)
    image.putpixel((1, 0), 0 if mode != "RGB" else (0, 0, 0))
    clear = (0, 0, 0) if mode == "RGB" else 0
    found = read_pixels(_encode(image, transparency=clear))
    assert found.has_alpha and found.gray.tolist() == [[7, 255]]


def test_gray_with_alpha_stays_gray() -> None:
    found = read_pixels(_encode(Image.new("LA", (1, 1), (0, 51))))
    assert found.image.mode == "L" and found.gray.tolist() == [[204]]


def test_of_a_jpeg_its_own_luma_is_seen_and_models_see_its_colours() -> None:
    noise = np.random.default_rng(4).integers(0, 256, (8, 8, 3), np.uint8)
    data = _encode(Image.fromarray(noise).resize((64, 64)), "JPEG", subsampling=0, quality=95)
    with Image.open(io.BytesIO(data)) as image:
        luma = np.asarray(image.convert("YCbCr"))[..., 0].astype(int)
    assert np.abs(read_pixels(data).gray - luma).max() <= 3  # by way of rounded, clipped RGB
    colours = np.asarray(Image.open(io.BytesIO(data)))
    assert np.asarray(read_color(data)).tolist() == colours.tolist()
    assert read_pixels(data).gray_image.mode == "L" and read_color(data).mode == "RGB"


def test_an_opaque_picture_has_no_alpha() -> None:
    for mode in ("1", "L", "P", "RGB"):
        assert not read_pixels(_encode(Image.new(mode, (1, 1)))).has_alpha


@pytest.mark.parametrize("turn", range(1, 9))
def test_pictures_stand_upright(turn: int) -> None:
    """As written by the inverse of what a viewer does (EXIF 2.3, tag 274)."""
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.T,
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = turn
    lying = Image.fromarray(np.ascontiguousarray(undo[turn](upright)))
    assert _seen(lying, exif=exif).tolist() == upright.tolist()


def test_sixteen_bits_become_eight() -> None:
    deep = np.array([[0, 255, 256, 32_768, 65_535]], np.uint16)
    assert _seen(Image.fromarray(deep)).tolist() == [[0, 0, 1, 128, 255]]
    assert _seen(Image.fromarray(deep.astype(np.int32)), "TIFF").tolist() == [[0, 0, 1, 128, 255]]


def test_bands_of_deep_gray_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = np.random.default_rng(3).integers(0, 65_536, (11, 5), np.uint16)
    monkeypatch.setattr(pixels, "_BAND_ROWS", 4)
    assert _seen(Image.fromarray(deep)).tolist() == (deep >> 8).tolist()


def test_floats_are_stretched() -> None:
    grades = np.array([[-1.0, 0.0, 1.0]], np.float32)
    assert _seen(Image.fromarray(grades), "TIFF").tolist() == [[0, 127, 255]]
    odd = np.array([[np.nan, 1.0, np.inf]], np.float32)
    assert _seen(Image.fromarray(odd), "TIFF").shape == (1, 3)


def test_ink_is_not_light() -> None:
    """CMYK: no ink is white. JPEG keeps it within a few levels."""
    assert _seen(Image.new("CMYK", (8, 8)), "JPEG").min() > 250
    assert _seen(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), "JPEG").max() < 5


def test_lightness_is_what_is_seen_of_lab() -> None:
    assert _seen(Image.new("LAB", (1, 1), (200, 90, 30)), "TIFF").tolist() == [[200]]


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_its_first_frame(format: str) -> None:
    first, second = Image.new("RGB", (4, 4), "black"), Image.new("RGB", (4, 4), "white")
    found = _seen(first, format, save_all=True, append_images=[second], lossless=True)
    assert found.max() == 0


def test_shared_views_are_of_the_same_gray() -> None:
    image = Image.fromarray(np.random.default_rng(5).integers(0, 256, (64, 96, 3), np.uint8))
    found = pixels_of(image)
    assert found.gray.tolist() == np.asarray(image.convert("L")).tolist()
    means = found.gray.reshape(32, 2, 32, 3).mean(axis=(1, 3))
    assert np.abs(found.thumb - means).max() <= 1  # rounded across, then down


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "I"])
def test_large_pictures_are_seen_smaller(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a whole number of times, so that what is seen has a bound."""
    monkeypatch.setattr(pixels, "MAX_SEEN_PIXELS", 1000)
    for size in ((100, 10), (101, 10), (63, 64), (2000, 3)):
        seen = pixels_of(Image.new(mode, size)).image
        times = next(n for n in range(1, 99) if size[0] * size[1] <= 1000 * n**2)
        assert seen.size == (-(-size[0] // times), -(-size[1] // times))


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 6, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1_000_000))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    started = time.process_time()
    with pytest.raises(ImageError, match="image_too_many_pixels"):
        read_pixels(data)
    assert time.process_time() - started < 0.05


SCORES = pa.schema(
    [
        ("kind_code", pa.string()),
        ("is_measured", pa.bool_()),
        ("gray_mean", pa.float64()),
        ("num_pictures", pa.int32()),
    ]
)


class _Light(PixelFilter):
    """How light clips are."""

    name: ClassVar[str] = "light"
    version: ClassVar[int] = 1
    on: ClassVar[Literal["image", "video"]] = "video"
    columns: ClassVar[tuple[str, ...]] = ("kind", "pictures", "key", "pack", "fps")
    reasons: ClassVar[tuple[str, ...]] = ("light_unmeasured", "dark")
    params_type: ClassVar[type[Params]] = Params

    def score(self, pictures: Sequence[Pixels], media: Mapping[str, Any]) -> dict[str, Any]:
        assert media == {"kind": "video", "fps": 25.0}
        mean = float(np.mean([picture.gray.mean() for picture in pictures]))
        return {"gray_mean": mean, "num_pictures": len(pictures)}

    def judge(self, scores: pl.DataFrame, params: Params) -> pl.Series:
        return self.judged(scores, {"dark": pl.col("gray_mean") > 10})


def _verdicts(*rows: dict[str, Any]) -> list[tuple[bool, float, str | None]]:
    light = _Light()
    scores = pl.DataFrame(light.measure(batch_of(light, rows)))
    reasons = light.judge(scores, Params())
    return list(zip(scores["is_measured"], scores["gray_mean"], reasons, strict=True))


def test_media_of_the_other_kind_are_kept_and_those_without_a_picture_are_not() -> None:
    white, black = (_encode(Image.new("L", (4, 4), shade)) for shade in (255, 0))
    clip = {"kind": "video", "fps": 25.0}
    unmeasured = (False, 0.0, "light_unmeasured")
    assert _verdicts(
        clip | {"pictures": [white, black]},
        clip | {"pictures": [black]},
        clip | {"pictures": []},
        clip | {"pictures": None},
        clip | {"pictures": [white, None]},
        clip | {"pictures": [white, white[:20]]},
        {"kind": "image", "pictures": [black]},
        {"kind": None, "pictures": [white]},
        {"kind": "audio", "pictures": [white]},
    ) == [
        (True, 127.5, None),
        (True, 0.0, "dark"),
        *[unmeasured] * 4,
        (False, 0.0, None),
        *[unmeasured] * 2,
    ]


def test_what_was_never_measured_fails_closed() -> None:
    scores = pl.DataFrame(pa.RecordBatch.from_pylist([{}], schema=SCORES))
    assert _Light().judge(scores, Params()).to_list() == ["light_unmeasured"]


def test_zeros_have_the_types_of_the_scores() -> None:
    assert zeros(SCORES) == {
        "kind_code": "",
        "is_measured": False,
        "gray_mean": 0.0,
        "num_pictures": 0,
    }


@pytest.mark.parametrize(
    "here",
    [f for f in filters.discover().values() if isinstance(f, PixelFilter)],
    ids=lambda f: f.name,
)
def test_filters_of_pixels_say_first_what_was_seen(here: PixelFilter) -> None:
    assert here.scores.names[:2] == ["kind_code", "is_measured"]
    assert {"kind", "pictures"} <= set(here.columns)
    assert here.reasons[0].endswith("_unmeasured")


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (5000, 4000)], ids=str)
def test_gray_is_the_pictures_levels(size: tuple[int, int]) -> None:
    """The largest lies in several blocks of memory."""
    image = Image.radial_gradient("L").resize(size)
    gray = Pixels(image).gray
    assert gray.shape == (size[1], size[0]) and gray.dtype == np.uint8
    assert np.array_equal(gray, np.asarray(image))
