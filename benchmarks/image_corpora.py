"""Images to look for copies among: real photos, photos made of parts of them, drawn pages; edits.

A made photo is two windows of two real ones, turned and scaled at random, with a soft line between
them: it has a photo's texture, and shares no more than a part with any other. Pages are those of
`mixture samples` (letters, receipts, forms, tables, charts: nine firms, seven wares, so that many
differ in numbers alone) and sheets full of lines of words.
"""

from __future__ import annotations

import io
import math
import os
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

from benchmarks.measure import work_folder
from benchmarks.packages import Absent, Package, fetch
from pipelines.samples.charts import font, make_chart
from pipelines.samples.pages import make_page

PERCEPTION = Package("perception", "0.9.3", "wheel", "Apache-2.0; photos CC")
GRADIO = Package("gradio", "6.31.0", "wheel", "Apache-2.0")
# Pictures of scikit-image that are photos: its scans, drawings and halves of a stereo pair are not.
_SKIMAGE = (
    *("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "brick.png"),
    *("grass.png", "gravel.png", "ihc.png", "rocket.jpg", "retina.jpg", "hubble_deep_field.jpg"),
    *("motorcycle_left.png", "moon.png", "cell.png", "clock_motion.png"),
)
_SIZES = ((480, 360), (360, 480), (512, 384), (400, 400), (640, 360))
_LONGEST_PX = 1600
_WORDS = """bench street window light table corner child dog river yellow behind under left small
wooden person holding red round open near wall green tree picture shows two which colour why where
number of the is a on in front large several quiet morning market bicycle glass""".split()


def real_files(folders: Sequence[Path]) -> list[Path]:
    """scikit-image's photos, and all images below the folders, by path."""
    import skimage.data

    home = Path(skimage.data.__file__).parent
    found = [home / name for name in _SKIMAGE if (home / name).exists()]
    for folder in folders:
        paths = sorted(folder.rglob("*"))
        found += [path for path in paths if path.suffix in (".jpg", ".jpeg", ".png", ".webp")]
    return found


def photo_folder() -> AbstractContextManager[Path]:
    """Where packages with photos are fetched to: IMAGE_DUPLICATES_DATA, which stays, or a
    temporary one."""
    kept = os.environ.get("IMAGE_DUPLICATES_DATA")
    return nullcontext(Path(kept)) if kept else work_folder()


def real_folders(folder: Path) -> list[Path]:
    """perception's and gradio's photos, fetched to the folder, and those that
    IMAGE_DUPLICATES_PHOTOS names (with a colon between them)."""
    named = os.environ.get("IMAGE_DUPLICATES_PHOTOS", "")
    found = [Path(name) for name in named.split(":") if name]
    for package, below in ((PERCEPTION, "perception/testing/images"), (GRADIO, "gradio")):
        try:
            found.append(fetch(package, folder) / below)
        except Absent as error:
            print(f"{package.name}: {error}")
    return found


@cache
def _loaded(path: Path) -> Image.Image:
    with Image.open(path) as image:
        found = image.convert("RGB")
    found.thumbnail((_LONGEST_PX, _LONGEST_PX))
    return found


def _window(draw: random.Random, path: Path, size: tuple[int, int]) -> Image.Image:
    image = _loaded(path)
    width, height = size
    scale = draw.uniform(0.5, 1.0) * min(image.width, image.height) / 600
    reach = math.hypot(width, height) / 2 * scale
    x, y = (
        draw.uniform(min(reach, side / 2 - 1), max(side - reach, side / 2 + 1))
        for side in (image.width, image.height)
    )
    angle = draw.uniform(0, 2 * math.pi)
    c, s = math.cos(angle) * scale, math.sin(angle) * scale
    left, top = x - c * width / 2 + s * height / 2, y - s * width / 2 - c * height / 2
    matrix = (c, -s, left, s, c, top)
    return image.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def made_photo(files: Sequence[Path], number: int) -> Image.Image:
    draw, size, chosen = _made_of(files, number)
    one, other = (_window(draw, path, size) for path in chosen)
    mask = Image.frombytes("L", (3, 3), draw.randbytes(9)).resize(size, Image.Resampling.BICUBIC)
    steep = [min(max((level - 128) * 4 + 128, 0), 255) for level in range(256)]
    return Image.composite(one, other, mask.point(steep))


def made_of(files: Sequence[Path], number: int) -> frozenset[Path]:
    """The two photos of which `made_photo` shows parts."""
    return frozenset(_made_of(files, number)[2])


def _made_of(
    files: Sequence[Path], number: int
) -> tuple[random.Random, tuple[int, int], list[Path]]:
    draw = random.Random(f"photo-{number}")
    size = draw.choice(_SIZES)
    return draw, size, draw.sample(list(files), 2)


def _sheet(draw: random.Random) -> Image.Image:
    size_px = draw.choice([7, 8, 9, 10])
    letters = font(size_px)
    width, height = draw.choice([(600, 800), (850, 1100)])
    image = Image.new("L", (width, height), draw.choice([255, 250, 244]))
    pen = ImageDraw.Draw(image)
    y = 40
    while y < height - 60:
        line = ""
        while letters.getlength(line) < width - 120:
            line += draw.choice(_WORDS) + " "
        pen.text((40, y), line[: draw.choice([None, None, None, 30])], 20, letters)
        y += size_px * 2 + draw.choice([6, 6, 6, 26])
    return image


def drawn_page(number: int) -> Image.Image:
    """A sheet, a chart, a letter, a receipt, a form or a table, in turn."""
    draw = random.Random(f"page-{number}")
    if number % 6 == 0:
        return _sheet(draw)
    if number % 6 == 1:
        return make_chart(draw, number)[1]
    return make_page(draw, number % 6 + 2)[0]


def encoded(image: Image.Image, quality: int, form: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, quality=quality)
    return buffer.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    return encoded(image, 85)


def _cut(image: Image.Image, part: float, draw: random.Random) -> bytes:
    """Each side loses the part, at a random place."""
    width, height = (round(side * (1 - part)) for side in image.size)
    x, y = draw.randint(0, image.width - width), draw.randint(0, image.height - height)
    return _jpeg(image.crop((x, y, x + width, y + height)))


def _cut_all(image: Image.Image, part: float) -> bytes:
    """Each of the four edges loses the part."""
    x, y = round(image.width * part), round(image.height * part)
    return _jpeg(image.crop((x, y, image.width - x, image.height - y)))


def _half(image: Image.Image) -> bytes:
    size = (image.width // 2, image.height // 2)
    return _jpeg(image.resize(size, Image.Resampling.LANCZOS))


def captioned(image: Image.Image, draw: random.Random) -> Image.Image:
    """With words above and below, as memes have them."""
    image = image.copy()
    pen, letters = ImageDraw.Draw(image), font(image.height // 24)
    for part in (0.05, 0.85):
        text = " ".join(draw.choices(_WORDS, k=4))
        place = (image.width / 2, image.height * part)
        pen.text(place, text, "white", letters, "ma", stroke_width=2, stroke_fill="black")
    return image


def patched(
    image: Image.Image, other: Image.Image, part: float, draw: random.Random
) -> Image.Image:
    """With the middle of another photo somewhere, so large by the image's sides."""
    image = image.copy()
    size = (int(image.width * part), int(image.height * part))
    piece = other.resize((size[0] * 3, size[1] * 3)).crop((*size, size[0] * 2, size[1] * 2))
    x, y = draw.randint(0, image.width - size[0]), draw.randint(0, image.height - size[1])
    image.paste(piece, (x, y))
    return image


# Each as (share that must be found, what is made of an image).
EDITS: Mapping[str, tuple[float, Callable[[Image.Image, random.Random], bytes]]] = {
    "JPEG 90": (0.99, lambda image, draw: encoded(image, 90)),
    "JPEG 60": (0.99, lambda image, draw: encoded(image, 60)),
    "JPEG 40": (0.99, lambda image, draw: encoded(image, 40)),
    "WebP 75": (0.99, lambda image, draw: encoded(image, 75, "WEBP")),
    "half size": (0.99, lambda image, draw: _half(image)),
    "2 % off each side": (0.99, lambda image, draw: _cut(image, 0.02, draw)),
    "5 % off each side": (0.95, lambda image, draw: _cut(image, 0.05, draw)),
    "5 % off each edge": (0.95, lambda image, draw: _cut_all(image, 0.05)),
    "mirror": (0.95, lambda image, draw: _jpeg(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))),
}
