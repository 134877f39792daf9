"""Filters of images on real photos and pages, and against what scikit-image measures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from pydantic import ValidationError
from skimage.measure import blur_effect, shannon_entropy

from filters import discover
from filters._drawn import picture_bytes
from filters._views import VIEW_PX
from filters.pixels import PixelFilter
from filters.placeholder_image import PlaceholderImageParams
from tests.filters.pictures import PAGES, PHOTOS, encoded, picture, reason, scores

BY_DEFAULT = [
    name
    for name, found in discover().items()
    if isinstance(found, PixelFilter) and found.on == "image" and "photo" in found.policies
]
GONE = {
    "draw": "text",
    "text": "This photo is no longer available",
    "size": [500, 374],
    "font_px": 26,
    "ink": "#777777",
}


def blurred(image: Image.Image, view_px: float) -> Image.Image:
    """By a Gaussian of so many pixels of what the filters look at."""
    return image.filter(ImageFilter.GaussianBlur(view_px * max(1, max(image.size) / VIEW_PX)))


def test_what_is_on_for_photos() -> None:
    ours = {"blurry_image", "exposure", "placeholder_image", "uniform_image"}
    assert ours <= set(BY_DEFAULT)


@pytest.mark.parametrize("name", [*PHOTOS, *PAGES])
@pytest.mark.parametrize(
    "filter_name", ["blurry_image", "exposure", "placeholder_image", "uniform_image"]
)
def test_real_photos_and_pages_stay(filter_name: str, name: str) -> None:
    assert reason(filter_name, encoded(picture(name))) is None
    assert reason(filter_name, encoded(picture(name), "JPEG", quality=60)) is None


@pytest.mark.parametrize("name", PHOTOS)
def test_what_is_right_for_photos_alone_drops_pages(name: str) -> None:
    assert reason("low_information", encoded(picture(name), "JPEG", quality=75)) is None
    drawn = picture("page").point(lambda level: 255 * (level > 128))
    assert reason("low_information", encoded(drawn)) == "image_few_levels"
    worst = encoded(picture(name), "JPEG", quality=1)
    assert reason("low_information", worst, min_entropy_bits=0) == "image_few_bytes"


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "coins", "page"])
def test_blurring_is_seen_at_any_size(name: str) -> None:
    image = picture(name)
    assert reason("blurry_image", encoded(blurred(image, 8))) == "image_blurry"
    large = blurred(image.resize((image.width * 4, image.height * 4)), 8)
    assert reason("blurry_image", encoded(large, "JPEG")) == "image_blurry"


@pytest.mark.parametrize("name", [*PHOTOS, *PAGES])
def test_sharpness_falls_as_scikit_images_blur_rises(name: str) -> None:
    images = [picture(name).convert("L")]
    images += [blurred(images[0], radius) for radius in (1, 2, 4)]
    ours = [scores("blurry_image", encoded(image))["sharpness_share"] for image in images]
    theirs = [blur_effect(np.asarray(image)) for image in images]  # type: ignore[no-untyped-call]
    assert ours == sorted(ours, reverse=True) and len(set(ours)) == len(ours)
    assert theirs == sorted(theirs)


def test_shaken_in_one_direction() -> None:
    image = picture("coffee")
    scale = max(image.size) / VIEW_PX
    across = image.filter(ImageFilter.BoxBlur((14 * scale, 0)))
    down = image.filter(ImageFilter.BoxBlur((0, 14 * scale)))
    still = scores("blurry_image", encoded(image))["sharpness_share"]
    for shaken in (across, down):
        assert scores("blurry_image", encoded(shaken))["sharpness_share"] < still - 0.3


@pytest.mark.parametrize("name", ["astronaut", "camera", "chelsea"])
def test_levels_are_what_others_measure(name: str) -> None:
    image = picture(name).convert("L")
    assert max(image.size) <= VIEW_PX
    content, gray = encoded(image), np.asarray(image, np.float64)
    assert scores("low_information", content)["entropy_bits"] == pytest.approx(
        shannon_entropy(np.asarray(image))  # type: ignore[no-untyped-call]
    )
    assert scores("uniform_image", content)["gray_std"] == pytest.approx(gray.std())
    lit = scores("exposure", content)
    assert lit["gray_mean"] == pytest.approx(gray.mean())
    assert lit["dark_share"] == pytest.approx((gray < 32).mean())
    assert lit["bright_share"] == pytest.approx((gray >= 224).mean())


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_light_that_is_gone(name: str) -> None:
    dark = ImageEnhance.Brightness(picture(name)).enhance(0.1)
    assert reason("exposure", encoded(dark)) == "image_too_dark"
    night = ImageEnhance.Brightness(picture(name)).enhance(0.3)
    assert reason("exposure", encoded(night)) is None
    washed = Image.blend(picture(name), Image.new("RGB", picture(name).size, "white"), 0.9)
    assert reason("exposure", encoded(washed)) == "image_too_bright"


def test_pictures_are_seen_upright() -> None:
    turned = encoded(picture("coffee").transpose(Image.Transpose.ROTATE_90), orientation=6)
    upright = encoded(picture("coffee"))
    for name in ("blurry_image", "exposure", "uniform_image"):
        assert scores(name, turned) == scores(name, upright)
    codes = [scores("placeholder_image", content)["dhash_code"] for content in (turned, upright)]
    assert codes[0] == codes[1]


def test_transparency_is_laid_on_white() -> None:
    image = picture("astronaut").copy()
    image.putalpha(0)
    assert reason("uniform_image", encoded(image)) == "image_uniform"
    assert scores("uniform_image", encoded(image))["has_alpha"]
    image.putalpha(255)
    assert reason("uniform_image", encoded(image)) is None


def test_a_placeholder_is_known_again_and_no_photo_is_taken_for_it() -> None:
    content = picture_bytes(GONE)
    assert content is not None
    hashes = [scores("placeholder_image", content)["dhash_code"]]
    assert reason("placeholder_image", content) is None
    for width in (320, 500, 850):
        again = picture_bytes({**GONE, "format": "JPEG", "quality": 60})
        assert again is not None
        drawn = picture_bytes({**GONE, "size": [width, width * 374 // 500]} | _scaled(width))
        for copy in (again, drawn):
            assert copy is not None
            assert reason("placeholder_image", copy, hashes=hashes) == "image_is_placeholder"
    for name in (*PHOTOS, *PAGES):
        assert reason("placeholder_image", encoded(picture(name)), hashes=hashes) is None


def _scaled(width: int) -> dict[str, object]:
    return {"font_px": round(26 * width / 500), "format": "JPEG"}


@pytest.mark.parametrize("name", ["astronaut", "coffee", "hubble_deep_field"])
def test_a_photo_that_is_a_placeholder_is_known_again(name: str) -> None:
    hashes = [scores("placeholder_image", encoded(picture(name)))["dhash_code"]]
    half = picture(name).reduce(2)
    again = encoded(half, "JPEG", quality=50)
    assert reason("placeholder_image", again, hashes=hashes) == "image_is_placeholder"
    others = set(PHOTOS) - {name}
    found = [reason("placeholder_image", encoded(picture(n)), hashes=hashes) for n in others]
    assert found == [None] * len(others)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hashes": ["8d13317c66c69b2"]}, "is not 16 hex digits"),
        ({"hashes": ["8D13317C66C69B23"]}, "in small letters"),
        ({"digests": ["8d13317c66c69b23"]}, "is not 64 hex digits"),
        ({"hashes": ["0000000000000000"]}, "of a blank image"),
        ({"hashes": ["00000000000001ff"], "radius_bits": 9}, "of a blank image"),
    ],
)
def test_codes_that_would_match_nothing_or_anything(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PlaceholderImageParams.model_validate(given)


def test_a_description_is_drawn_the_same_each_time() -> None:
    first = picture_bytes({"draw": "noise", "seed": 3})
    assert first == picture_bytes({"seed": 3, "draw": "noise"})
    assert first != picture_bytes({"draw": "noise", "seed": 4})
    assert picture_bytes(first) == first
    assert picture_bytes(None) is None


@pytest.mark.parametrize(
    "picture_said",
    [{"draw": "circle"}, {"draw": "solid", "colour": "#fff"}, {"size": [1, 1]}, "not base64!"],
)
def test_what_describes_no_picture_is_refused(picture_said: object) -> None:
    with pytest.raises(ValueError):
        picture_bytes(picture_said)  # type: ignore[arg-type]
