"""The second backend for clips, decord: kept for comparison (docs/decisions/002-frame-backend.md).

It does not say which frames are damaged, has no AV1, mirrors nothing, and can hang or die on
damaged files: call it in a sandbox. It turns frames upright by itself.
"""

from __future__ import annotations

import importlib
from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice
from typing import Any

from PIL import Image

from pipelines.clips import FrameError
from pipelines.decoding import Choose, Decoded
from pipelines.packets import Packets, numbered, open_clip
from pipelines.pictures import SIDEWAYS, Picture, fit, jpeg, square, turn_of_frame

# decord gives times as 32-bit floats: a millisecond is what is left of them after an hour.
_TOLERANCE_S = 0.001
# H.264 and HEVC hold back at most 16 frames.
_MAX_DELAY = 17
_MIRRORED = {
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
}


def decode_with_decord(
    path: str, packets: Packets, choose: Choose, edge: int, quality: int
) -> Decoded[Picture]:
    """The wanted frames as pictures; those that decord's index does not have are left out."""
    if not packets.is_timed:
        raise FrameError("video_undecodable", "decord needs packets that have times")
    turn = _first_turn(path)
    if turn in _MIRRORED:
        raise FrameError("video_undecodable", "decord does not mirror")
    first = packets.shown[0]
    wanted = choose(packets, first)
    frames = []
    for time, array in _read(path, packets, wanted):
        image = Image.fromarray(array)
        aspect = 1 / packets.pixel_aspect if turn in SIDEWAYS else packets.pixel_aspect
        full = square(*image.size, aspect)
        size = fit(*full, edge)
        data = jpeg(image.resize(size, Image.Resampling.BOX), quality)
        frames.append((time, Picture(data, *size, *full)))
    return Decoded(packets, first, len(wanted), frames)


def _first_turn(path: str) -> Image.Transpose | None:
    with open_clip(path) as (container, stream):
        fed = (packet for _, packet in numbered(container, stream))
        for packet in (*islice(fed, _MAX_DELAY), None):
            for frame in stream.codec_context.decode(packet):
                return turn_of_frame(frame)
    return None


def _read(path: str, packets: Packets, wanted: list[int]) -> list[tuple[int, Any]]:
    """(time, RGB array) of the wanted frames."""
    try:
        decord = importlib.import_module("decord")
        reader = decord.VideoReader(path, ctx=decord.cpu(0), num_threads=1)
        spans = reader.get_frame_timestamp(range(len(reader)))
        numbers = _numbers([float(begin) for begin, _ in spans], packets, wanted)
        arrays = reader.get_batch(list(numbers.values())).asnumpy() if numbers else []
    except Exception as error:
        # ImportError, DECORDError, RuntimeError, IndexError: no common class. Its messages tell the
        # time of day, and details must be the same in every run.
        raise FrameError("video_undecodable", f"decord: {type(error).__name__}") from error
    return list(zip(numbers, arrays, strict=True))


def _numbers(begins: Sequence[float], packets: Packets, wanted: list[int]) -> dict[int, int]:
    """decord's frame number by time; it counts seconds from the first frame."""
    numbers = {}
    for time in wanted:
        second = float((time - packets.shown[0]) * packets.base)
        number = bisect_left(begins, second - _TOLERANCE_S)
        if number < len(begins) and begins[number] <= second + _TOLERANCE_S:
            numbers[time] = number
    return numbers
