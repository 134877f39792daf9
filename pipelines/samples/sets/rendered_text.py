"""RenderedText in small: sheets of paper with lines of text, as tars of png and json."""

from __future__ import annotations

import json
import random

from PIL import Image, ImageDraw

from pipelines.samples import archives, broken
from pipelines.samples.charts import SCALE, font
from pipelines.samples.kit import Kit
from pipelines.samples.pages import wrap
from pipelines.samples.stock import png
from pipelines.samples.words import Texts, seeded

REPOS = ("wendlerc/RenderedText",)
_NUM_SAMPLES = 14
_INKS = ((30, 30, 40), (24, 44, 120), (120, 24, 30), (20, 90, 50))
_PAPERS = ((250, 248, 240), (255, 255, 255), (236, 226, 204), (226, 234, 240))
_DESKS = ((92, 72, 54), (60, 64, 70), (128, 116, 100), (38, 52, 44))
_SIDE_PX = 256
# Of a sample: the bytes of its png, and of its json.
Sample = tuple[bytes, bytes]


def write(kit: Kit) -> None:
    texts = Texts("rendered_text")
    for file, first in (("000000.tar", 0), ("remaining/010000.tar", 10_000_000)):
        sheet = kit.sheet("rendered_text", "train", file)
        for number in range(_NUM_SAMPLES * kit.scale // 2):
            sheet.add(_sample(kit, texts, first + number))
        picture, _ = sheet.rows[0]
        if first == 0:
            sheet.plant("exact_duplicate", sheet.rows[1], sheet.place(1))
            sheet.plant("label_missing", (picture, _annotation([], 0)))
            sheet.plant("json_string_broken", (picture, sheet.rows[0][1][:60]))
            sheet.plant("web_page_as_image", (broken.WEB_PAGE, sheet.rows[2][1]))
        members: list[archives.Member] = []
        for number, (image, annotation) in enumerate(sheet.rows):
            key = f"{first + number:08}"
            members += [(f"{key}.png", image), (f"{key}.json", annotation)]
        path = kit.folder / REPOS[0] / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archives.tar(members))


def _sample(kit: Kit, texts: Texts, number: int) -> Sample:
    text = texts.exchange().assistant
    lines, image = kit.gallery.draw(
        lambda attempt: _sheet(text, seeded("rendered_text", number, attempt))
    )
    return png(image), _annotation(lines, number)


def _sheet(text: str, rng: random.Random) -> tuple[list[str], Image.Image]:
    """A part of the text on a turned sheet, and its lines."""
    size = rng.choice([11, 13, 15])
    words = text.split()
    start = rng.randrange(max(1, len(words) - 40))
    lines = wrap(" ".join(words[start : start + 30]), 190, size)[: rng.randint(2, 9)]
    ink, paper, desk = rng.choice(_INKS), rng.choice(_PAPERS), rng.choice(_DESKS)
    image = Image.new("RGB", (_SIDE_PX * SCALE, _SIDE_PX * SCALE), desk)
    draw = ImageDraw.Draw(image)
    draw.rectangle((24 * SCALE, 16 * SCALE, 232 * SCALE, 240 * SCALE), paper)
    y = rng.randint(24, 40)
    for line in lines:
        draw.text((34 * SCALE, y * SCALE), line, ink, font(size))
        y += size + 6
    turned = image.rotate(rng.uniform(-14, 14), Image.Resampling.BICUBIC, fillcolor=desk)
    return lines, turned.reduce(SCALE)


def _annotation(lines: list[str], number: int) -> bytes:
    rng = seeded("rendered_text", "boxes", number)
    boxes = [[[rng.randint(0, 255), rng.randint(0, 255)] for _ in range(4)] for _ in lines]
    return json.dumps({"ocr_annotation": {"bounding_boxes": boxes, "text": lines}}).encode()
