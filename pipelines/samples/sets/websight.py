"""WebSight in small: drawn screenshots of pages and their HTML, in both versions."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.samples import broken, tables
from pipelines.samples.kit import Kit
from pipelines.samples.stock import png
from pipelines.samples.web_pages import html_of, make_web_page
from pipelines.samples.words import seeded

REPOS = ("HuggingFaceM4/WebSight",)
_FILES = {
    "v0.1": "data/train-00000-of-00071-eb722b04b83e13b7.parquet",
    "v0.2": "v0.2/train-00000-of-00738-80a58552f2fb3344.parquet",
}
_NUM_ROWS = {"v0.1": 8, "v0.2": 12}


def write(kit: Kit) -> None:
    sheets = {name: kit.sheet("websight", name, file) for name, file in _FILES.items()}
    for version, sheet in sheets.items():
        for number in range(_NUM_ROWS[version] * kit.scale):
            sheet.add(_row(kit, version, number))
    old, new = sheets["v0.1"], sheets["v0.2"]
    old.plant("text_null", {**old.rows[0], "text": None})
    old.plant("image_bytes_null", {**old.rows[1], "image": {"bytes": None, "path": None}})
    copy = {**old.rows[2], "llm_generated_idea": "The same page in the new version."}
    new.plant("exact_duplicate_across_subsets", copy, old.place(2))
    tiny = {"bytes": broken.tiny_image(), "path": None}
    new.plant("tiny_image", {**new.rows[0], "image": tiny})
    for version, sheet in sheets.items():
        path = kit.folder / REPOS[0] / sheet.file
        tables.write(path, _schema(version), sheet.rows, row_group_rows=8)


def _schema(version: str) -> pa.Schema:
    names = ["text"] if version == "v0.1" else ["text", "llm_generated_idea"]
    return tables.with_features(
        pa.schema([("image", tables.IMAGE), *((name, pa.string()) for name in names)]),
        {"image": {"_type": "Image"}, **{name: tables.value("string") for name in names}},
    )


def _row(kit: Kit, version: str, number: int) -> dict[str, Any]:
    page, image = kit.gallery.draw(
        lambda attempt: make_web_page(seeded("websight", version, number, attempt), number)
    )
    row = {"image": {"bytes": png(image), "path": None}}
    if version == "v0.1":
        return {**row, "text": html_of(page, tailwind=False)}
    return {**row, "text": html_of(page, tailwind=True), "llm_generated_idea": page.idea}
