"""Clips of real and made footage as lists of pictures, and their edits, for tests of duplicates.

Footage is seen through windows that move over photos, with a cut every few seconds, as clips of
datasets are: frames at any moment can be had without decoding a long file.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
from PIL import Image

from pipelines.clips import FrameSpec
from pipelines.frames import sample_frames
from pipelines.near.clip_codes import ClipCode, clip_codes_of
from tests.pipelines.near.near_images import photos

RATE = 8
_SIZE = (160, 120)
_SHOT_S = 4
# Of a photo in each direction, in one shot.
_WAY = 0.1


@cache
def footage(number: int, seconds: int) -> tuple[Image.Image, ...]:
    """A walk of windows over photos, another photo every _SHOT_S seconds; no two numbers share a
    way."""
    rng = np.random.default_rng(number)
    made: list[Image.Image] = []
    for _ in range(-(-seconds // _SHOT_S)):
        photo = photos()[int(rng.integers(len(photos())))]
        side = rng.uniform(0.35, 0.6, 2)
        start = rng.uniform(0, 1 - side - _WAY)
        stop = start + rng.uniform(0, _WAY, 2)
        for step in np.linspace(0, 1, _SHOT_S * RATE, endpoint=False):
            corner = start + (stop - start) * step
            left, top = corner * photo.size
            right, bottom = (corner + side) * photo.size
            made.append(photo.resize(_SIZE, Image.Resampling.BILINEAR, (left, top, right, bottom)))
    return tuple(made[: seconds * RATE])


def write(
    path: Path, frames: Sequence[Image.Image], crf: int = 23, scale: float = 1.0, rate: int = RATE
) -> Path:
    """H.264 of one thread."""
    width, height = (int(side * scale) // 2 * 2 for side in frames[0].size)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1
        stream.options = {"crf": str(crf), "preset": "ultrafast", "x264-params": "threads=1"}
        for frame in frames:
            seen = np.asarray(frame.convert("RGB").resize((width, height)))
            picture = av.VideoFrame.from_ndarray(seen, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def read(path: Path) -> ClipCode:
    """Codes of the clip's frames as curate samples them."""
    clip = sample_frames(str(path), FrameSpec())
    return clip_codes_of(
        [frame.data for frame in clip.frames],
        [frame.timestamp_ms for frame in clip.frames],
        clip.duration_ms,
        clip.width,
        clip.height,
    )


@dataclass(frozen=True, slots=True)
class Edit:
    """From `start` to `stop` of a clip's length, encoded anew; `rule` is how it is to be found."""

    name: str
    rule: str
    start: float = 0.0
    stop: float = 1.0
    crf: int = 23
    scale: float = 1.0

    def of(self, frames: Sequence[Image.Image], path: Path) -> ClipCode:
        first, last = (int(len(frames) * part) for part in (self.start, self.stop))
        return read(write(path, frames[first:last], self.crf, self.scale))


EDITS = (
    Edit("low", "clip", crf=38),
    Edit("half", "clip", scale=0.5),
    Edit("cut", "clip_part", start=0.1),
    Edit("trimmed", "clip_part", stop=0.85),
    Edit("middle", "clip_part", start=0.29, stop=0.71),
    Edit("middle at half", "clip_part", start=0.29, stop=0.71, scale=0.5),
)


def encoded(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def code_at(frames: Sequence[Image.Image], times_ms: Sequence[int], duration_ms: int) -> ClipCode:
    """Codes of stated frames at stated times, without a codec between."""
    width, height = frames[0].size
    return clip_codes_of([encoded(frame) for frame in frames], times_ms, duration_ms, width, height)
