"""Copies laid on their originals, and what is not a copy."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from pipelines.near.image_hashes import MIRROR, WHOLE
from pipelines.near.image_tiles import MEDIUM, means
from pipelines.near.image_verify import registered, unmoved
from tests.pipelines.near.near_images import cut, pages, photos, saved, seen


def _laid(one: Image.Image, other: Image.Image, slot: int = WHOLE) -> tuple[float, float, float]:
    original = ImageOps.mirror(one) if slot == MIRROR else one
    pictures = [means(seen(image), MEDIUM)[None].astype(np.float32) for image in (original, other)]
    whole, worst, farthest = registered(pictures[0], pictures[1], np.array([slot]))
    return float(whole[0]), float(worst[0]), float(farthest[0])


@pytest.mark.parametrize("number", range(10))
def test_a_cut_is_found_to_a_thousandth(number: int) -> None:
    photo = photos()[number]
    parts = (0.0, 0.02, 0.05, 0.03)
    correlation, worst, farthest = _laid(photo, saved(cut(photo, *parts)))
    assert correlation > 0.97 and worst < 0.03
    assert abs(farthest - 0.05) < 0.008


def test_a_mirror_image_is_laid_mirrored() -> None:
    photo = photos()[0]
    assert _laid(photo, ImageOps.mirror(photo), MIRROR)[1] < 0.006
    assert _laid(photo, ImageOps.mirror(photo), WHOLE)[1] > 0.3


def test_brightness_is_no_difference() -> None:
    photo = photos()[0]
    assert _laid(photo, photo.point([level * 4 // 5 + 30 for level in range(256)] * 3))[1] < 0.006


def test_a_caption_is_one() -> None:
    photo = photos()[0]
    other = photo.copy()
    ImageDraw.Draw(other).text((photo.width / 2, 20), "A caption", "white", font_size=40)
    assert _laid(photo, other)[1] > 0.006


def test_other_photos_lie_on_none() -> None:
    for one, other in zip(photos(), photos()[1:], strict=False):
        correlation, worst, _ = _laid(one, other)
        assert correlation < 0.8 and worst > 0.3


def test_pictures_without_slopes_are_no_error() -> None:
    plain = np.full((1, MEDIUM, MEDIUM), 9, np.float32)
    whole, worst, farthest = registered(plain, plain, np.array([WHOLE]))
    assert (whole[0], worst[0], farthest[0]) == (0.0, 0.0, 0.0)
    assert [found.tolist() for found in unmoved(plain, plain)] == [[0.0], [0.0], [0.0]]


def test_pages_lie_as_they_are() -> None:
    one, other = (means(seen(page), MEDIUM)[None].astype(np.float32) for page in pages()[:2])
    again = means(seen(saved(pages()[0], quality=40)), MEDIUM)[None].astype(np.float32)
    assert unmoved(one, again)[2][0] < 11 < 50 < unmoved(one, other)[2][0]
    # A page that is lighter all over is the same page.
    correlation, worst, apart = unmoved(one, one - 9)
    assert abs(correlation[0] - 1) < 1e-6 and worst[0] < 1e-6 and apart[0] < 1e-4
