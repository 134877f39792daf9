"""What is kept of an image: its kind, its digest, and that it survives a table."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from manifests.image_metadata import strip_metadata
from manifests.images import ImageError
from pipelines.near.image_codes import (
    SCHEMA,
    ImageCode,
    image_code,
    image_codes_of,
    pixel_digest,
)
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_hashes import WINDOWS
from pipelines.near.image_tiles import NUM_SUMS
from tests.filters.pictures import picture
from tests.pipelines.near.near_images import (
    GROUNDS,
    blank,
    codes,
    grounds,
    pages,
    photos,
    saved,
    seen,
)


@pytest.mark.parametrize("number", range(10))
def test_photos_are_photos(number: int) -> None:
    photo = photos()[number]
    assert (
        image_code(seen(photo)).kind == image_code(seen(saved(photo, quality=40))).kind == "photo"
    )


@pytest.mark.parametrize("number", range(12))
def test_pages_are_plain(number: int) -> None:
    page = pages()[number]
    assert image_code(seen(page)).kind == image_code(seen(saved(page, quality=40))).kind == "plain"


@pytest.mark.parametrize("name", GROUNDS)
def test_photos_with_a_plain_ground_are_photos(name: str) -> None:
    assert image_code(seen(saved(grounds()[name]))).kind == "photo"


@pytest.mark.parametrize("number", range(12))
def test_scanned_pages_are_plain(number: int) -> None:
    page = np.asarray(pages()[number].convert("L"), np.float32)
    noise = np.random.default_rng(number).normal(0, 4, page.shape)
    scanned = Image.fromarray(np.clip(page + noise, 0, 255).astype(np.uint8))
    assert image_code(seen(saved(scanned))).kind == "plain"


def test_fine_textures_are_plain() -> None:
    assert {image_code(seen(picture(name))).kind for name in ("grass", "gravel")} == {"plain"}


@pytest.mark.parametrize("level", [0, 128, 255])
def test_one_level_is_blank(level: int) -> None:
    assert image_code(seen(blank(level))).kind == "blank"
    assert image_code(seen(saved(blank(level)))).kind == "blank"


def test_digests_are_of_pixels_and_size() -> None:
    tall, wide = blank(9, (20, 30)), blank(9, (30, 20))
    assert pixel_digest(seen(tall)) != pixel_digest(seen(wide))
    photo = photos()[0]
    again = saved(photo, "PNG")
    assert pixel_digest(seen(photo)) == pixel_digest(seen(again))
    dot = photo.copy()
    dot.putpixel((5, 5), (0, 0, 1))
    assert pixel_digest(seen(photo)) != pixel_digest(seen(dot))


def test_codes_survive_a_table() -> None:
    large = pages()[0].resize((700, 900))
    made = codes([photos()[0], pages()[0], large, blank()])
    table = pa.Table.from_pylist([code.row() for code in made], schema=SCHEMA)
    for code, row in zip(made, table.to_pylist(), strict=True):
        again = ImageCode.of_row(row)
        assert (again.kind, again.width, again.height) == (code.kind, code.width, code.height)
        assert again.pixels == code.pixels
        for name in ("hashes", "tiles", "means"):
            assert np.array_equal(getattr(again, name), getattr(code, name))
    assert [code.means.shape[0] for code in made] == [64, 64, 128, 64]


def test_columns_are_the_rows() -> None:
    made = codes([photos()[0], pages()[0], pages()[1].resize((700, 900))])
    columns = ImageColumns.of_codes(made)
    assert len(columns) == 3 and columns.hashes.shape == (3, len(WINDOWS))
    assert columns.tiles.shape == (3, NUM_SUMS) and columns.edges().tolist() == [64, 64, 128]
    assert columns.kinds.tolist() == ["photo", "plain", "plain"]
    assert columns.sizes.tolist() == [[code.width, code.height] for code in made]
    assert [bytes(value) for value in columns.pixels] == [code.pixels for code in made]
    seen_again = columns.pictures(np.array([1, 0]), 64)
    assert np.array_equal(seen_again[0], made[1].means)
    assert np.array_equal(seen_again[1], made[0].means)


def test_tables_in_chunks_are_read_whole() -> None:
    made = codes([photos()[0], pages()[0]])
    tables = [pa.Table.from_pylist([code.row()], schema=SCHEMA) for code in made]
    columns = ImageColumns.of_table(pa.concat_tables(tables))
    assert columns.hashes.tolist() == [code.hashes.tolist() for code in made]


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_any_size_has_a_code(size: tuple[int, int]) -> None:
    assert image_code(seen(Image.new("RGB", size, "red"))).kind == "blank"


def test_metadata_does_not_count() -> None:
    """What a benchmark ships and what the store keeps of it have the same codes."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0)})
    buffer = io.BytesIO()
    photos()[2].save(buffer, "JPEG", exif=exif)
    shipped, stored = (
        image_codes_of(data) for data in (buffer.getvalue(), strip_metadata(buffer.getvalue()))
    )
    assert shipped.row().keys() == stored.row().keys()
    assert shipped.pixels == stored.pixels and np.array_equal(shipped.means, stored.means)
    assert (shipped.width, shipped.height) == photos()[2].size[::-1]


def test_what_is_no_image_has_no_codes() -> None:
    with pytest.raises(ImageError):
        image_codes_of(b"404 not found")
