"""LNQA in small: photos with two to four questions each, the answer before the question."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.samples import broken, tables
from pipelines.samples.kit import Kit
from pipelines.samples.stock import jpeg, photos
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("vikhyatk/lnqa",)
_FILE = "data/train-00000-of-00199.parquet"
_TURN = pa.struct([("answer", pa.string()), ("question", pa.string())])
_SCHEMA = tables.with_features(
    pa.schema([("image", tables.IMAGE), ("qa", tables.list_of(_TURN))]),
    {
        "image": {"_type": "Image"},
        "qa": [{name: tables.value("string") for name in ("answer", "question")}],
    },
)
_NUM_ROWS = 16


def write(kit: Kit) -> None:
    sheet = kit.sheet("lnqa", "train", _FILE)
    for number in range(_NUM_ROWS * kit.scale):
        sheet.add(_row(kit, number))
    _plant(sheet)
    tables.write(kit.folder / REPOS[0] / _FILE, _SCHEMA, sheet.rows, row_group_rows=10)


def _row(kit: Kit, number: int) -> dict[str, Any]:
    scenes = photos()
    scene = scenes[number % len(scenes)]
    rng = seeded("lnqa", number)
    asked = rng.sample(scene.facts, rng.randint(2, min(4, len(scene.facts))))
    turns = [{"answer": answer, "question": question} for question, answer in asked]
    image = kit.gallery.take(scene, "lnqa", number)
    return {"image": {"bytes": jpeg(image), "path": None}, "qa": turns}


def _plant(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", rows[0], sheet.place(0))
    sheet.plant("conversation_missing", {**rows[1], "qa": None})
    sheet.plant("conversation_empty", {**rows[2], "qa": []})
    sheet.plant("text_null", {**rows[3], "qa": [{"answer": None, "question": "Is it day?"}]})
    sheet.plant("image_bytes_null", {**rows[4], "image": {"bytes": None, "path": None}})
    cut = broken.truncated(rows[5]["image"]["bytes"])
    sheet.plant("truncated_jpeg", {**rows[5], "image": {"bytes": cut, "path": None}})
    sheet.plant("empty_answer", {**rows[6], "qa": [{"answer": " ", "question": "What is it?"}]})
