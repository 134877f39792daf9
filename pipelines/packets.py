"""A clip's packets, listed without decoding: what is in the file, whatever its header claims.

A clip is read from front to back each time, never by the container's own seeking: where that lands
depends on the format, on edit lists and on reordering, and reading costs next to nothing beside
decoding. So a packet has the same number in every pass.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import av
import av.error
import av.logging
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from manifests.images import MAX_PIXELS
from pipelines.clips import FrameError

_MAX_FILE_BYTES = 8 << 30
# Containers that hold clips. Among the others are playlists, which would read further files.
_FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,gif,h264,hevc,m4v,mpegvideo,ivf"
_OPEN_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
_MIN_HELD = Fraction(1, 2)


@dataclass(frozen=True)
class Packets:
    """The video stream's packets in decoding order; `times` of presentation in units of `base` s.

    `keys` are the numbers of packets where decoding can begin, `hidden` of those that are decoded
    but not shown (an edit list cuts them off). `end` is when the last frame is no longer shown.
    Where packets have no times, frames are counted: `times` are 0, 1, 2 and `is_timed` is false.
    """

    format: str
    pixel_aspect: Fraction
    rate: Fraction | None
    is_reordered: bool
    base: Fraction
    times: list[int | None]
    keys: list[int]
    hidden: set[int]
    end: int = 0
    is_timed: bool = True

    @cached_property
    def numbers(self) -> dict[int, int]:
        """Packet number by time, of those that are shown."""
        times = {time: n for n, time in enumerate(self.times) if n not in self.hidden}
        return {time: n for time, n in times.items() if time is not None}

    @cached_property
    def shown(self) -> list[int]:
        """Times at which a frame is shown, in order."""
        return sorted(self.numbers)

    @property
    def allow_jumps(self) -> bool:
        """Whether the packets alone tell what is shown when, and where decoding can begin.

        They do not where frames are shown before the first key frame (not all of those decode);
        where two are shown at once (MPEG-PS with many frames a packet); nor where frames are
        reordered and times are not: the container made those up (H.264 in AVI).
        """
        times = [time for time in self.times if time is not None]
        is_complete = len(self.numbers) + len(self.hidden) == len(times) == len(self.times)
        if not self.is_timed or not is_complete or self.keys[:1] != [0]:
            return False
        return self.shown[0] >= times[0] and not (self.is_reordered and times == sorted(times))

    def key_before(self, time: int) -> int:
        """Number of the packet where decoding must begin for the frame shown at `time`.

        It is neither decoded nor shown after that frame: what is decoded after a key frame but
        shown before it refers to the group of pictures before (an open group).
        """
        place = bisect_right(self.keys, self.numbers[time]) - 1
        while place > 0 and (self.times[self.keys[place]] or 0) > time:
            place -= 1
        return self.keys[place]

    def counted(self) -> Packets:
        """The same packets, one frame each at the stream's average rate."""
        if not self.rate:
            raise FrameError("video_undecodable", "frames have neither times nor a rate")
        num = len(self.times)
        return replace(
            self,
            base=1 / self.rate,
            times=list(range(num)),
            keys=[],
            hidden=set(),
            end=num,
            is_timed=False,
        )


@contextmanager
def open_clip(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its first video stream that is no cover picture; decodes with one thread.

    More threads give other results on damaged streams. What FFmpeg raises becomes a FrameError; its
    detail depends on the file alone, not on its path or on what was read before it.
    """
    av.logging.set_level(av.logging.PANIC)
    if os.path.getsize(path) > _MAX_FILE_BYTES:
        raise FrameError("media_too_large", f"{os.path.getsize(path)} bytes")
    try:
        with av.open(path, options=_OPEN_OPTIONS, metadata_errors="replace") as container:
            yield container, _video_stream(container)
    except av.error.FFmpegError as error:
        detail = f"{type(error).__name__}: {error.strerror}"
        raise FrameError("video_undecodable", detail) from error
    except (ValueError, OverflowError) as error:
        raise FrameError("video_undecodable", f"{type(error).__name__}: {error}") from error


def _video_stream(container: InputContainer) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        reason = "video_audio_only" if container.streams.audio else "video_no_frames"
        raise FrameError(reason, "no video stream")
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


def numbered(
    container: InputContainer, stream: VideoStream
) -> Iterator[tuple[int, Packet[VideoStream]]]:
    """The stream's packets with their numbers, to where the file really ends.

    The number is also in the packet's `opaque`, and so in that of the frame decoded from it.
    """
    number = 0
    for packet in _to_the_end(container):
        if packet.stream_index == stream.index and packet.size:
            # PyAV keeps these by their address: small numbers, which all share, get lost.
            packet.opaque = (number,)
            yield number, packet
            number += 1


def _to_the_end(container: InputContainer) -> Iterator[Packet[Any]]:
    try:
        yield from container.demux()
    except (av.error.FFmpegError, IndexError):
        # IndexError: PyAV counts streams again at the end, where one more has appeared on the way.
        return


def list_packets(path: str) -> Packets:
    """All packets of a clip; FrameError where less than half of the claimed length is in the file.

    Reads the file once. Memory: some 200 bytes a packet.
    """
    with open_clip(path) as (container, stream):
        packets = _describe(container, stream)
        ends: list[int] = []
        last: dict[int, int] = {}  # by stream, in its own units
        for packet in _to_the_end(container):
            end = (packet.pts or 0) + (packet.duration or 0)
            last[packet.stream_index] = max(last.get(packet.stream_index, 0), end)
            if packet.stream_index == stream.index and packet.size:
                _append(packets, packet)
                ends.append(end)
        if len(packets.hidden) == len(packets.times):
            raise FrameError("video_no_frames", "the video stream holds no frames")
        packets = _settle_times(packets, ends)
        bases = {other.index: other.time_base or Fraction(0) for other in container.streams}
        file_end_s = max(end * bases[index] for index, end in last.items())
        _check_claim(container, stream, packets, file_end_s)
    return packets


def _describe(container: InputContainer, stream: VideoStream) -> Packets:
    context = stream.codec_context
    return Packets(
        format=f"{container.format.name.split(',')[0]}/{context.codec.canonical_name}",
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        # Of a raw stream the average is FFmpeg's own invention, 25.
        rate=stream.guessed_rate or stream.average_rate,
        is_reordered=bool(context.has_b_frames),
        base=stream.time_base or Fraction(1),
        times=[],
        keys=[],
        hidden=set(),
    )


def _append(packets: Packets, packet: Packet[VideoStream]) -> None:
    number = len(packets.times)
    if packet.is_keyframe:
        packets.keys.append(number)
    if packet.is_discard:
        packets.hidden.add(number)
    packets.times.append(packet.pts)


def _settle_times(packets: Packets, ends: list[int]) -> Packets:
    """Frames are counted where most packets have no time; else the last one's end is settled."""
    shown = packets.shown
    if len(shown) * 2 <= len(packets.times) - len(packets.hidden):
        return packets.counted()
    end = max(ends[number] for number in packets.numbers.values())
    if end <= shown[-1]:
        # Nothing says how long the last frame is shown: as long as the others, on average.
        end = shown[-1] + max((shown[-1] - shown[0]) // max(len(shown) - 1, 1), 1)
    return replace(packets, end=end)


def _check_claim(
    container: InputContainer, stream: VideoStream, packets: Packets, file_end_s: Fraction
) -> None:
    """Refuse a clip of which less than half of the claimed length is in the file.

    WebM and MKV claim a length for the whole file only, and that may be the length of its sound.
    """
    if stream.duration and stream.time_base:
        claimed_s = stream.duration * stream.time_base
        held_s = (packets.end - packets.shown[0]) * packets.base
    else:
        # Matroska's length is the time of the end, and so holds what lies before the start.
        start_s = Fraction(container.start_time or 0, av.time_base)
        claimed_s = Fraction(container.duration or 0, av.time_base) - max(start_s, Fraction(0))
        held_s = file_end_s - start_s
    if held_s < claimed_s * _MIN_HELD:
        detail = f"{float(held_s):.1f} s of {float(claimed_s):.1f} s are in the file"
        raise FrameError("video_truncated", detail)
