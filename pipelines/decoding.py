"""Decoding with PyAV: the frames that a clip shows at given times, each proven to be that frame.

`_decode_groups` decodes only from the key frame before each wanted frame, and gives up where
anything is not as the packets say. `_decode_all` decodes the whole clip, which tells of any stream
what it shows when, and which frames damage may have touched.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipelines.clips import FrameError
from pipelines.packets import Packets, numbered, open_clip

T = TypeVar("T")
Take = Callable[[VideoFrame], T]
# The times that are wanted, ascending and each in `shown`, if the first frame is shown at `int`.
Choose = Callable[[Packets, int], list[int]]


class _UnexpectedError(Exception):
    """The decoder does not give what the packets promise."""


@dataclass(frozen=True, slots=True)
class Decoded(Generic[T]):
    """(time, what `take` made of the frame) in order; `first` is the time of the first frame."""

    packets: Packets
    first: int
    num_wanted: int
    frames: list[tuple[int, T]]


def decode(path: str, packets: Packets, choose: Choose, take: Take[T]) -> Decoded[T]:
    """The wanted frames; those that damage may have touched are left out, never replaced.

    Cost: what lies between each frame and its key frame; for damaged and odd streams all of the
    clip on top, at most twice.
    """
    found = _decode_groups(path, packets, choose, take) if packets.allow_jumps else None
    if found is not None:
        return found
    try:
        return _decode_all(path, packets, choose, take)
    except _UnexpectedError:
        # Times that do not ascend are made up, by the container or by the muxer.
        return _decode_all(path, packets.counted(), choose, take)


@dataclass(slots=True)
class _Group:
    """Packets `begin` to `last` give the frames shown at `times`, if decoding begins at `begin`."""

    begin: int
    last: int
    times: list[int]
    numbers: set[int]


def _groups(packets: Packets, times: list[int]) -> Iterator[_Group]:
    group: _Group | None = None
    for time in times:
        begin, last = packets.key_before(time), packets.numbers[time]
        if group is not None and begin <= group.last:
            group.last = max(group.last, last)
            group.times.append(time)
            group.numbers.add(last)
            continue
        if group is not None:
            yield group
        group = _Group(begin, last, [time], {last})
    if group is not None:
        yield group


def _decode_groups(path: str, packets: Packets, choose: Choose, take: Take[T]) -> Decoded[T] | None:
    first = packets.shown[0]
    wanted = choose(packets, first)
    frames: list[tuple[int, T]] = []
    with open_clip(path) as (container, stream):
        feed = numbered(container, stream)
        for group in _groups(packets, wanted):
            try:
                frames += _decode_group(stream.codec_context, feed, packets, group, take)
            except (av.error.FFmpegError, _UnexpectedError):
                return None
            stream.codec_context.flush_buffers()
    return Decoded(packets, first, len(wanted), frames) if len(frames) == len(wanted) else None


def _decode_group(
    context: VideoCodecContext,
    feed: Iterator[tuple[int, Packet[VideoStream]]],
    packets: Packets,
    group: _Group,
    take: Take[T],
) -> list[tuple[int, T]]:
    wanted, found = set(group.times), []
    latest = packets.times[group.begin] or 0
    has_begun = group.begin in packets.hidden
    for frame in _decode_packets(context, feed, group):
        if frame.pts is None:
            raise _UnexpectedError
        if frame.pts < latest and not has_begun:
            continue  # shown before the key frame: of the group of pictures before
        has_begun = has_begun or bool(frame.key_frame)
        if not has_begun or frame.is_corrupt or frame.pts < latest:
            raise _UnexpectedError
        latest = frame.pts
        if latest in wanted:
            found.append((latest, take(frame)))
    return found


def _decode_packets(
    context: VideoCodecContext, feed: Iterator[tuple[int, Packet[VideoStream]]], group: _Group
) -> Iterator[VideoFrame]:
    for number, packet in feed:
        if number >= group.begin:
            # Nothing refers to these frames of H.264: the others are the same bits without them.
            skips = context.name == "h264" and number not in group.numbers
            context.skip_frame = "NONREF" if skips else "DEFAULT"
            yield from context.decode(packet)
        if number >= group.last:
            break
    yield from context.decode(None)


def _decode_all(path: str, packets: Packets, choose: Choose, take: Take[T]) -> Decoded[T]:
    whole = _WholeClip(packets, choose, take)
    with open_clip(path) as (container, stream):
        for number, packet in numbered(container, stream):
            whole.feed(stream.codec_context, number, packet)
        whole.feed(stream.codec_context, len(packets.times), None)
        return whole.finish()


@dataclass(frozen=True, slots=True)
class _Shown:
    """A frame, how many came out before it, and the number of its packet."""

    place: int
    number: int
    time: int
    frame: VideoFrame


@dataclass(frozen=True, slots=True)
class _Taken(Generic[T]):
    """`number` is the last of the packets by which it is what is shown then."""

    place: int
    number: int
    time: int
    value: T


class _WholeClip(Generic[T]):
    """Takes the frame that is shown at each wanted time: the last that is not later."""

    def __init__(self, packets: Packets, choose: Choose, take: Take[T]) -> None:
        self._packets, self._choose, self._take = packets, choose, take
        self._damaged: list[int] = []  # packet numbers
        self._keys: list[tuple[int, int]] = []  # (packet number, place) of undamaged key frames
        self._first, self._num_wanted = packets.shown[0], 0
        self._wanted: deque[int] = deque()
        self._taken: list[_Taken[T]] = []
        self._latest: _Shown | None = None

    def feed(
        self, context: VideoCodecContext, number: int, packet: Packet[VideoStream] | None
    ) -> None:
        """Decode a packet, or with None what the decoder still holds back."""
        try:
            frames = context.decode(packet)
        except av.error.FFmpegError:
            self._damaged.append(number)
            return
        for frame in frames:
            self._add(frame)

    def _add(self, frame: VideoFrame) -> None:
        place = self._latest.place + 1 if self._latest else 0
        time = frame.pts if self._packets.is_timed else place
        if time is None:
            return
        number = frame.opaque[0] if isinstance(frame.opaque, tuple) else place
        if frame.is_corrupt:
            self._damaged.append(number)
        elif frame.key_frame:
            self._keys.append((number, place))
        if self._latest is None:
            self._begin(time)
        elif time < self._latest.time:
            raise _UnexpectedError
        self._settle(time)
        self._latest = _Shown(place, number, time, frame)

    def _begin(self, time: int) -> None:
        if not self._damaged:
            # Frames that an undamaged stream does not give were never meant to be shown.
            self._first = min(max(time, self._first), self._packets.shown[-1])
        wanted = self._choose(self._packets, self._first)
        self._wanted, self._num_wanted = deque(wanted), len(wanted)

    def _settle(self, until: float) -> None:
        while self._wanted and self._wanted[0] < until:
            time, latest = self._wanted.popleft(), self._latest
            if latest is None or (latest.time != time and not self._packets.is_timed):
                continue
            if not self._taken or self._taken[-1].place < latest.place:
                number = latest.number
                if latest.time != time:
                    number = max(number, self._packets.numbers[time])
                taken = _Taken(latest.place, number, latest.time, self._take(latest.frame))
                self._taken.append(taken)

    def finish(self) -> Decoded[T]:
        """Call last."""
        self._settle(math.inf)
        num_frames = self._latest.place + 1 if self._latest else 0
        num_packets = len(self._packets.times)
        if not self._packets.is_timed and not self._damaged and num_frames != num_packets:
            detail = f"{num_packets} packets without times give {num_frames} frames"
            raise FrameError("video_undecodable", detail)
        frames = [(t.time, t.value) for t in self._taken if not self._is_doubtful(t)]
        return Decoded(self._packets, self._first, self._num_wanted, frames)

    def _is_doubtful(self, taken: _Taken[T]) -> bool:
        """Whether damage may have reached a frame: it spreads to what is decoded after it, up to
        what is shown from the next undamaged key frame on. Counted frames are lost from there."""
        numbers = [number for number, _ in self._keys]
        if numbers and self._packets.keys[:1] != [0] and taken.number < numbers[0]:
            return True
        for damaged in self._damaged:
            after = bisect_right(numbers, damaged)
            is_mended = after < len(numbers) and self._packets.is_timed
            end = self._keys[after][1] if is_mended else math.inf
            if damaged <= taken.number and taken.place < end:
                return True
        return False
