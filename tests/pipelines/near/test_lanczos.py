"""Our reduction is Pillow's, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.near.lanczos import EDGE, reduced


def _check(pixels: np.ndarray) -> None:
    image = Image.fromarray(pixels)
    expected = np.asarray(image.resize((EDGE, EDGE), Image.Resampling.LANCZOS))
    assert np.array_equal(reduced(pixels), expected), image.size


@settings(max_examples=60)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 1 << 30), st.booleans())
def test_any_size(width: int, height: int, seed: int, is_stark: bool) -> None:
    draw = np.random.default_rng(seed)
    if is_stark:  # what overshoots: all levels black or white
        _check(draw.choice(np.array([0, 255], np.uint8), (height, width)))
    else:
        _check(draw.integers(0, 256, (height, width), np.uint8))


@pytest.mark.parametrize(
    "size",
    [(1, 1), (32, 500), (500, 32), (31, 33), (33, 31), (1500, 1000), (3000, 1000), (90, 900)],
)
def test_stated_sizes(size: tuple[int, int]) -> None:
    width, height = size
    _check(np.random.default_rng(width).integers(0, 256, (height, width), np.uint8))
