"""A clip's packets, listed without decoding: what is really in the file, whatever its header claims.

A clip is read from front to back each time, never by the container's own seeking: where that lands
depends on the format, on edit lists and on reordering, and reading costs next to nothing beside
decoding. So a packet has the same number in every pass.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import av
import av.error
import av.logging
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from pipelines.images import MAX_PIXELS

_MAX_FILE_BYTES = 8 << 30
# Containers that hold clips. Among the others are playlists, which would read further files.
_FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,gif,h264,hevc,m4v,mpegvideo,ivf"
_OPEN_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
_MIN_HELD = Fraction(1, 2)


class FrameError(Exception):
    """A clip that gives no frames: `reason` is a stable word, `detail` for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Packets:
    """The video stream's packets in decoding order; `times` of presentation in units of `base` s.

    `keys` are the numbers of packets where decoding can begin, `hidden` of those that are decoded
    but not shown (an edit list cuts them off). `end` is when the last frame is no longer shown.
    Where packets have no times, frames are counted: `times` are 0, 1, 2 and `is_timed` is false.
    """

    times: list[int | None]
    keys: list[int]
    hidden: set[int]
    base: Fraction
    end: int
    is_timed: bool
    is_reordered: bool

    @cached_property
    def numbers(self) -> dict[int, int]:
        """Packet number by time, of those that are shown."""
        known = {time: n for n, time in enumerate(self.times) if n not in self.hidden}
        return {time: n for time, n in known.items() if time is not None}

    @cached_property
    def shown(self) -> list[int]:
        """Times at which a frame is shown, in order."""
        return sorted(self.numbers)

    @property
    def allow_jumps(self) -> bool:
        """Whether the packets alone tell what is shown when, and where decoding can begin.

        They do not where frames are shown before the first key frame (not all of those decode), nor
        where frames are reordered and times are not: the container made those up (H.264 in AVI).
        """
        times = [time for time in self.times if time is not None]
        if not self.is_timed or len(times) < len(self.times) or self.keys[:1] != [0]:
            return False
        return self.shown[0] >= times[0] and not (self.is_reordered and times == sorted(times))

    def key_before(self, time: int) -> int | None:
        """Number of the packet where decoding must begin for the frame shown at `time`.

        It is neither decoded nor shown after that frame: what is decoded after a key frame but
        shown before it refers to the group of pictures before (an open group).
        """
        place = bisect_right(self.keys, self.numbers[time]) - 1
        while place >= 0 and (self.times[self.keys[place]] or 0) > time:
            place -= 1
        return self.keys[place] if place >= 0 else None

    def counted(self, rate: Fraction | None) -> Packets:
        """The same packets, one frame each at a constant rate."""
        if not rate:
            raise FrameError("video_undecodable", "frames have neither times nor a rate")
        num = len(self.times)
        return Packets(list(range(num)), [], set(), 1 / rate, num, False, True)


@contextmanager
def open_clip(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its first video stream that is no cover picture; decodes with one thread.

    More threads give other results on damaged streams. What FFmpeg raises becomes a FrameError whose
    detail depends on the file alone, not on its path or on what was read before it.
    """
    av.logging.set_level(av.logging.PANIC)
    if os.path.getsize(path) > _MAX_FILE_BYTES:
        raise FrameError("media_too_large", f"{os.path.getsize(path)} bytes")
    try:
        with av.open(path, options=_OPEN_OPTIONS) as container:
            yield container, _video_stream(container)
    except av.error.FFmpegError as error:
        detail = f"{type(error).__name__}: {error.strerror}"
        raise FrameError("video_undecodable", detail) from error
    except (ValueError, OverflowError) as error:
        raise FrameError("video_undecodable", f"{type(error).__name__}: {error}") from error


def _video_stream(container: InputContainer) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise FrameError("video_no_frames", "no video stream")
    context = streams[0].codec_context
    if context is None:
        raise FrameError("video_undecodable", "no decoder for its codec")
    if context.width * context.height > MAX_PIXELS:
        raise FrameError("media_too_large", f"{context.width}x{context.height} pixels")
    context.thread_count = 1
    context.copy_opaque = True
    # A stream can change its size on the way.
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return streams[0]


def numbered(container: InputContainer, stream: VideoStream) -> Iterator[tuple[int, Packet]]:
    """The stream's packets with their numbers, to where the file really ends.

    The number is also the packet's `opaque`, and so that of the frame which is decoded from it.
    """
    number = 0
    for packet in _to_the_end(container):
        if packet.stream_index == stream.index and packet.size:
            packet.opaque = number
            yield number, packet
            number += 1


def _to_the_end(container: InputContainer) -> Iterator[Packet]:
    try:
        yield from container.demux()
    except av.error.FFmpegError:
        return


def list_packets(path: str) -> Packets:
    """All packets of a clip; FrameError where less than half of the claimed length is in the file.

    Reads the file once. Memory: some 100 bytes a packet.
    """
    times: list[int | None] = []
    keys, hidden, end, held_s = [], set(), 0, Fraction(0)
    with open_clip(path) as (container, stream):
        for packet in _to_the_end(container):
            after = (packet.pts or 0) + (packet.duration or 0)
            held_s = max(held_s, after * packet.time_base)
            if packet.stream_index != stream.index or not packet.size:
                continue
            if packet.is_keyframe:
                keys.append(len(times))
            if packet.is_discard:
                hidden.add(len(times))
            else:
                end = max(end, after)
            times.append(packet.pts)
        is_reordered = stream.codec_context.has_b_frames
        packets = Packets(times, keys, hidden, stream.time_base, end, True, is_reordered)
        packets = _settle_times(packets, stream)
        _check_claim(container, stream, packets, held_s)
    return packets


def _settle_times(packets: Packets, stream: VideoStream) -> Packets:
    """Count frames where most packets have no time; else see that the last frame lasts a while."""
    if len(packets.hidden) == len(packets.times):
        raise FrameError("video_no_frames", "the video stream holds no frames")
    ...
