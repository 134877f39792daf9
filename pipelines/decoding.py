"""Decoding with PyAV: the frames that a clip shows at given times, each proven to be that frame.

`decode_groups` decodes only from the key frame before each wanted frame, and gives up where anything
is not as the packets say. `decode_all` decodes the whole clip, which tells of any stream what it
shows when, and which frames damage may have touched.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pipelines.packets import FrameError, Packets, numbered, open_clip

T = TypeVar("T")
Take = Callable[[VideoFrame], T]
# Which times are wanted, given the time of the first frame; ascending, all of them in `shown`.
Choose = Callable[[int], list[int]]


class UnorderedError(Exception):
    """Frames come out of the decoder in another order than that of their times."""


@dataclass(frozen=True, slots=True)
class Decoded(Generic[T]):
    """(time, what `take` made of the frame) in order; `first` is the time of the first frame."""

    first: int
    num_wanted: int
    frames: list[tuple[int, T]]


@dataclass(slots=True)
class _Group:
    """Packets `begin` to `last` give the frames shown at `times`, if decoding begins at `begin`."""

    begin: int
    last: int
    times: list[int]


def decode_groups(path: str, packets: Packets, choose: Choose, take: Take[T]) -> Decoded[T] | None:
    """All wanted frames by the least decoding, or None: not everything was as expected."""
    if not packets.allow_jumps:
        return None
    first = packets.shown[0]
    wanted = choose(first)
    frames: list[tuple[int, T]] = []
    with open_clip(path) as (container, stream):
        feed = numbered(container, stream)
        for group in _groups(packets, wanted):
            context = stream.codec_context
            try:
                frames += _decode_group(context, feed, packets, group, take)
            except (av.error.FFmpegError, UnorderedError):
                return None
            context.flush_buffers()
    return Decoded(first, len(wanted), frames) if len(frames) == len(wanted) else None


def _groups(packets: Packets, times: list[int]) -> list[_Group]:
    groups: list[_Group] = []
    for time in times:
        begin, last = packets.key_before(time), packets.numbers[time]
        if groups and begin <= groups[-1].last:
            groups[-1].last = max(groups[-1].last, last)
            groups[-1].times.append(time)
        else:
            groups.append(_Group(begin, last, [time]))
    return groups


def _decode_group(
    context: VideoCodecContext,
    feed: Iterator[tuple[int, Packet]],
    packets: Packets,
    group: _Group,
    take: Take[T],
) -> list[tuple[int, T]]:
    wanted, found = set(group.times), []
    latest = packets.times[group.begin]
    began = group.begin in packets.hidden
    for frame in _feed(context, feed, group):
        if frame.pts is None or latest is None:
            raise UnorderedError
        if frame.pts < latest and not began:
            continue  # decoded after the key frame, shown before it: not whole without the last group
        began = began or bool(frame.key_frame)
        if not began or frame.is_corrupt or frame.pts < latest:
            raise UnorderedError
        latest = frame.pts
        if latest in wanted:
            found.append((latest, take(frame)))
    return found


def _feed(
    context: VideoCodecContext, feed: Iterator[tuple[int, Packet]], group: _Group
) -> Iterator[VideoFrame]:
    for number, packet in feed:
        if number >= group.begin:
            yield from context.decode(packet)
        if number >= group.last:
            break
    yield from context.decode(None)


def decode_all(path: str, packets: Packets, choose: Choose, take: Take[T]) -> Decoded[T]:
    """The wanted frames as they come out of decoding everything; damaged ones are left out.

    UnorderedError where times are not what they should be: call again with `packets.counted()`.
    """
    whole = _Whole(packets, choose, take)
    with open_clip(path) as (container, stream):
        context = stream.codec_context
        for number, packet in numbered(container, stream):
            whole.feed(context, number, packet)
        whole.feed(context, len(packets.times), None)
    return whole.result()


@dataclass(frozen=True, slots=True)
class _Taken(Generic[T]):
    """`place`: how many frames came out before; `number`: the last packet that it depends on."""

    place: int
    number: int
    time: int
    value: T


class _Whole(Generic[T]):
    """What comes out of decoding a clip from its first packet to its last."""

    def __init__(self, packets: Packets, choose: Choose, take: Take[T]) -> None:
        self._packets, self._choose, self._take = packets, choose, take
        self._damaged: list[int] = []  # packet numbers
        self._keys: list[tuple[int, int]] = []  # (packet number, place) of key frames that are whole
        self._wanted: list[int] = []
        self._num_settled = 0
        self._taken: list[_Taken[T]] = []
        self._first: int | None = None
        self._latest: tuple[int, VideoFrame] | None = None  # time
        self._place = -1

    def feed(self, context: VideoCodecContext, number: int, packet: Packet | None) -> None:
        try:
            frames = context.decode(packet)
        except av.error.FFmpegError:
            self._damaged.append(number)
            return
        for frame in frames:
            time = frame.pts if self._packets.is_timed else self._place + 1
            if time is not None:
                self._add(time, frame)

    def _add(self, time: int, frame: VideoFrame) -> None:
        if self._latest is not None and time < self._latest[0]:
            raise UnorderedError
        if self._first is None:
            # What is shown before it and was not damaged never comes out of any decoder.
            self._first = max(time, self._packets.shown[0]) if not self._damaged else self._packets.shown[0]
            self._wanted = self._choose(self._first)
        self._settle(time)
        self._latest = time, frame
        self._place += 1
        ...
