"""Video frames: one a second over the whole length, at most 64, then spread evenly over all of it.

A clip's packets are listed first (`packets.py`): their presentation times tell which frames are
shown at the wanted times, whatever the header claims. Those are decoded (`decoding.py`) and made
into JPEG (`pictures.py`). The same file and spec give the same bytes in every run.

A clip is used where at least half of the claimed length is in the file and at least half of the
wanted frames decode undamaged; otherwise its reason is `video_truncated`. Times count from the
first frame shown.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import partial

from av.video.frame import VideoFrame

from manifests.images import ImageError
from pipelines.clips import Clip, Frame, FrameError, FrameSpec
from pipelines.decoding import Decoded, decode
from pipelines.decord_frames import decode_with_decord
from pipelines.packets import Packets, list_packets
from pipelines.pictures import Picture, fit, picture_of_frame, picture_of_image

__all__ = [
    "Clip",
    "Frame",
    "FrameError",
    "FrameSpec",
    "fit",
    "frames_from_images",
    "sample_frames",
    "shown_at",
    "wanted_times",
]

_MIN_DECODED = Fraction(1, 2)


def wanted_times(duration_s: Fraction, spec: FrameSpec) -> list[Fraction]:
    """Seconds at which frames are taken: each 1/fps below the length, or max_frames evenly.

    The even spread takes the middle of equal parts, so that no frame stands for more of the clip
    than another.
    """
    count = -(-duration_s * spec.fps // 1)
    if count <= spec.max_frames:
        return [Fraction(i, spec.fps) for i in range(max(int(count), 1))]
    part = duration_s / spec.max_frames
    return [part * i + part / 2 for i in range(spec.max_frames)]


def shown_at(times: Sequence[int], wanted: Iterable[Fraction], base: Fraction) -> list[int]:
    """Of sorted `times` (in `base` s) those shown at `wanted` s after the first, once each."""
    found = []
    for second in wanted:
        place = bisect_right(times, times[0] + second / base) - 1
        found.append(times[place])
    return list(dict.fromkeys(found))


def sample_frames(path: str, spec: FrameSpec, backend: str = "pyav") -> Clip:
    """The clip's frames by `spec`; FrameError with a reason where it gives none.

    `backend` is `pyav` or `decord`. Memory: a few decoded frames at a time (decord: all that are
    wanted). Cost: the decoding of what precedes each frame since its key frame.
    """
    packets = list_packets(path)
    choose = partial(_choose, spec)
    if backend == "decord":
        decoded = decode_with_decord(path, packets, choose, spec.longest_edge, spec.quality)
    else:
        assert backend == "pyav", backend
        decoded = decode(path, packets, choose, partial(_picture, packets, spec))
    if len(decoded.frames) < decoded.num_wanted * _MIN_DECODED or not decoded.frames:
        reason = "video_truncated" if decoded.frames else "video_undecodable"
        detail = f"{len(decoded.frames)} of {decoded.num_wanted} frames decode undamaged"
        raise FrameError(reason, detail)
    return _clip(decoded)


def _choose(spec: FrameSpec, packets: Packets, first: int) -> list[int]:
    wanted = wanted_times(_duration_s(packets, first), spec)
    return shown_at(_shown_from(packets, first), wanted, packets.base)


def _shown_from(packets: Packets, first: int) -> list[int]:
    return packets.shown[bisect_left(packets.shown, first) :]


def _duration_s(packets: Packets, first: int) -> Fraction:
    return (packets.end - first) * packets.base


def _picture(packets: Packets, spec: FrameSpec, frame: VideoFrame) -> Picture:
    return picture_of_frame(frame, packets.pixel_aspect, spec.longest_edge, spec.quality)


def _clip(decoded: Decoded[Picture]) -> Clip:
    packets, first = decoded.packets, decoded.first
    frames = [
        Frame(int((time - first) * packets.base * 1000), made.data, made.width, made.height)
        for time, made in decoded.frames
    ]
    _, made = decoded.frames[0]
    duration_s = _duration_s(packets, first)
    return Clip(
        frames=tuple(frames),
        duration_ms=int(duration_s * 1000),
        width=made.full_width,
        height=made.full_height,
        format=packets.format,
        fps=float(len(_shown_from(packets, first)) / duration_s),
        decoded_ratio=len(decoded.frames) / decoded.num_wanted,
    )


def frames_from_images(frames: list[tuple[str, bytes]], fps: float, spec: FrameSpec) -> Clip:
    """The same rule for a clip that is shipped as `fps` images a second, as (name, bytes).

    A JPEG that is small enough is kept as it is; others are scaled and encoded.
    """
    if not frames:
        raise FrameError("video_no_frames", "the folder holds no images")
    rate = Fraction(str(fps))
    duration_s = len(frames) / rate
    places = shown_at(range(len(frames)), wanted_times(duration_s, spec), 1 / rate)
    made = [_from_image(*frames[place], spec) for place in places]
    sampled = [
        Frame(int(place / rate * 1000), picture.data, picture.width, picture.height)
        for place, picture in zip(places, made, strict=True)
    ]
    return Clip(
        frames=tuple(sampled),
        duration_ms=int(duration_s * 1000),
        width=made[0].full_width,
        height=made[0].full_height,
        format="frames",
        fps=float(rate),
        decoded_ratio=1.0,
    )


def _from_image(name: str, data: bytes, spec: FrameSpec) -> Picture:
    try:
        return picture_of_image(data, spec.longest_edge, spec.quality)
    except ImageError as error:
        raise FrameError("video_undecodable", f"{name}: {error.reason} {error.detail}") from error
