"""Frames of clips: the right one at each second, in any container, or a reason.

Clips are made here, and each frame shows its number (numbered_clips.py): what is found is compared
with what was drawn, not with what any decoder says.
"""

from __future__ import annotations

import importlib.util
import io
import random
import struct
import sys
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.stream import Disposition
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from pipelines import decoding, packets
from pipelines.frames import (
    Clip,
    FrameError,
    FrameSpec,
    fit,
    frames_from_images,
    sample_frames,
    shown_at,
    wanted_times,
)
from tests.pipelines.numbered_clips import SIZE, paint_number, read_number, write_clip

SPEC = FrameSpec()
REALDATA = Path(__file__).parents[3] / "shared" / "realdata" / "media"


def _x264(options: str) -> dict[str, str]:
    return {"x264-params": f"threads=1:{options}"}


_OPEN_GROUPS = _x264("open-gop=1:keyint=12:min-keyint=12:scenecut=0:bframes=3:b-pyramid=normal")
_REFRESH = _x264("intra-refresh=1:keyint=20:bframes=0")
_REORDERED = _x264("keyint=12:bframes=3")
_X265 = "pools=1:frame-threads=1:log-level=none"


@dataclass(frozen=True)
class Case:
    """A clip of 80 frames; `how` names the ways of decoding that are tried, the last one works."""

    name: str
    how: str = "groups"
    rate: int = 10
    times: list[int] = field(default_factory=lambda: list(range(80)))
    base: Fraction | None = None
    first: int = 0
    made: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        made: dict[str, Any] = {
            "rate": self.rate,
            "times": self.times,
            "base": self.base,
            **self.made,
        }
        return write_clip(folder / self.name, len(self.times), **made)

    def seconds(self) -> list[Fraction]:
        """When each frame is shown, from the first that is shown."""
        base = self.base or Fraction(1, self.rate)
        return [(time - self.times[self.first]) * base for time in self.times]


CASES = [
    Case("plain.mp4"),
    Case("plain.mkv"),
    Case("plain.flv"),
    Case("plain.ts"),
    Case("plain.mov", made={"options": {"g": "12"}}),
    Case("fragments.mp4", made={"muxer": {"movflags": "frag_keyframe+empty_moov"}}),
    Case("open_groups.mp4", made={"options": _OPEN_GROUPS}),
    Case("open_groups.ts", made={"options": _OPEN_GROUPS}),
    Case("hevc.mp4", made={"codec": "libx265", "options": {"g": "12"}}),
    Case(
        "hevc_open.mp4",
        made={
            "codec": "libx265",
            "options": {"x265-params": f"{_X265}:open-gop=1:keyint=12:min-keyint=12:bframes=3"},
        },
    ),
    # No key frame but the first: parts of the picture are renewed in turn.
    Case("refresh.mp4", "groups all", made={"options": _REFRESH}),
    Case("refresh.ts", "groups all", made={"options": _REFRESH}),
    # AVI has no times of presentation, FFmpeg makes some up; raw streams have no times at all.
    Case("reordered.avi", "all counted", made={"options": _REORDERED}),
    Case("in_order.avi", made={"options": {"bf": "0", "g": "12"}}),
    Case("asp.avi", made={"codec": "mpeg4", "options": {"g": "12"}}),
    Case("mjpeg.avi", made={"codec": "mjpeg", "pix_fmt": "yuvj420p"}),
    Case("raw.h264", "counted", made={"options": _REORDERED}),
    Case("raw.hevc", "counted", made={"codec": "libx265", "format": "hevc"}),
    # Many small frames in one packet of the container: it says of some that they are shown at once.
    Case("program.mpg", "all counted", 25, made={"codec": "mpeg2video", "options": {"g": "12"}}),
    Case("mpeg2.ts", "groups", 25, made={"codec": "mpeg2video", "options": {"g": "12"}}),
    # Packets without durations.
    Case("wmv.wmv", made={"codec": "wmv2", "options": {"qscale": "2"}}),
    Case("gif.gif", made={"codec": "gif", "pix_fmt": "gray"}),
    Case("vp9.webm", made={"codec": "libvpx-vp9", "options": {"g": "12"}}),
    Case("vp8.webm", made={"codec": "libvpx", "options": {"g": "40"}}),
    Case("av1.mkv", made={"codec": "libsvtav1", "options": {"g": "20"}}),
    Case("av1.mp4", made={"codec": "libsvtav1", "options": {"g": "20"}}),
    Case("ten_bit.mp4", made={"pix_fmt": "yuv420p10le"}),
    Case("full_chroma.mp4", made={"pix_fmt": "yuv444p"}),
    Case("starts_late.mp4", times=[57 + n for n in range(80)]),
    Case("starts_late.ts", times=[5700 + n for n in range(80)]),
    # Shown from frame 15 on, by an edit list that begins inside a group of pictures.
    Case("cut_off.mp4", times=[n - 15 for n in range(80)], first=15, made={"options": {"g": "12"}}),
    Case("faster.mp4", "groups", 30, [n * n for n in range(80)], Fraction(1, 1000)),
    Case(
        "slower.webm",
        "groups",
        30,
        [n * (160 - n) for n in range(80)],
        Fraction(1, 1000),
        made={"codec": "libvpx-vp9"},
    ),
    Case("pause.mkv", times=[n if n < 40 else n + 200 for n in range(80)]),
]


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ways of decoding that are tried, in order."""
    tried: list[str] = []
    groups, everything = decoding._decode_groups, decoding._decode_all

    def by_groups(*args: Any) -> Any:
        tried.append("groups")
        return groups(*args)

    def all_of_it(path: str, listed: packets.Packets, *args: Any) -> Any:
        tried.append("all" if listed.is_timed else "counted")
        return everything(path, listed, *args)

    monkeypatch.setattr(decoding, "_decode_groups", by_groups)
    monkeypatch.setattr(decoding, "_decode_all", all_of_it)
    return tried


def _numbers(clip: Clip) -> list[int]:
    return [read_number(frame.data) for frame in clip.frames]


def _milliseconds(clip: Clip) -> list[int]:
    return [frame.timestamp_ms for frame in clip.frames]


def _sample(path: Path, spec: FrameSpec = SPEC, backend: str = "pyav") -> Clip:
    return sample_frames(str(path), spec, backend)


def _reason(path: Path, backend: str = "pyav") -> str:
    with pytest.raises(FrameError) as raised:
        _sample(path, SPEC, backend)
    assert str(path) not in raised.value.detail
    return raised.value.reason


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_frame_of_each_second(case: Case, tmp_path: Path, ways: list[str]) -> None:
    clip = _sample(case.write(tmp_path))
    seconds = case.seconds()
    shown = [
        max(n for n, begin in enumerate(seconds) if begin <= second)
        for second in range(-(-clip.duration_ms // 1000))
    ]
    wanted = list(dict.fromkeys(shown))
    assert _numbers(clip) == wanted
    assert _milliseconds(clip) == [int(seconds[number] * 1000) for number in wanted]
    after_last = Fraction(clip.duration_ms, 1000) - seconds[-1]
    assert 0 < after_last <= max(seconds[-1] - seconds[-2], Fraction(1, case.rate))
    assert " ".join(ways) == case.how


def test_a_long_clip_is_spread_evenly(tmp_path: Path, ways: list[str]) -> None:
    path = write_clip(tmp_path / "long.mp4", 1000, options={"g": "50"})
    clip = _sample(path)
    assert _milliseconds(clip) == [int(100_000 * (2 * i + 1) / 128) // 100 * 100 for i in range(64)]
    assert _numbers(clip) == [ms // 100 for ms in _milliseconds(clip)]
    assert clip.duration_ms == 100_000 and ways == ["groups"]
    assert (clip.fps, clip.decoded_ratio) == (10.0, 1.0)


def test_what_lies_between_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 of 51 groups of pictures are 20 frames long; of most, no frame is wanted but the first."""
    path = write_clip(tmp_path / "long.mp4", 1280, options={"g": "20", "sc_threshold": "0"})
    decoded: list[int] = []

    def count(context: Any, feed: Any, group: Any) -> Any:
        decoded.append(group.last - group.begin + 1)
        return real(context, feed, group)

    real = decoding._decode_packets
    monkeypatch.setattr(decoding, "_decode_packets", count)
    assert len(_sample(path).frames) == 64
    assert sum(decoded) < 1280 * 0.6


# What a display matrix makes of a picture whose corners are red, green, blue and white, clockwise
# from top left, given the angle (counter-clockwise) and mirroring with which it was written.
CORNERS = "RGBW"
TURNS = [
    (0, False, False, "RGBW"),
    (90, False, False, "GBWR"),
    (180, False, False, "BWRG"),
    (270, False, False, "WRGB"),
    (0, True, False, "GRWB"),
    (0, False, True, "WBGR"),
    (90, True, False, "BGRW"),
    (90, False, True, "RWBG"),
]


def _paint_corners(_: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (255, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 255, 0)
    picture[height // 2 :, width // 2 :] = (0, 0, 255)
    picture[height // 2 :, : width // 2] = (255, 255, 255)
    return picture


def _corners(data: bytes) -> str:
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=int)
    names = {(1, 0, 0): "R", (0, 1, 0): "G", (0, 0, 1): "B", (1, 1, 1): "W"}
    places = (picture[4, 4], picture[4, -5], picture[-5, -5], picture[-5, 4])
    return "".join(names[tuple((place > 127).astype(int).tolist())] for place in places)


@pytest.mark.parametrize(("degrees", "hflip", "vflip", "corners"), TURNS)
def test_frames_stand_upright(
    tmp_path: Path, degrees: int, hflip: bool, vflip: bool, corners: str
) -> None:
    turn = (degrees, hflip, vflip)
    path = write_clip(tmp_path / "turned.mp4", 4, turn=turn, paint=_paint_corners)
    clip = _sample(path)
    (frame,) = clip.frames
    assert _corners(frame.data) == corners
    size = SIZE[::-1] if degrees in (90, 270) else SIZE
    assert (clip.width, clip.height) == (frame.width, frame.height) == size
    if not hflip and not vflip and _has_decord():
        theirs = _sample(path, backend="decord")
        assert _corners(theirs.frames[0].data) == corners
        assert (theirs.width, theirs.height) == size


def _has_decord() -> bool:
    return importlib.util.find_spec("decord") is not None


needs_decord = pytest.mark.skipif(not _has_decord(), reason="decord has wheels for x86-64 only")


@pytest.mark.parametrize("degrees", [0, 90])
@pytest.mark.parametrize(
    ("size", "pixel_aspect", "full", "shown"),
    [
        ((720, 576), Fraction(16, 11), (720, 396), (512, 282)),
        ((352, 288), Fraction(12, 11), (352, 264), (352, 264)),
        ((640, 480), Fraction(1, 2), (320, 480), (320, 480)),
        ((1280, 720), Fraction(1), (1280, 720), (512, 288)),
        ((128, 64), Fraction(100, 1), (128, 64), (128, 64)),
    ],
)
def test_pixels_are_square_and_never_enlarged(
    tmp_path: Path,
    degrees: int,
    size: tuple[int, int],
    pixel_aspect: Fraction,
    full: tuple[int, int],
    shown: tuple[int, int],
) -> None:
    path = tmp_path / "aspect.mp4"
    write_clip(path, 2, size=size, pixel_aspect=pixel_aspect, turn=(degrees, False, False))
    if degrees:
        full, shown = full[::-1], shown[::-1]
    for backend in ("pyav", "decord") if _has_decord() else ("pyav",):
        clip = _sample(path, backend=backend)
        assert (clip.width, clip.height) == full
        assert (clip.frames[0].width, clip.frames[0].height) == shown
        assert Image.open(io.BytesIO(clip.frames[0].data)).size == shown


def test_a_frame_is_a_jpeg_in_the_colours_of_the_clip(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "red.mp4", 2, paint=_paint_corners, size=(256, 128))
    (frame,) = _sample(path).frames
    picture = Image.open(io.BytesIO(frame.data))
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    reds = np.asarray(picture)[10:50, 10:100].reshape(-1, 3).mean(axis=0)
    assert np.abs(reds - (255, 0, 0)).max() < 6


@pytest.mark.parametrize("space", [Colorspace.ITU709, Colorspace.ITU601, Colorspace.BT2020])
@pytest.mark.parametrize("scale", [ColorRange.MPEG, ColorRange.JPEG])
def test_colours_are_those_that_the_clip_says(
    tmp_path: Path, space: Colorspace, scale: ColorRange
) -> None:
    def paint(_: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
        return np.full((size[1], size[0], 3), (200, 40, 90), np.uint8)

    path = write_clip(tmp_path / "tagged.mp4", 2, paint=paint, colours=(space, scale))
    (frame,) = _sample(path).frames
    middle = np.asarray(Image.open(io.BytesIO(frame.data)))[30, 60]
    assert np.abs(middle.astype(int) - (200, 40, 90)).max() < 6


def test_bytes_depend_on_the_file_alone(tmp_path: Path) -> None:
    cases = [case for case in CASES if case.name in ("plain.mp4", "refresh.ts", "vp9.webm")]
    paths = [case.write(tmp_path) for case in cases]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(_damage(paths[0].read_bytes(), 0.5))
    (tmp_path / "text.mp4").write_text("no clip")
    first = {path: _sample(path) for path in paths}
    again = {path: _sample(path) for path in reversed(paths)}
    assert first == again
    assert _reason(tmp_path / "text.mp4") == "video_undecodable"
    damaged = _sample(broken)
    moved = tmp_path / "elsewhere"
    moved.write_bytes(broken.read_bytes())
    assert _sample(paths[0]) == first[paths[0]]
    assert _sample(moved) == damaged


def _damage(data: bytes, part: float) -> bytes:
    """100 bytes of it overwritten."""
    at = int(len(data) * part)
    return data[:at] + b"\x55" * 100 + data[at + 100 :]


def _paint_noise(number: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A number with grain, so that its packet is more than a few bytes."""
    grain = np.random.default_rng(number).normal(0, 8, (size[1], size[0], 3))
    return (paint_number(number, size) + grain).clip(0, 255).astype(np.uint8)


def _break_packet(path: Path, number: int, first: float, value: bytes) -> Path:
    """A copy in which packet `number` is overwritten from its part `first` on."""
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][number]
        at, end = (packet.pos or 0) + int(packet.size * first), (packet.pos or 0) + packet.size
    data = bytearray(path.read_bytes())
    data[at:end] = (value * packet.size)[: end - at]
    broken = path.with_stem(f"broken{number}")
    broken.write_bytes(data)
    return broken


def test_damage_reaches_up_to_the_next_key_frame(tmp_path: Path, ways: list[str]) -> None:
    path = write_clip(tmp_path / "whole.mp4", 200, options={"g": "40", "bf": "0"})
    broken = _break_packet(path, 55, 0.0, b"\xff")
    clip = _sample(broken)
    assert _numbers(clip) == [n for n in range(0, 200, 10) if n not in (60, 70)]
    assert (clip.fps, clip.decoded_ratio) == (10.0, 0.9)
    assert ways == ["groups", "all"]


@pytest.mark.parametrize("number", [3, 17, 22, 41, 65])
def test_no_concealed_frame_passes(tmp_path: Path, number: int) -> None:
    """Half a picture is lost: what refers to it is lost too, though it is shown before it."""
    options = {"g": "24", "sc_threshold": "0"}
    path = write_clip(tmp_path / "whole.mp4", 72, options=options, paint=_paint_noise)
    broken = _break_packet(path, number, 0.5, b"\x00")
    dense = FrameSpec(fps=10, max_frames=1000)
    whole = {frame.timestamp_ms: frame for frame in _sample(path, dense).frames}
    found = {frame.timestamp_ms: frame for frame in _sample(broken, dense).frames}
    assert len(whole) == 72 and found.items() < whole.items()
    of_others = {ms for ms in whole if ms // 2400 != number // 24}
    assert of_others <= found.keys()


def test_a_clip_that_hardly_decodes_is_no_clip(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "whole.mp4", 100, options={"g": "1000", "sc_threshold": "0"})
    assert _reason(_break_packet(path, 30, 0.0, b"\xff")) == "video_truncated"
    assert _reason(_break_packet(path, 0, 0.0, b"\xff")) == "video_undecodable"


def test_a_packet_that_shows_nothing(tmp_path: Path) -> None:
    """Nothing is shown anew at 1.0 s: the frame before it stays."""
    times = [n for n in range(40) if n != 10]
    source = write_clip(tmp_path / "source.mkv", 39, codec="libsvtav1", times=times)
    path = tmp_path / "hidden.mkv"
    with av.open(str(source)) as read, av.open(str(path), "w") as written:
        stream = read.streams.video[0]
        copy: Any = written.add_stream_from_template(stream, opaque=True)
        for packet in read.demux(stream):
            if packet.pts == 1100:
                metadata: Any = av.Packet(bytes([0x2A, 0x03, 0x06, 0x01, 0x80]))
                metadata.pts = metadata.dts = 1000
                metadata.time_base, metadata.stream = packet.time_base, copy
                written.mux(metadata)
            if packet.size:
                packet.stream = copy
                written.mux(packet)
    clip = _sample(path)
    assert list(zip(_milliseconds(clip), _numbers(clip), strict=True)) == [
        (0, 0),
        (900, 9),
        (2000, 19),
        (3000, 29),
    ]


@dataclass(frozen=True)
class Cut:
    """A clip of 200 frames, cut after (or, negative, of) this part of its bytes."""

    name: str
    part: float
    made: dict[str, Any] = field(default_factory=dict)
    num_claimed: int = 0  # frames, where the header claims a length
    reason: str | None = None


_FAST = {"muxer": {"movflags": "faststart"}, "options": {"g": "20"}}
_FRAGMENTS = {"muxer": {"movflags": "frag_keyframe+empty_moov"}, "options": {"g": "20"}}
_VP9 = {"codec": "libvpx-vp9", "options": {"g": "20"}}
CUTS = [
    Cut("fast.mp4", 0.9, _FAST, 200),
    Cut("fast.mp4", 0.5, _FAST, 200, "video_truncated"),
    Cut("plain.mp4", 0.5, {}, 200, "video_undecodable"),
    Cut("fragments.mp4", 0.6, _FRAGMENTS),
    Cut("vp9.webm", 0.7, _VP9, 200),
    Cut("vp9.webm", 0.3, _VP9, 200, "video_truncated"),
    Cut("plain.ts", 0.4, {"options": {"g": "20"}}),
    Cut("plain.ts", -0.4, {"options": {"g": "20"}}),
    Cut("open.ts", -0.4, {"options": _OPEN_GROUPS}),
    Cut("mpeg2.ts", -0.4, {"codec": "mpeg2video", "options": {"g": "12"}, "rate": 25}),
    Cut("refresh.ts", -0.4, {"options": _REFRESH}),
    Cut("reordered.avi", 0.8, {"options": _REORDERED}),
]


@pytest.mark.parametrize("cut", CUTS, ids=[f"{cut.name} {cut.part}" for cut in CUTS])
def test_what_is_left_of_a_clip_is_sampled(cut: Cut, tmp_path: Path) -> None:
    path = write_clip(tmp_path / cut.name, 200, **cut.made)
    data = path.read_bytes()
    if cut.part < 0:
        path.write_bytes(data[int(len(data) * -cut.part) // 188 * 188 :])
    else:
        path.write_bytes(data[: int(len(data) * cut.part)])
    if cut.reason:
        assert _reason(path) == cut.reason
        return
    clip = _sample(path)
    rate = cut.made.get("rate", 10)
    first, *_ = numbers = _numbers(clip)
    assert numbers == [first + rate * second for second in range(len(numbers))]
    assert _milliseconds(clip) == [1000 * second for second in range(len(numbers))]
    assert (first > 0) == (cut.part < 0)
    assert clip.duration_ms < 200_000 // rate
    assert len(numbers) == -(-clip.duration_ms // 1000)


def test_streams_one_after_another(tmp_path: Path) -> None:
    """Times begin again, and the size changes: frames are counted, and each has its own size."""
    first = write_clip(tmp_path / "first.ts", 100)
    second = write_clip(tmp_path / "second.ts", 100, size=(256, 128))
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    clip = _sample(both)
    assert _milliseconds(clip) == [1000 * second for second in range(20)]
    assert _numbers(clip) == [*range(0, 100, 10), *range(0, 100, 10)]
    assert [frame.width for frame in clip.frames] == [128] * 10 + [256] * 10


def test_key_frames_that_are_none(tmp_path: Path) -> None:
    """Without its table of key frames an MP4 says that all frames are."""
    path = write_clip(tmp_path / "clip.mp4", 200, options={"g": "50"})
    path.write_bytes(path.read_bytes().replace(b"stss", b"free"))
    assert _numbers(_sample(path)) == list(range(0, 200, 10))


def _write_sound(path: Path, cover: bytes | None = None) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=48_000, layout="mono")
        image: Any = container.add_stream("mjpeg") if cover else None
        if cover:
            image.width, image.height, image.pix_fmt = 64, 64, "yuvj420p"
            image.disposition = Disposition.attached_pic
        for number in range(50):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 48_000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if cover:
            packet: Any = av.Packet(cover)
            packet.stream, packet.pts, packet.dts = image, 0, 0
            container.mux(packet)
    return path


def _jpeg(size: tuple[int, int] = (64, 64), **options: Any) -> bytes:
    buffer = io.BytesIO()
    options.setdefault("format", "JPEG")
    Image.effect_noise(size, 60).convert(options.pop("mode", "RGB")).save(buffer, **options)
    return buffer.getvalue()


def test_an_edit_list_shows_a_part(tmp_path: Path, ways: list[str]) -> None:
    """3 s of 20 s, from 7.5 s on, in the middle of a group of pictures: as a phone trims."""
    path = write_clip(tmp_path / "trimmed.mp4", 200, options={"g": "20"})
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12  # after its flags and the number of its entries
    _, start = struct.unpack_from(">Ii", data, at)
    struct.pack_into(">Ii", data, at, 3000, start + 75 * 1024)
    path.write_bytes(data)
    clip = _sample(path)
    assert (_numbers(clip), _milliseconds(clip)) == ([75, 85, 95], [0, 1000, 2000])
    assert clip.duration_ms == 3000 and ways == ["groups"]


def test_a_title_in_another_encoding(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", 10, title="a title")
    path.write_bytes(path.read_bytes().replace(b"a title", b"\xff t\xeftl\xe9"))
    assert _numbers(_sample(path)) == [0]


def test_sound_alone_has_no_frames(tmp_path: Path) -> None:
    assert _reason(_write_sound(tmp_path / "sound.mp4")) == "video_audio_only"
    with_cover = _write_sound(tmp_path / "cover.mp4", _jpeg())
    with av.open(str(with_cover)) as container:
        assert len(container.streams.video) == 1
    assert _reason(with_cover) == "video_audio_only"


def test_what_is_no_clip_is_not_read(tmp_path: Path) -> None:
    """A playlist above all: it would have other files of this machine read as a clip."""
    write_clip(tmp_path / "secret.mp4", 10)
    for name, data in {
        "empty.mp4": b"",
        "text.mp4": b"hello world " * 100,
        "image.mp4": _jpeg(),
        "concat.mp4": b"ffconcat version 1.0\nfile secret.mp4\n",
        "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    }.items():
        (tmp_path / name).write_bytes(data)
        assert _reason(tmp_path / name) == "video_undecodable", name


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", 10)
    monkeypatch.setattr(packets, "_MAX_FILE_BYTES", path.stat().st_size)
    assert _sample(path)
    monkeypatch.setattr(packets, "_MAX_FILE_BYTES", path.stat().st_size - 1)
    assert _reason(path) == "media_too_large"
    monkeypatch.undo()
    monkeypatch.setattr(packets, "MAX_PIXELS", SIZE[0] * SIZE[1] - 1)
    assert _reason(path) == "media_too_large"


def test_a_stream_that_grows_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = tmp_path / "small.ts", tmp_path / "large.ts"
    write_clip(small, 60)
    write_clip(large, 20, size=(512, 512))
    small.write_bytes(small.read_bytes() + large.read_bytes())
    monkeypatch.setattr(packets, "MAX_PIXELS", 200 * 200)
    clip = _sample(small)
    assert _numbers(clip) == list(range(0, 60, 10))


@needs_decord
@pytest.mark.parametrize("name", ["plain.mp4", "vp9.webm", "starts_late.mp4", "faster.mp4"])
def test_decord_finds_the_same_frames(tmp_path: Path, name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    path = case.write(tmp_path)
    ours, theirs = _sample(path), _sample(path, backend="decord")
    assert _numbers(ours) == _numbers(theirs)
    assert _milliseconds(ours) == _milliseconds(theirs)


@needs_decord
def test_decord_fails_with_a_reason(tmp_path: Path) -> None:
    by_name = {case.name: case for case in CASES}
    for name in ("av1.mkv", "raw.h264"):
        assert _reason(by_name[name].write(tmp_path), "decord") == "video_undecodable"
    mirrored = write_clip(tmp_path / "mirrored.mp4", 4, turn=(0, True, False))
    assert _reason(mirrored, "decord") == "video_undecodable"


def test_decord_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", 10)
    monkeypatch.setitem(sys.modules, "decord", None)
    assert _reason(path, "decord") == "video_undecodable"
    assert _sample(path)


@pytest.mark.parametrize("name", ["plain.mp4", "plain.ts", "vp9.webm", "reordered.avi", "av1.mkv"])
def test_broken_files_give_a_clip_or_a_reason(tmp_path: Path, name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    path = case.write(tmp_path)
    data = path.read_bytes()
    draw = random.Random(name)
    for _ in range(25):
        broken = bytearray(data)
        for _ in range(draw.choice([1, 10, 100])):
            broken[draw.randrange(draw.choice([len(data), 1000]))] = draw.randrange(256)
        path.write_bytes(broken[: draw.choice([len(data), draw.randrange(len(data))])])
        try:
            clip = _sample(path)
        except FrameError as error:
            assert error.reason.startswith(("video_", "media_"))
        else:
            times = _milliseconds(clip)
            assert times == sorted(set(times)) and times[-1] <= clip.duration_ms
            assert len(times) <= 64 and max(f.width for f in clip.frames) <= 512


@pytest.mark.parametrize(
    ("seconds", "count", "last"),
    [("0.01", 1, "0"), ("1", 1, "0"), ("1.01", 2, "1"), ("63.9", 64, "63"), ("64", 64, "63")],
)
def test_one_frame_a_second_up_to_64(seconds: str, count: int, last: str) -> None:
    times = wanted_times(Fraction(seconds), SPEC)
    assert (len(times), times[-1]) == (count, Fraction(last))


def test_more_are_the_middles_of_equal_parts() -> None:
    times = wanted_times(Fraction(640), SPEC)
    assert times == [Fraction(5 + 10 * i) for i in range(64)]
    assert wanted_times(Fraction(4), FrameSpec(fps=2, max_frames=2)) == [1, 3]


def test_a_frame_is_shown_until_the_next() -> None:
    times = [100, 140, 300]
    wanted = [Fraction(second) for second in ("0", "0.39", "0.4", "1.9", "2", "9")]
    assert shown_at(times, wanted, Fraction(1, 100)) == [100, 140, 300]


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((512, 512), (512, 512)), ((513, 2), (512, 2)), ((1, 9000), (1, 512)), ((30, 20), (30, 20))],
)
def test_fit(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert fit(*size, 512) == fitted


def test_the_spec_is_part_of_digests() -> None:
    assert SPEC.spec == "frames-1:1fps:64:512px:q90"


def test_a_folder_of_frames() -> None:
    shipped = [(f"{n:04}.jpg", _jpeg((64, 48))) for n in range(300)]
    clip = frames_from_images(shipped[:9], 2.0, SPEC)
    assert [frame.data for frame in clip.frames] == [data for _, data in shipped[:9:2]]
    assert _milliseconds(clip) == [0, 1000, 2000, 3000, 4000]
    assert (clip.duration_ms, clip.width, clip.height, clip.format) == (4500, 64, 48, "frames")
    assert (clip.fps, clip.decoded_ratio) == (2.0, 1.0)
    long = frames_from_images(shipped, 2.0, SPEC)
    assert len(long.frames) == 64 and long.frames[0].data == shipped[2][1]
    assert _milliseconds(long)[:2] == [1000, 3500]


def test_frames_of_a_folder_become_plain_jpegs() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    shipped = [
        ("large.jpg", _jpeg((1024, 512))),
        ("turned.jpg", _jpeg((64, 32), exif=turned)),
        ("print.jpg", _jpeg((64, 32), mode="CMYK")),
        ("grey.png", _jpeg((64, 32), mode="L", format="PNG")),
    ]
    clip = frames_from_images(shipped, 1.0, SPEC)
    sizes = [(512, 256), (32, 64), (64, 32), (64, 32)]
    assert [(frame.width, frame.height) for frame in clip.frames] == sizes
    for frame, size in zip(clip.frames, sizes, strict=True):
        picture = Image.open(io.BytesIO(frame.data))
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", size)
        assert picture.getexif().get(0x0112) is None
    assert (clip.width, clip.height) == (1024, 512)


def test_a_folder_with_a_broken_frame() -> None:
    with pytest.raises(FrameError, match="video_no_frames"):
        frames_from_images([], 2.0, SPEC)
    with pytest.raises(FrameError, match=r"video_undecodable.*7\.jpg: image_truncated"):
        frames_from_images([("7.jpg", _jpeg()[:-40])], 2.0, SPEC)


REAL = {
    "av1_video.mkv": ("matroska/av1", (640, 360), 5000, [0, 1000, 2000, 3000, 4000]),
    # Claims 5 s; from 3.0 s on a packet is lost and all else refers to it.
    "corrupted.mp4": ("mov/h264", (1280, 720), 5000, [0, 1000, 2000]),
    "h264_10bits.mp4": ("mov/h264", (200, 200), 1000, [0]),
    "test_non_zero_start.mp4": ("mov/h264", (199, 112), 400, [0]),
    "testsrc2_vp9.webm": ("matroska/vp9", (1280, 720), 1000, [0]),
    "unordered.mov": ("mov/h264", (50, 50), 125, [0]),
    "video_90.mov": ("mov/h264", (320, 568), 100, [0]),
}


@pytest.mark.skipif(not REALDATA.exists(), reason="real files are not on this machine")
@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str) -> None:
    clip = _sample(REALDATA / name)
    found = (clip.format, (clip.width, clip.height), clip.duration_ms, _milliseconds(clip))
    assert found == REAL[name]
    assert all(max(frame.width, frame.height) <= 512 for frame in clip.frames)
