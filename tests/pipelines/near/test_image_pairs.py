"""Pairs: copies are found, others are not, and neither order nor parts matter."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from pipelines.near.image_codes import ImageCode
from pipelines.near.image_columns import ImageColumns
from pipelines.near.image_hashes import MIRROR
from pipelines.near.image_pairs import (
    HASHES,
    PIXELS,
    RULES,
    TILES,
    Pairs,
    find_pairs,
    first_of_pixels,
)
from tests.filters.pictures import picture
from tests.pipelines.near.near_images import (
    GROUNDS,
    blank,
    codes,
    columns,
    cut,
    grounds,
    pages,
    photos,
    saved,
)


def _unordered(pairs: Pairs) -> set[tuple[int, int]]:
    """Pairs of two rows of one table."""
    found = {(int(pair["left"]), int(pair["right"])) for pair in pairs}
    return {(min(pair), max(pair)) for pair in found if pair[0] != pair[1]}


def _rule(one: Image.Image, other: Image.Image) -> str | None:
    """By which the two are one, found from either side."""
    left, right = columns([one]), columns([other])
    found = [*find_pairs(left, right)["rule"], *find_pairs(right, left)["rule"]]
    return RULES[min(found)] if found else None


def _half(image: Image.Image) -> Image.Image:
    return saved(image.resize((image.width // 2, image.height // 2)))


@pytest.mark.parametrize("number", range(10))
def test_copies_of_photos_are_found(number: int) -> None:
    photo = photos()[number]
    assert _rule(photo, saved(photo, "PNG")) == "pixels"
    assert _rule(photo, saved(photo, quality=40)) == "tiles"
    assert _rule(photo, saved(photo, "WEBP", 60)) == "tiles"
    assert _rule(photo, _half(photo)) == "tiles"
    assert _rule(photo, saved(ImageOps.mirror(photo))) == "hashes"


@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize(
    "parts",
    [(0.02, 0, 0, 0.02), (0.01, 0.01, 0.01, 0.01), (0.05, 0.05, 0, 0), (0.05, 0.05, 0.05, 0.05)],
    ids=str,
)
def test_cuts_of_photos_are_found(number: int, parts: tuple[float, float, float, float]) -> None:
    assert _rule(photos()[number], saved(cut(photos()[number], *parts))) is not None


@pytest.mark.parametrize("name", GROUNDS)
def test_cuts_of_photos_with_a_plain_ground_are_found(name: str) -> None:
    photo = grounds()[name]
    assert _rule(photo, saved(photo, quality=40)) == "tiles"
    assert _rule(photo, saved(cut(photo, 0.02, 0, 0, 0.02))) is not None
    assert _rule(photo, saved(cut(photo, 0.05, 0.05, 0.05, 0.05))) is not None
    assert _rule(photo, saved(ImageOps.mirror(photo))) == "hashes"


@pytest.mark.parametrize("number", range(12))
def test_copies_of_pages_are_found(number: int) -> None:
    page = pages()[number]
    assert _rule(page, saved(page, "PNG")) == "pixels"
    assert _rule(page, saved(page, quality=40)) == "tiles"
    assert _rule(page, _half(page)) == "tiles"
    # Cut or mirrored, it is another: mirrored letters cannot be read.
    assert _rule(page, saved(ImageOps.mirror(page))) is None


def test_other_images_are_others() -> None:
    everything = columns([*photos(), *pages(), picture("grass"), picture("gravel")])
    assert _unordered(find_pairs(everything, everything)) == set()


def test_blanks_match_exact_pixels_alone() -> None:
    image = blank(200)
    assert _rule(image, blank(200)) == "pixels"
    for other in (blank(201), blank(200, (90, 120)), blank(200, (240, 180)), saved(blank(203))):
        assert _rule(image, other) is None


def test_a_caption_makes_another_photo() -> None:
    one, other = (photos()[1].copy() for _ in range(2))
    for image, text in ((one, "first of all"), (other, "last but one")):
        ImageDraw.Draw(image).text((100, 20), text, "black", font_size=48)
    assert _rule(one, other) is None


def _with_hashes_of(code: ImageCode, other: ImageCode) -> ImageCode:
    return replace(code, hashes=other.hashes, tiles=other.tiles)


def test_a_collision_of_all_hashes_is_no_pair() -> None:
    first, second, page, letter = codes([photos()[0], photos()[1], pages()[0], pages()[1]])
    for one, other in ((first, second), (page, letter)):
        index = ImageColumns.of_codes([one])
        queries = ImageColumns.of_codes([_with_hashes_of(other, one)])
        assert len(find_pairs(index, queries)) == 0


def test_a_pair_says_how_it_was_found() -> None:
    photo = photos()[0]
    index = columns([photo])
    queries = columns([photo, saved(photo, quality=50), saved(ImageOps.mirror(photo))])
    pairs = find_pairs(index, queries)
    assert pairs["right"].tolist() == [0, 1, 2]
    assert pairs["rule"].tolist() == [PIXELS, TILES, HASHES]
    assert pairs["window"].tolist() == [0, 0, MIRROR]
    assert pairs["correlation"][0] == 1 and (pairs["correlation"] > 0.99).all()


def _some() -> list[ImageCode]:
    """Originals, and one or more copies of each."""
    made = [*photos()[:4], *pages()[:3], blank(10)]
    made += [saved(image, quality=60) for image in made]
    made += [saved(cut(photo, 0.03, 0.04, 0.01, 0.0)) for photo in photos()[:4]]
    made += [blank(10), saved(photos()[0], "PNG")]
    return codes(made)


@pytest.mark.parametrize("seed", range(3))
def test_order_does_not_matter(seed: int) -> None:
    made = _some()
    found = _unordered(find_pairs(ImageColumns.of_codes(made), ImageColumns.of_codes(made)))
    assert len(found) > 10
    order = random.Random(seed).sample(range(len(made)), len(made))
    mixed = ImageColumns.of_codes([made[place] for place in order])
    again = {(order[a], order[b]) for a, b in _unordered(find_pairs(mixed, mixed))}
    assert {(min(pair), max(pair)) for pair in again} == found


@pytest.mark.parametrize("size", [1, 5, 7])
def test_parts_do_not_matter(size: int) -> None:
    made = _some()
    whole = find_pairs(ImageColumns.of_codes(made), ImageColumns.of_codes(made))
    parts = []
    for first in range(0, len(made), size):
        index = ImageColumns.of_codes(made[first : first + size])
        for second in range(0, len(made), size):
            pairs = find_pairs(index, ImageColumns.of_codes(made[second : second + size]))
            pairs["left"] += first
            pairs["right"] += second
            parts.append(pairs)
    together = np.sort(np.concatenate(parts), order=["left", "right"])
    for name in ("left", "right", "rule", "window", "bits"):
        assert together[name].tolist() == whole[name].tolist()
    assert np.allclose(together["correlation"], whole["correlation"], atol=1e-5)


def test_first_of_pixels() -> None:
    images = columns([photos()[0], blank(), photos()[0], photos()[1], blank()])
    assert first_of_pixels(images).tolist() == [0, 1, 0, 3, 1]
