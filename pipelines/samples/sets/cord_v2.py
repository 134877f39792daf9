"""CORD v2 in small: drawn receipts, their ground truth as JSON; validation and test held out."""

from __future__ import annotations

import json
import random
from typing import Any

import pyarrow as pa
from PIL import Image, ImageDraw

from pipelines.samples import tables
from pipelines.samples.charts import INK, font
from pipelines.samples.kit import Kit
from pipelines.samples.stock import png
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("naver-clova-ix/cord-v2",)
_FILES = {
    "train": "data/train-00000-of-00004-b4aaeceff1d90ecb.parquet",
    "validation": "data/validation-00000-of-00001-cc3c5779fe22e8ca.parquet",
    "test": "data/test-00000-of-00001-9204bd3ad39dd1da.parquet",
}
_SCHEMA = tables.with_features(
    pa.schema([("image", tables.IMAGE), ("ground_truth", pa.string())]),
    {"image": {"_type": "Image"}, "ground_truth": tables.value("string")},
)
_NUM_TRAIN, _NUM_HELD_OUT = 14, 3
_DISHES = (
    "NASI GORENG AYAM",
    "MIE AYAM BAKSO",
    "SATE KAMBING",
    "GADO-GADO",
    "SOTO BETAWI",
    "ES TEH MANIS",
    "KOPI SUSU",
    "JUS ALPUKAT",
    "ROTI BAKAR",
    "TAHU GEJROT",
)
_PAPERS = ((255, 255, 255), (246, 244, 238), (238, 240, 244), (250, 238, 226))
_DESKS = ((96, 84, 72), (40, 44, 52), (150, 128, 96), (70, 90, 80), (190, 184, 170), (110, 40, 40))
Row = dict[str, Any]


def write(kit: Kit) -> None:
    for split, file in _FILES.items():
        sheet = kit.sheet("cord_v2", split, file)
        if split == "train":
            for number in range(_NUM_TRAIN * kit.scale):
                sheet.add(_row(kit, split, number))
            _plant(sheet)
        else:
            for number in range(_NUM_HELD_OUT):
                sheet.plant("held_out_split", _row(kit, split, number))
        tables.write(kit.folder / REPOS[0] / file, _SCHEMA, sheet.rows, row_group_rows=10)


def _row(kit: Kit, split: str, number: int) -> Row:
    parse, image = kit.gallery.draw(
        lambda attempt: _receipt(seeded("cord_v2", split, number, attempt))
    )
    truth = {
        "gt_parse": parse,
        "meta": {
            "version": "2.0.0",
            "split": "dev" if split == "validation" else split,
            "image_id": number,
            "image_size": {"width": image.width, "height": image.height},
        },
        "valid_line": [{"words": [{"text": "TOTAL", "row_id": 1}], "category": "total"}],
        "roi": {},
        "repeating_symbol": [],
        "dontcare": [],
    }
    return {"image": {"bytes": png(image), "path": None}, "ground_truth": json.dumps(truth)}


def _rupiah(value: int) -> str:
    return f"{value:,}"


def _receipt(rng: random.Random) -> tuple[Row, Image.Image]:
    """Its parse and its picture: `menu` is an object where only one dish was ordered."""
    dishes = rng.sample(_DISHES, rng.randint(1, 5))
    counts = [rng.randint(1, 4) for _ in dishes]
    prices = [count * rng.randrange(6, 60) * 500 for count in counts]
    tax = sum(prices) // 10
    menu = [
        {"nm": dish, "cnt": str(count), "price": _rupiah(price)}
        for dish, count, price in zip(dishes, counts, prices, strict=True)
    ]
    parse = {
        "menu": menu[0] if len(menu) == 1 else menu,
        "sub_total": {"subtotal_price": _rupiah(sum(prices)), "tax_price": _rupiah(tax)},
        "total": {"total_price": _rupiah(sum(prices) + tax)},
    }
    return parse, _draw(rng, menu, parse)


def _draw(rng: random.Random, menu: list[dict[str, str]], parse: Row) -> Image.Image:
    """A photo of the receipt: it lies anywhere on a table, with a lamp's light from one side."""
    lines = [(f"{dish['cnt']} {dish['nm']}", dish["price"]) for dish in menu]
    lines.append(("SUBTOTAL", parse["sub_total"]["subtotal_price"]))
    lines.append(("PB1 10%", parse["sub_total"]["tax_price"]))
    lines.append(("TOTAL", parse["total"]["total_price"]))
    width, step = rng.choice([180, 200, 220]), rng.choice([18, 22, 26])
    height = 60 + step * len(lines)
    paper = Image.new("RGB", (width, height), rng.choice(_PAPERS))
    draw = ImageDraw.Draw(paper)
    draw.rectangle((rng.randint(20, 60), 10, width - rng.randint(20, 90), 26), rng.choice(_DESKS))
    for number, (left, right) in enumerate(lines):
        y = 40 + step * number
        draw.text((8, y), left, INK, font(6))
        draw.text((width - 8, y), right, INK, font(6), anchor="ra")
    desk = rng.choice(_DESKS)
    turned = paper.rotate(rng.uniform(-9, 9), Image.Resampling.BICUBIC, True, fillcolor=desk)
    size = turned.width + rng.randint(20, 130), turned.height + rng.randint(16, 110)
    photo = Image.new("RGB", size, desk)
    room = size[0] - turned.width, size[1] - turned.height
    photo.paste(turned, (rng.randint(4, room[0] - 4), rng.randint(4, room[1] - 4)))
    light = Image.linear_gradient("L").rotate(90 * rng.randrange(4)).resize(size)
    return Image.blend(photo, Image.merge("RGB", [light] * 3), 0.18)


def _plant(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", rows[1], sheet.place(1))
    broken = rows[2]["ground_truth"][:-30]
    sheet.plant("json_string_broken", {**rows[2], "ground_truth": broken})
    sheet.plant("text_null", {**rows[3], "ground_truth": None})
    sheet.plant("label_missing", {**rows[4], "ground_truth": '{"gt_parse": {}}'})
    sheet.plant("image_bytes_null", {**rows[5], "image": {"bytes": None, "path": None}})
    dev = rows[6]["ground_truth"].replace('"split": "train"', '"split": "test"')
    sheet.plant("held_out_split", {**rows[6], "ground_truth": dev})
