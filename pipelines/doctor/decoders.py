"""Looks at what reads pictures and clips: each reads one that is made here."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import cast

from PIL import Image, features

from pipelines.doctor.finding import Finding, State

# As sources ship them; the first four are in most.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
_MAY_LACK = {"AVIF": "avif", "WEBP": "webp"}
# Encoders that are tried in turn: builds of FFmpeg need not have the first.
_CODECS = ("libx264", "mpeg4")
_FRAMES, _RATE, _SIDE = 24, 8, 64


def look_at_pictures() -> Finding:
    lacking = [name for name in _FORMATS if not _reads(name)]
    have = ", ".join(name for name in _FORMATS if name not in lacking)
    found = f"Pillow {version('pillow')} reads {have}"
    if lacking:
        to_do = f"install a Pillow that reads {', '.join(lacking)}: their rows would be dropped"
        return Finding("pictures", "look", found, to_do)
    return Finding("pictures", "works", found)


def _reads(name: str) -> bool:
    if name in _MAY_LACK and not features.check(_MAY_LACK[name]):
        return False
    data = io.BytesIO()
    try:
        Image.new("RGB", (_SIDE, _SIDE), (200, 40, 40)).save(data, name)
        with Image.open(data) as image:
            image.load()
            return image.size == (_SIDE, _SIDE)
    except (OSError, ValueError, KeyError):
        return False


def look_at_clips() -> Iterator[Finding]:
    """PyAV, which builds use, and decord, the second backend."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        try:
            codec = _write_clip(clip)
        except (OSError, ValueError, ImportError) as error:
            yield Finding("clips", "broken", f"PyAV: {error}", "pip install --force-reinstall av")
            return
        yield _look("clips", "av", "pyav", clip, codec, "broken")
        yield _look("clips, second backend", "decord", "decord", clip, codec, "look")


def _write_clip(path: Path) -> str:
    """A clip of some seconds; returns its codec."""
    import av

    codec = next((one for one in _CODECS if one in av.codecs_available), _CODECS[-1])
    with av.open(str(path), "w") as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=_RATE))
        stream.width = stream.height = _SIDE
        stream.pix_fmt = "yuv420p"
        for number in range(_FRAMES):
            shade = Image.new("RGB", (_SIDE, _SIDE), (number * 10, 80, 120))
            frame = av.VideoFrame.from_image(shade)  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return codec


def _look(what: str, package: str, backend: str, clip: Path, codec: str, bad: State) -> Finding:
    from pipelines.clips import FrameError, FrameSpec
    from pipelines.frames import sample_frames

    to_do = f"pip install --force-reinstall {package}"
    try:
        seen = sample_frames(str(clip), FrameSpec(), backend)
    except (FrameError, OSError, ImportError, RuntimeError) as error:
        return Finding(what, bad, f"{package}: {error}", to_do)
    wanted = _FRAMES // _RATE
    found = f"{package} {version(package)} read {len(seen.frames)} of {wanted} frames of {codec}"
    return Finding(what, "works" if len(seen.frames) == wanted else bad, found)
