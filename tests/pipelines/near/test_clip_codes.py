"""What is kept of a clip: its frames in order, how much there is to see, through a table."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manifests.images import ImageError
from pipelines.near.clip_codes import FRAME_EDGE, LOOKS, clip_codes_of
from pipelines.near.clip_columns import ClipColumns
from pipelines.near.image_codes import image_codes_of
from tests.pipelines.near.near_clips import code_at, encoded
from tests.pipelines.near.near_images import blank, pages, photos

FRAMES = [photos()[0], pages()[0], blank(), photos()[1]]
TIMES = [0, 1000, 2000, 3000]


def test_a_frame_has_the_hash_and_the_kind_of_the_image() -> None:
    code = code_at(FRAMES, TIMES, 4000)
    images = [image_codes_of(encoded(frame)) for frame in FRAMES]
    assert [LOOKS[look] for look in code.looks] == [image.kind for image in images]
    assert [LOOKS[look] for look in code.looks] == ["photo", "plain", "blank", "photo"]
    assert code.hashes.tolist() == [int(image.hashes[0]) for image in images]
    assert code.means.shape == (4, FRAME_EDGE, FRAME_EDGE)
    assert np.abs(code.means[0].mean() - images[0].means.mean()) < 1


def test_a_shaded_thing_before_an_even_ground_is_a_shape() -> None:
    """Flat colours are none, nor is print."""
    white, seen = Image.new("RGB", (320, 240), "white"), photos()[0].resize((320, 240))
    disc = Image.new("L", white.size)
    ImageDraw.Draw(disc).ellipse((100, 60, 220, 180), fill=255)
    flat = Image.composite(Image.new("RGB", white.size, "#1f77b4"), white, disc)
    frames = [Image.composite(seen, white, disc), flat, pages()[0]]
    code = code_at(frames, [0, 1000, 2000], 3000)
    assert [LOOKS[look] for look in code.looks] == ["shape", "plain", "plain"]


def test_clips_survive_a_table() -> None:
    """Of any lengths, one after another."""
    made = [code_at(FRAMES[:stop], TIMES[:stop], 1000 * stop) for stop in (4, 1, 3)]
    columns = ClipColumns.of_codes(made)
    assert len(columns) == 3 and columns.first_c.tolist() == [0, 4, 5, 8]
    for number, code in enumerate(made):
        clip = columns.clip(number)
        assert clip.duration_ms == code.duration_ms
        assert clip.times_ms.tolist() == code.times_ms.tolist()
        assert clip.hashes.tolist() == code.hashes.tolist()
        assert clip.means.tolist() == code.means.reshape(-1, FRAME_EDGE**2).tolist()
        assert clip.looks.tolist() == code.looks.tolist()


def test_clips_are_sought_by_frames_with_texture_that_are_new() -> None:
    photo, other = photos()[:2]
    made = [code_at([photo, photo, blank(), other, pages()[0]], [*TIMES, 4000], 5000)] * 2
    frames, clips = ClipColumns.of_codes(made).sought()
    assert frames.tolist() == [0, 3, 5, 8] and clips.tolist() == [0, 0, 1, 1]


def test_a_frame_that_is_no_image_has_no_codes() -> None:
    with pytest.raises(ImageError):
        clip_codes_of([encoded(photos()[0]), b"404 not found"], [0, 1000], 2000, 320, 240)
