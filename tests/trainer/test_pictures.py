"""Tiles are those of transformers' Pillow processor, number for number."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manifests.errors import IntegrityError
from mixtures.processors import PROCESSORS, Processor
from tests.chat_ids import processor_of
from trainer.pictures import picture_of, read_picture, scaled_processor

# A level of gray of 255; transformers computes in single floats.
_WITHIN = 1 / 255
_SMALL = Processor(
    name="small", tile_px=32, longest_edge_px=128, ids_per_tile=4, context_tokens=512
)


def _noise(width: int, height: int) -> Image.Image:
    draw = np.random.default_rng(width * 10_000 + height)
    return Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8))


def _expected(image: Image.Image, processor: Processor, split: bool) -> tuple[np.ndarray, int, int]:
    """(tiles from 0 to 255, rows, columns)."""
    made = processor_of(processor)(
        [[image]], do_image_splitting=split, return_row_col_info=True, return_tensors="np"
    )
    tiles = (made["pixel_values"][0].transpose(0, 2, 3, 1) + 1) * 127.5
    return tiles, made["rows"][0][0], made["cols"][0][0]


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(1, 200), st.booleans())
def test_tiles_of_any_size(width: int, height: int, split: bool) -> None:
    image = _noise(width, height)
    tiles, rows, columns = _expected(image, _SMALL, split)
    found = picture_of(image, _SMALL, split)
    assert (found.rows, found.columns) == (rows, columns)
    assert found.tiles.dtype == np.uint8
    assert np.abs(found.tiles - tiles).max() <= _WITHIN


@pytest.mark.parametrize("name", ["smolvlm-256m", "smolvlm-500m", "smolvlm-2.2b"])
@pytest.mark.parametrize("size", [(640, 480), (97, 333), (2048, 1500)])
def test_tiles_of_published_processors(name: str, size: tuple[int, int]) -> None:
    image = _noise(*size)
    tiles, rows, columns = _expected(image, PROCESSORS[name], True)
    found = picture_of(image, PROCESSORS[name], True)
    assert (found.rows, found.columns) == (rows, columns)
    assert np.abs(found.tiles - tiles).max() <= _WITHIN


def test_a_frame_is_one_tile() -> None:
    found = picture_of(_noise(640, 480), PROCESSORS["smolvlm-256m"], split=False)
    assert found.tiles.shape == (1, 512, 512, 3) and (found.rows, found.columns) == (0, 0)


def test_small_images_grow_only_where_the_processor_says_so() -> None:
    image = _noise(40, 20)
    assert picture_of(image, _SMALL, True).tiles.shape[0] == 4 * 2 + 1
    assert picture_of(image, _kept_small(_SMALL), True).tiles.shape[0] == 2 * 1 + 1


def _kept_small(processor: Processor) -> Processor:
    return processor.model_copy(update={"upscale": False})


def test_images_are_scaled_as_in_training() -> None:
    """Shares of the published table, never beyond the longest edge."""
    large = PROCESSORS["smolvlm-256m"]
    draws = (np.arange(1000) + 0.5) / 1000
    made = [scaled_processor(large, "smolvlm-train", draw).longest_edge_px for draw in draws]
    assert {edge: made.count(edge) for edge in sorted(set(made))} == {
        1024: 400,
        1536: 300,
        2048: 300,  # 4 and 5 tiles
    }
    small = [scaled_processor(_SMALL, "smolvlm-train", draw).longest_edge_px for draw in draws]
    assert {edge: small.count(edge) for edge in sorted(set(small))} == {32: 500, 64: 300, 96: 200}
    assert scaled_processor(large, "inference", 0.0) is large


def test_images_are_read_as_they_are_seen() -> None:
    """Turned as EXIF says; gray and transparent ones become RGB."""
    image = Image.new("L", (64, 32))
    image.paste(255, (0, 0, 32, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, exif=exif)
    tiles = read_picture(buffer.getvalue(), _SMALL, True)
    assert (tiles.rows, tiles.columns) == (4, 2)
    assert tiles.tiles[0].mean() > 250 > 5 > tiles.tiles[-2].mean()


def test_what_is_no_image_is_told() -> None:
    with pytest.raises(IntegrityError, match="cannot be decoded"):
        read_picture(b"404 not found", _SMALL, True)
