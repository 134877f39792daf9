"""Means of areas and the tile hash: what encoding and scaling leave of them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pipelines.near.image_tiles import (
    COARSE,
    MEDIUM,
    NUM_SUMS,
    SUM_TOLERANCE,
    coarser,
    means,
    tile_sums,
)
from tests.pipelines.near.near_images import blank, pages, photos, saved, seen


def _sums(image: Image.Image) -> list[int]:
    sums: list[int] = tile_sums(means(seen(image), MEDIUM)).tolist()
    return sums


def test_half_the_size_has_the_same_sums() -> None:
    for image in (*photos(), *pages()):
        half = saved(image.resize((image.width // 2, image.height // 2)), quality=60)
        apart = np.abs(np.subtract(_sums(image), _sums(half)))
        assert apart.max() <= SUM_TOLERANCE


def test_other_pages_have_other_sums() -> None:
    sums = np.array([_sums(page) for page in pages()])
    apart = np.abs(sums[:, None] - sums).max(axis=2)[np.triu_indices(len(sums), 1)]
    assert apart.min() > SUM_TOLERANCE


def test_sums_of_known_means() -> None:
    """The signs are the same on every machine and in every version."""
    ramp = (np.arange(MEDIUM**2) % 251).astype(np.uint8).reshape(MEDIUM, MEDIUM)
    sums = tile_sums(ramp)
    assert sums.shape == (NUM_SUMS,) and sums.dtype == np.int16
    assert sums.tolist() == [
        -169,
        -174,
        22,
        16,
        -226,
        -39,
        -122,
        -16,
        42,
        227,
        -211,
        -118,
        -40,
        -135,
        -128,
        121,
    ]


def test_the_darkest_and_the_lightest_fit() -> None:
    for level in (0, 255):
        full = np.full((MEDIUM, MEDIUM), level, np.uint8)
        assert np.abs(tile_sums(full).astype(int)).max() <= MEDIUM**2 * 255 // 64


def test_coarser_means_are_as_if_reduced_at_once() -> None:
    for image in photos():
        fine = means(seen(image), MEDIUM).astype(np.float32)
        apart = np.abs(coarser(fine, COARSE) - means(seen(image), COARSE))
        assert apart.mean() < 2.5


def test_coarser_means_of_one_level_are_that_level() -> None:
    level = means(seen(blank(77)), MEDIUM).astype(np.float32)
    assert (coarser(level[None], COARSE) == 77).all()
