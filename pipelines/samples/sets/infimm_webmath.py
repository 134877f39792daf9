"""InfiMM-WebMath-40B in small: pages as texts and addresses of images in turn."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.prose import Documents
from pipelines.samples.words import seeded

REPOS = ("Infi-MM/InfiMM-WebMath-40B",)
_FILE = "data/train-00000-of-01234.parquet"
_METADATA = pa.struct(
    [
        ("ft_lang_label", pa.string()),
        ("ft_lang_prob", pa.float64()),
        ("math_prob", pa.float64()),
        ("size", pa.int64()),
    ]
)
_SCHEMA = pa.schema(
    [
        ("URL", pa.string()),
        ("text_list", tables.list_of(pa.string())),
        ("image_list", tables.list_of(pa.string())),
        ("metadata", _METADATA),
    ]
)
_NUM_ROWS = 20


def write(kit: Kit) -> None:
    sheet = kit.sheet("infimm_webmath", "default", _FILE)
    documents = Documents("infimm_webmath")
    for _ in range(_NUM_ROWS * kit.scale):
        sheet.add(_row(documents))
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[1], "URL": "https://copies.example/1"}, sheet.place(1))
    images = {"text_list": [None, None], "image_list": ["https://i.example/1", None]}
    sheet.plant("text_blank", {**rows[2], **images})
    sheet.plant("text_null", {**rows[3], "text_list": None})
    tables.write(kit.folder / REPOS[0] / _FILE, _SCHEMA, sheet.rows, row_group_rows=10)


def _row(documents: Documents) -> dict[str, Any]:
    page = documents.lesson()
    rng = seeded("infimm_webmath", page.url)
    texts: list[str | None] = []
    images: list[str | None] = []
    for number, part in enumerate(page.text.strip().split("\n\n")):
        if number and rng.random() < 0.25:
            texts.append(None)
            images.append(f"{page.url}/figure-{number}.png")
        texts.append(part)
        images.append(None)
    metadata = {
        "ft_lang_label": "__label__en",
        "ft_lang_prob": rng.uniform(0.8, 1),
        "math_prob": rng.uniform(0.5, 1),
        "size": len(page.text),
    }
    return {"URL": page.url, "text_list": texts, "image_list": images, "metadata": metadata}
