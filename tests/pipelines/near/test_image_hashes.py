"""Hashes against imagehash, and those of crops and mirrors against hashes of cropped pictures."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from pipelines.near.image_hashes import CROPS, MIRROR, WHOLE, WINDOWS, Hashes, picture_hashes
from pipelines.near.image_tiles import COARSE, means
from tests.pipelines.near.near_images import cut, pages, photos, seen


def _hashes(image: Image.Image) -> Hashes:
    picture = seen(image)
    return picture_hashes(picture, means(picture, COARSE))


def _of_imagehash(image: Image.Image) -> int:
    return int(str(imagehash.phash(seen(image).gray_image)), 16)


@pytest.mark.parametrize("number", range(10))
def test_photos_have_imagehash_s_hash(number: int) -> None:
    photo = photos()[number]
    assert int(_hashes(photo)[WHOLE]) == _of_imagehash(photo)


@pytest.mark.parametrize("number", range(12))
def test_pages_have_imagehash_s_hash(number: int) -> None:
    assert int(_hashes(pages()[number])[WHOLE]) == _of_imagehash(pages()[number])


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (31, 33), (33, 31), (1000, 5)])
def test_any_size_has_a_hash(size: tuple[int, int]) -> None:
    small = photos()[0].resize(size)
    if min(size) > 1:
        assert int(_hashes(small)[WHOLE]) == _of_imagehash(small)
    assert _hashes(small).shape == (len(WINDOWS),)


def test_a_mirror_image_s_hash_is_that_of_the_mirrored_picture() -> None:
    for photo in photos():
        mirrored = _of_imagehash(ImageOps.mirror(photo))
        # Pillow rounds sums of 8 bits, in another order: now and then a bit at the median turns.
        assert (int(_hashes(photo)[MIRROR]) ^ mirrored).bit_count() <= 2


@pytest.mark.parametrize("number", range(len(CROPS)))
def test_a_crop_s_hash_is_near_that_of_the_cropped_picture(number: int) -> None:
    (left, right), (top, bottom) = CROPS[number]
    apart = [
        (
            int(_hashes(photo)[2 + number])
            ^ _of_imagehash(cut(photo, left, top, 1 - right, 1 - bottom))
        ).bit_count()
        for photo in photos()
    ]
    assert max(apart) <= 4, apart


def test_equal_frequencies_are_equal() -> None:
    """Of a picture that is its own mirror image the odd frequencies are 0, and no noise."""
    half = photos()[0].resize((160, 240))
    both = Image.new("RGB", (320, 240))
    both.paste(half, (0, 0))
    both.paste(ImageOps.mirror(half), (160, 0))
    hashes = _hashes(both)
    assert hashes[WHOLE] == hashes[MIRROR]


def test_hashes_are_unsigned_64_bits() -> None:
    assert _hashes(photos()[0]).dtype == np.uint64
