"""The second backend for clips, decord: kept for comparison (docs/decisions/002-frame-backend.md).

decord turns frames upright by itself. It does not say which frames are damaged, has no AV1, mirrors
nothing, and can hang or die on damaged files: call it in a sandbox.
"""

from __future__ import annotations

import importlib
from bisect import bisect_left
from typing import Any

from PIL import Image

from pipelines.decoding import Choose, Decoded
from pipelines.packets import FrameError, Packets, open_clip
from pipelines.pictures import Picture, fit, jpeg, square


def decode_with_decord(
    path: str, packets: Packets, choose: Choose, edge: int, quality: int
) -> Decoded[Picture]:
    """The wanted frames as pictures; one that decord's index does not have is left out."""
    if not packets.is_timed:
        raise FrameError("video_undecodable", "decord needs packets that have times")
    first = packets.shown[0]
    wanted = choose(packets, first)
    try:
        decord = importlib.import_module("decord")
        reader = decord.VideoReader(path, ctx=decord.cpu(0), num_threads=1)
        numbers = _numbers(reader, packets, wanted)
        arrays = reader.get_batch(list(numbers.values())).asnumpy() if numbers else []
    except Exception as error:
        # ImportError, DECORDError, RuntimeError, IndexError: it has no tree of its own. Its messages
        # hold the time of day, so they are not quoted.
        raise FrameError("video_undecodable", f"decord: {type(error).__name__}") from error
    coded = _coded_size(path)
    frames = [
        (time, _picture(array, coded, packets, edge, quality))
        for time, array in zip(numbers, arrays, strict=True)
    ]
    return Decoded(packets, first, len(wanted), frames)


def _numbers(reader: Any, packets: Packets, wanted: list[int]) -> dict[int, int]:
    """decord's frame number of each wanted time: that of the frame which begins nearest to it."""
    begins = [float(begin) for begin, _ in reader.get_frame_timestamp(range(len(reader)))]
    base, offset = float(packets.base), ...
    raise NotImplementedError
