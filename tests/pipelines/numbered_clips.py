"""Small clips whose frames show their own number, in any codec and container that PyAV writes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

# A number is eight digits to the base 4, each a column of this grey.
GREYS = (40, 100, 160, 220)
NUM_DIGITS = 8
SIZE = (128, 64)

_THREAD = {
    "libx264": {"preset": "ultrafast", "crf": "12", "bf": "3", "x264-params": "threads=1"},
    "libx265": {
        "preset": "ultrafast",
        "crf": "12",
        "x265-params": "pools=1:frame-threads=1:log-level=none",
    },
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"},
    "libvpx": {"deadline": "good", "cpu-used": "5", "crf": "4", "b": "2M"},
    "libsvtav1": {"preset": "12", "crf": "10", "svtav1-params": "lp=1"},
    "mpeg4": {"qscale": "2", "bf": "2"},
    "mpeg2video": {"qscale": "2", "bf": "2"},
}


def paint_number(number: int, size: tuple[int, int] = SIZE) -> npt.NDArray[np.uint8]:
    """An RGB picture of the number."""
    width, height = size
    digits = [number // len(GREYS) ** place % len(GREYS) for place in range(NUM_DIGITS)]
    columns = np.repeat([GREYS[digit] for digit in digits], width // NUM_DIGITS)
    return np.broadcast_to(columns[None, :, None], (height, width, 3)).astype(np.uint8)


def read_number(data: bytes) -> int:
    """The number that an encoded picture shows; fails where a column is of no clear grey."""
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("L"), dtype=float)
    number = 0
    for place, columns in enumerate(np.array_split(picture, NUM_DIGITS, axis=1)):
        inner = columns[:, columns.shape[1] // 4 : -columns.shape[1] // 4]
        distances = [abs(float(inner.mean()) - grey) for grey in GREYS]
        assert min(distances) < 15 and inner.std() < 15, "a damaged picture"
        number += len(GREYS) ** place * int(np.argmin(distances))
    return number


def write_clip(
    path: Path,
    num_frames: int,
    *,
    codec: str = "libx264",
    rate: int = 10,
    times: Sequence[int] | None = None,
    base: Fraction | None = None,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    format: str | None = None,
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = SIZE,
    turn: tuple[int, bool, bool] | None = None,
    pixel_aspect: Fraction | None = None,
    paint: Any = paint_number,
    title: str = "",
    colours: tuple[Colorspace, ColorRange] | None = None,
) -> Path:
    """Frame n is shown at `times[n]` (in `base` s), by default at n / rate."""
    base = base or Fraction(1, rate)
    flags: dict[str, Any] = {"fflags": "+bitexact", **(muxer or {})}
    with av.open(str(path), "w", format=format, options=flags) as container:
        container.metadata["title"] = title
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.thread_count = 1
        stream.codec_context.time_base = base
        stream.codec_context.flags |= Flags.bitexact
        stream.options = _THREAD.get(codec, {}) | (options or {})
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if colours is not None:
            # swscale's number of a matrix is the stream's too, but for BT.601's many names.
            stream.codec_context.colorspace, stream.codec_context.color_range = colours
        if turn is not None:
            stream.set_display_rotation(*turn)
        for number in range(num_frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(paint(number, size)))
            matrix, scale = colours or (None, None)
            frame = picture.reformat(format=pix_fmt, dst_colorspace=matrix, dst_color_range=scale)
            frame.pts, frame.time_base = times[number] if times else number, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
