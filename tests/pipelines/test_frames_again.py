"""Damaged clips give the same frames every time, whatever was decoded in between."""

from __future__ import annotations

from pathlib import Path

import av

from pipelines.frames import Clip, FrameError, FrameSpec, sample_frames
from tests.pipelines.numbered_clips import write_clip

_SPEC = FrameSpec(fps=10, max_frames=1000)


def _blank_packet(path: Path, number: int) -> None:
    """Overwrite all of a packet but its first bytes with zeros."""
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][number]
        at, size = packet.pos or 0, packet.size
    data = bytearray(path.read_bytes())
    data[at + 5 : at + size] = bytes(size - 5)
    path.write_bytes(data)


def _result(path: Path) -> Clip | str:
    try:
        return sample_frames(str(path), _SPEC)
    except FrameError as error:
        return error.reason


def test_a_damaged_clip_is_the_same_in_any_company(tmp_path: Path) -> None:
    """Packets once carried their numbers as small integers, which PyAV mixed up at times."""
    paths = [write_clip(tmp_path / f"{number}.mp4", 100) for number in (23, 41, 67)]
    for path in paths:
        _blank_packet(path, int(path.stem))
    first = [_result(path) for path in paths]
    for turn in range(15):
        order = [(place + turn) % len(paths) for place in range(len(paths))]
        assert [_result(paths[place]) for place in order] == [first[place] for place in order]
