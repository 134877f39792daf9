"""Video frames: one a second over the whole length, at most 64, then spread evenly over all of it.

A clip's packets are listed first, without decoding: their presentation times are what is really in
the file, whatever its header claims, and tell which frames are shown at the wanted times. Only what
leads up to those frames is then decoded, with one thread (more give other results on damaged
streams), from the key frame before each where that skips something.

A clip is used where at least half of what its header claims can be decoded, and is sampled over what
can; otherwise its reason is `video_truncated`. Times count from the first frame shown.
"""

from __future__ import annotations

import bisect
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
import av.logging
from PIL import Image

from pipelines.images import MAX_PIXELS, ImageError, probe_image

# Issue 2 and SmolVLM2's training arguments (fps 1, max_frames 64, video_target_size 512); the JPEG
# quality is ours: 90 is where text on a slide stays free of visible blocks.
VERSION = 1
_MAX_FILE_BYTES = 8 << 30
_MIN_DECODED = Fraction(1, 2)


class FrameError(Exception):
    """A clip that gives no frames: `reason` is a stable word, `detail` for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """How clips are sampled: frames a second, most frames, longest edge (px), JPEG quality."""

    fps: int = 1
    max_frames: int = 64
    longest_edge: int = 512
    quality: int = 90

    @property
    def spec(self) -> str:
        """What goes into media digests and store keys."""
        return f"frames-{VERSION}:{self.fps}fps:{self.max_frames}:{self.longest_edge}px:q{self.quality}"


@dataclass(frozen=True, slots=True)
class Frame:
    """A sampled frame: time in ms from the first frame, JPEG bytes, size in pixels as shown."""

    timestamp_ms: int
    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Clip:
    """Sampled frames in order of time, and the clip's own size (as shown), length and format."""

    frames: tuple[Frame, ...]
    duration_ms: int
    width: int
    height: int
    format: str


@dataclass(frozen=True, slots=True)
class _Packets:
    """Presentation times (stream units) of all frames, sorted, and of the key frames among them."""

    times: list[int]
    keys: list[int]
    end: int


def wanted_times(duration_s: Fraction, spec: FrameSpec) -> list[Fraction]:
    """Seconds at which frames are taken: every 1/fps below the length, or max_frames of them evenly.

    The even spread takes the middle of equal parts, so that no frame stands for more of the clip
    than another.
    """
    count = -(-duration_s * spec.fps // 1)
    if count <= spec.max_frames:
        return [Fraction(i, spec.fps) for i in range(max(int(count), 1))]
    part = duration_s / spec.max_frames
    return [part * i + part / 2 for i in range(spec.max_frames)]


def shown_at(times: Sequence[int], wanted: Iterable[Fraction], base: Fraction) -> list[int]:
    """Of sorted `times` (units of `base` s) those shown at `wanted` seconds after the first, once each."""
    found = []
    for second in wanted:
        place = bisect.bisect_right(times, times[0] + second / base) - 1
        found.append(times[place])
    return list(dict.fromkeys(found))


def sample_frames(path: str, spec: FrameSpec, backend: str = "pyav") -> Clip:
    """The clip's frames by `spec`; FrameError with a reason where it gives none.

    Memory: a few decoded frames at a time. Cost: the decoding of what precedes each frame since its
    key frame.
    """
    av.logging.set_level(av.logging.PANIC)
    if os.path.getsize(path) > _MAX_FILE_BYTES:
        raise FrameError("media_too_large", f"{os.path.getsize(path)} bytes")
    try:
        with av.open(path) as container:
            return _sample(container, path, spec, backend)
    except (av.error.FFmpegError, ValueError) as error:
        raise FrameError("video_undecodable", f"{type(error).__name__}: {error}") from error


def _sample(container: Any, path: str, spec: FrameSpec, backend: str) -> Clip:
    if not container.streams.video:
        raise FrameError("video_no_frames", "no video stream")
    stream = container.streams.video[0]
    context = stream.codec_context
    context.thread_count = 1
    if context.width * context.height > MAX_PIXELS:
        raise FrameError("media_too_large", f"{context.width}x{context.height} pixels")
    packets = _list_packets(container, stream)
    if not packets.times:
        raise FrameError("video_no_frames", "no packet of the video stream has a time")
    _check_claim(container, stream, packets)
    base = Fraction(stream.time_base)
    duration = max((packets.end - packets.times[0]) * base, base)
    targets = shown_at(packets.times, wanted_times(duration, spec), base)
    decode = {"pyav": _decode_pyav, "decord": _decode_decord}[backend]
    frames = list(decode(container, stream, path, packets, targets, spec))
    if len(frames) < len(targets) * _MIN_DECODED or not frames:
        reason = "video_truncated" if frames else "video_no_frames"
        raise FrameError(reason, f"{len(frames)} of {len(targets)} frames decode")
    width, height = _shown_size(stream, frames[0][1])
    return Clip(
        frames=tuple(frame for frame, _ in frames),
        duration_ms=int(duration * 1000),
        width=width,
        height=height,
        format=f"{container.format.name.split(',')[0]}/{context.name}",
    )


def _list_packets(container: Any, stream: Any) -> _Packets:
    """Demux without decoding, to where the file really ends."""
    times, keys, end = [], [], 0
    try:
        for packet in container.demux(stream):
            if packet.pts is None or packet.is_discard or not packet.size:
                continue
            times.append(packet.pts)
            if packet.is_keyframe:
                keys.append(packet.pts)
            end = max(end, packet.pts + (packet.duration or 0))
    except av.error.FFmpegError:
        pass  # what was read before the damage is what there is; _check_claim judges it
    return _Packets(sorted(times), sorted(keys), end)


def _check_claim(container: Any, stream: Any, packets: _Packets) -> None:
    """Refuse a clip of which less than half of the claimed length is in the file."""
    if not stream.duration:
        return
    held = packets.end - packets.times[0]
    if held < stream.duration * _MIN_DECODED:
        base = stream.time_base
        held_s, claimed_s = float(held * base), float(stream.duration * base)
        raise FrameError("video_truncated", f"{held_s:.1f} s of {claimed_s:.1f} s are in the file")


_Decoded = Iterator[tuple[Frame, int]]


def _decode_pyav(
    container: Any, stream: Any, path: str, packets: _Packets, targets: list[int], spec: FrameSpec
) -> _Decoded:
    """(frame, rotation) of each target that decodes; one that does not is passed over."""
    first = packets.times[0]
    position: int | None = None
    frames: Iterator[Any] = iter(())
    for target in targets:
        place = bisect.bisect_right(packets.keys, target) - 1
        key = packets.keys[place] if place >= 0 else None
        if position is None or (key is not None and key > position):
            _seek(container, stream, key if key is not None else first)
            frames = _tolerant(container, stream)
        for decoded in frames:
            position = decoded.pts
            if decoded.pts < target:
                continue
            if decoded.pts == target:
                yield _encode(decoded, stream, first, spec), _rotation(decoded)
            break


def _seek(container: Any, stream: Any, pts: int) -> None:
    container.seek(pts, stream=stream, backward=True)


def _tolerant(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames that have a time and are whole; damaged packets and frames are passed over."""
    try:
        for packet in container.demux(stream):
            try:
                yield from (f for f in packet.decode() if f.pts is not None and not f.is_corrupt)
            except av.error.FFmpegError:
                continue
    except av.error.FFmpegError:
        return


def _rotation(frame: Any) -> int:
    """Degrees, counter-clockwise, by which the frame is to be turned to stand as shown."""
    return int(round(frame.rotation / 90) * 90) % 360


def _shown_size(stream: Any, rotation: int) -> tuple[int, int]:
    """The clip's size with square pixels and upright."""
    context = stream.codec_context
    ratio = stream.sample_aspect_ratio or Fraction(1)
    width = max(round(context.width * ratio), 1) if ratio > 0 else context.width
    if rotation in (90, 270):
        return context.height, width
    return width, context.height


def fit(width: int, height: int, longest_edge: int) -> tuple[int, int]:
    """The size with its longest edge at most `longest_edge`; never larger than it was."""
    edge = max(width, height)
    if edge <= longest_edge:
        return width, height
    return (
        max(round(width * longest_edge / edge), 1),
        max(round(height * longest_edge / edge), 1),
    )


def _encode(frame: Any, stream: Any, first: int, spec: FrameSpec) -> Frame:
    rotation = _rotation(frame)
    width, height = fit(*_shown_size(stream, rotation), spec.longest_edge)
    across, down = (height, width) if rotation in (90, 270) else (width, height)
    scaled = frame.reformat(width=across, height=down, format="rgb24", interpolation="AREA")
    image = Image.fromarray(scaled.to_ndarray())
    if rotation:
        image = image.rotate(rotation, expand=True)
    milliseconds = int((frame.pts - first) * stream.time_base * 1000)
    return Frame(milliseconds, _jpeg(image, spec), width, height)


def _jpeg(image: Image.Image, spec: FrameSpec) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=spec.quality)
    return buffer.getvalue()


def _decode_decord(
    container: Any, stream: Any, path: str, packets: _Packets, targets: list[int], spec: FrameSpec
) -> _Decoded:
    """The same frames by decord, which counts frames in order of presentation."""
    import decord

    rotation = 0
    for decoded in _tolerant(container, stream):
        rotation = _rotation(decoded)
        break
    try:
        reader = decord.VideoReader(path, ctx=decord.cpu(0), num_threads=1)
        numbers = [packets.times.index(target) for target in targets]
        kept = [number for number in numbers if number < len(reader)]
        arrays = reader.get_batch(kept).asnumpy() if kept else []
    except (RuntimeError, IndexError, decord.DECORDError) as error:
        raise FrameError("video_undecodable", str(error).strip().splitlines()[0]) from error
    for number, array in zip(kept, arrays, strict=True):
        image = Image.fromarray(array).rotate(rotation, expand=True)
        width, height = fit(*_shown_size(stream, rotation), spec.longest_edge)
        image = image.resize((width, height), Image.Resampling.BOX)
        after = (packets.times[number] - packets.times[0]) * stream.time_base
        yield Frame(int(after * 1000), _jpeg(image, spec), width, height), rotation


def frames_from_images(frames: list[tuple[str, bytes]], fps: float, spec: FrameSpec) -> Clip:
    """The same rule for a clip that upstream ships as `fps` images a second.

    A JPEG that is small enough is kept as it is; others are scaled and encoded.
    """
    if not frames:
        raise FrameError("video_no_frames", "the folder holds no images")
    step = Fraction(str(fps))
    duration = len(frames) / step
    seconds = wanted_times(duration, spec)
    places = list(dict.fromkeys(min(int(second * step), len(frames) - 1) for second in seconds))
    sampled = [_from_image(frames[place], int(place / step * 1000), spec) for place in places]
    return Clip(
        frames=tuple(frame for frame, _, _ in sampled),
        duration_ms=int(duration * 1000),
        width=sampled[0][1],
        height=sampled[0][2],
        format="frames",
    )


def _from_image(
    named: tuple[str, bytes], timestamp_ms: int, spec: FrameSpec
) -> tuple[Frame, int, int]:
    """(frame, width and height as shipped)."""
    name, data = named
    try:
        facts = probe_image(data)
    except ImageError as error:
        raise FrameError("video_undecodable", f"{name}: {error.reason} {error.detail}") from error
    if facts.format == "JPEG" and max(facts.width, facts.height) <= spec.longest_edge:
        return Frame(timestamp_ms, data, facts.width, facts.height), facts.width, facts.height
    from PIL import ImageOps

    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    width, height = fit(image.width, image.height, spec.longest_edge)
    scaled = image.resize((width, height), Image.Resampling.BOX)
    return Frame(timestamp_ms, _jpeg(scaled, spec), width, height), facts.width, facts.height
