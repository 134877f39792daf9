"""Clips cut from real footage and photos, encoded to the same bytes on every machine.

x264 runs with one thread and CPU-independent code paths (with and without assembler gave the same
bytes), the muxer writes neither clock nor version. Pixels are scaled and converted by Pillow alone.
"""

from __future__ import annotations

import io
import math
import random
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags
from PIL import Image, ImageDraw, ImageOps

from pipelines.samples.charts import PALETTES, font
from pipelines.samples.stock import Scene, crop_box, footage, jpeg, photo
from pipelines.samples.words import seeded

X264_OPTIONS = {
    "preset": "superfast",
    "crf": "28",
    "x264-params": "threads=1:lookahead-threads=1:sliced-threads=0:cpu-independent=1",
}
# A photo that a camera pans over needs no more than twice the clip's width.
_PAN_SIDE_PX = 600
_STILL_SIZE = (112, 112)
# Words that stand in the corner of a long clip, one a section.
SECTION_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory")
SECTION_COLORS = ("red", "green", "blue", "orange", "purple", "teal", "brown", "black", "navy")


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames in YCbCr at a constant rate, and the scene that they show."""

    scene: Scene
    fps: int
    frames: list[Image.Image]
    # For long clips: (word, colour) of each section, in order, and the seconds that one lasts.
    sections: tuple[tuple[str, str], ...] = ()
    section_s: int = 0
    comes_closer: bool = False

    @property
    def duration_s(self) -> float:
        return len(self.frames) / self.fps


def cut_shot(scene: Scene, number: int, seconds: float, fps: int = 8) -> Clip:
    """Variant `number` of a shot: another window, mirrored or not, played slower to `seconds`."""
    source_fps, frames = footage(scene.file)
    rng = seeded("shot", scene.name, number)
    first, last = (round(t * source_fps) for t in scene.span_s)
    last = min(last, len(frames)) - 1
    size = rng.choice([(256, 144), (224, 168), (192, 192), (288, 160), (240, 176)])
    zoom = (1.0, 0.85, 0.92, 0.78)[number % 4]
    box = _window(frames[first].size, size[0] / size[1], zoom, rng)
    # Taxi and street signs must stay readable, so those shots are not mirrored.
    mirrored = number % 2 == 1 and scene.name != "taxi"
    count = round(seconds * fps)
    taken = [first + (last - first) * n // max(1, count - 1) for n in range(count)]
    return Clip(scene, fps, [_fit(frames[index], box, size, mirrored) for index in taken])


def pan_photo(scene: Scene, number: int, seconds: float, fps: int = 8) -> Clip:
    """A camera that moves over a photo and comes closer, or draws back."""
    source = photo(scene.file).convert("YCbCr")
    if source.width > _PAN_SIDE_PX:
        source = source.reduce(2)
    rng = seeded("pan", scene.name, number)
    size = rng.choice([(224, 168), (256, 144), (192, 192)])
    aspect = size[0] / size[1]
    ends = [crop_box(scene, source.size, aspect, rng, tight) for tight in (False, True)]
    closer = rng.random() < 0.5
    if not closer:
        ends.reverse()
    count = round(seconds * fps)
    frames = []
    for n in range(count):
        # Slow start and end, as a hand would move.
        t = 0.5 - 0.5 * math.cos(math.pi * n / max(1, count - 1))
        box = tuple(a + (b - a) * t for a, b in zip(*ends, strict=True))
        frames.append(source.resize(size, Image.Resampling.BILINEAR, box=box))
    return Clip(scene, fps, frames, comes_closer=closer)


def long_clip(scene: Scene, number: int, seconds: int, fps: int = 2) -> Clip:
    """A pan of more than a minute with a moving mark and a coloured word for each section."""
    return _in_sections(pan_photo(scene, number, seconds, fps), number)


def still_clip(scene: Scene, picture: Image.Image, seconds: int, *names: object) -> Clip:
    """The same over a picture that does not move: minutes of it are some 20 kB."""
    small = ImageOps.contain(picture.convert("YCbCr"), _STILL_SIZE, Image.Resampling.BICUBIC)
    small = small.crop((0, 0, small.width // 2 * 2, small.height // 2 * 2))
    return _in_sections(Clip(scene, 1, [small.copy() for _ in range(seconds)]), *names)


def _in_sections(base: Clip, *names: object) -> Clip:
    scene, fps, seconds = base.scene, base.fps, len(base.frames) // base.fps
    rng = seeded("long", scene.name, *names)
    count = rng.randint(6, len(SECTION_WORDS))
    words = rng.sample(SECTION_WORDS, count)
    colors = rng.sample(SECTION_COLORS, count)
    section_s = -(-seconds // count)
    sections = tuple(zip(words, colors, strict=True))
    for n, frame in enumerate(base.frames):
        word, color = sections[n // (fps * section_s)]
        _burn(frame, word, color, n / len(base.frames))
    return Clip(scene, fps, base.frames, sections, section_s, base.comes_closer)


def _burn(frame: Image.Image, word: str, color: str, progress: float) -> None:
    label = Image.new("RGB", (74, 22), "white")
    ImageDraw.Draw(label).text((37, 11), word, color, font(8), anchor="mm")
    frame.paste(label.convert("YCbCr"), (4, 4))
    x = 6 + round((frame.width - 20) * progress)
    mark = Image.new("RGB", (10, 10), color).convert("YCbCr")
    frame.paste(mark, (x, frame.height - 14))


def bouncing_ball(number: int, seconds: float, fps: int = 8) -> tuple[Clip, str, int]:
    """A drawn clip: a ball of one colour that crosses the picture; also its colour and bounces."""
    rng = seeded("ball", number)
    name, shade = (
        ("blue", PALETTES[0][0]),
        ("orange", PALETTES[0][1]),
        ("green", PALETTES[0][2]),
        ("red", PALETTES[0][3]),
        ("violet", PALETTES[0][4]),
    )[number % 5]
    size, bounces = (224, 160), rng.randint(2, 5)
    tint = rng.randint(215, 245)
    count = round(seconds * fps)
    frames = []
    for n in range(count):
        t = n / (count - 1)
        height = abs(math.sin(math.pi * bounces * t))
        image = Image.new("RGB", size, (tint, tint, 255))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 130, *size), (150, 120, 90))
        x, y = 20 + 184 * t, 116 - 88 * height
        draw.ellipse((x - 13, y - 13, x + 13, y + 13), shade, (30, 30, 30))
        frames.append(image.convert("YCbCr"))
    scene = Scene(f"ball {number}", "", f"a {name} ball", (), (), (), (0, 0, 1, 1), (0, 0))
    return Clip(scene, fps, frames), name, bounces - 1


def _window(
    size: tuple[int, int], aspect: float, zoom: float, rng: random.Random
) -> tuple[int, int, int, int]:
    """A box of that aspect, `zoom` times the largest, near the middle of the frame."""
    width = min(size[0], size[1] * aspect) * zoom
    height = width / aspect
    x = (size[0] - width) * rng.uniform(0.25, 0.75)
    y = (size[1] - height) * rng.uniform(0.2, 0.8)
    return int(x), int(y), int(x + width), int(y + height)


def _fit(
    frame: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int], mirrored: bool
) -> Image.Image:
    fitted = frame.resize(size, Image.Resampling.BILINEAR, box=box)
    return ImageOps.mirror(fitted) if mirrored else fitted


def frames_as_jpeg(clip: Clip, width: int) -> list[bytes]:
    """All frames as JPEGs of that width, as LLaVA-Hound keeps its clips."""
    made = []
    for frame in clip.frames:
        height = round(frame.height * width / frame.width)
        made.append(jpeg(frame.resize((width, height), Image.Resampling.BICUBIC), 80))
    return made


def encode(clip: Clip, crf: int = 28) -> bytes:
    """The clip as H.264 in MP4. About 500 frames a second at 256 by 144 pixels on one core."""
    out = io.BytesIO()
    width, height = clip.frames[0].size
    with av.open(out, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=clip.fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1
        stream.codec_context.flags |= Flags.bitexact
        stream.options = {**X264_OPTIONS, "crf": str(crf)}
        for number, image in enumerate(clip.frames):
            container.mux(stream.encode(_video_frame(image, number, clip.fps)))
        container.mux(stream.encode())
    return out.getvalue()


def _video_frame(image: Image.Image, number: int, fps: int) -> av.VideoFrame:
    luma, *chroma = image.split()
    halves = [plane.reduce(2) for plane in chroma]
    frame = av.VideoFrame(image.width, image.height, "yuv420p")
    for plane, part in zip(frame.planes, [luma, *halves], strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = np.asarray(part)
        plane.update(rows.tobytes())
    frame.pts, frame.time_base = number, Fraction(1, fps)
    return frame


def encode_tone(seconds: float) -> bytes:
    """An MP4 that holds a quiet tone and no picture (48 kHz, mono, ALAC: exact by definition)."""
    out = io.BytesIO()
    time = np.arange(int(48_000 * seconds)) / 48_000
    wave: npt.NDArray[np.int16] = (3000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    with av.open(out, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("alac", rate=48_000, layout="mono")
        stream.codec_context.flags |= Flags.bitexact
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16p", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()
