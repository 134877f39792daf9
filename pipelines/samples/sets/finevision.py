"""FineVision in small: 14 of its 185 sets, one at least of each of its categories.

Columns, and the fields of a turn, are in the other order in every second set; ratings are missing
where upstream has none.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.samples import asked, broken, tables
from pipelines.samples.kit import Kit
from pipelines.samples.pairs import marked_pair
from pipelines.samples.sums import word_problem
from pipelines.samples.truth import Sheet
from pipelines.samples.words import Texts, seeded

SOURCE = "finevision"
REPOS = ("HuggingFaceM4/FineVision",)
_MAKERS: dict[str, asked.Maker] = {
    "LLaVA_Instruct_150K": asked.questioned,
    "SynthChartNet": asked.chart,
    "ai2d_merged": asked.diagram,
    "chartqa": asked.chart,
    "coco_colors": asked.captioned,
    "docvqa": asked.page,
    "geo170k(qa)": asked.figure,
    "geoqa+(mathv360k)": asked.figure,
    "infographic_vqa": asked.page,
    "vision_flan(filtered)": asked.questioned,
}
_PAIRS = "spot_the_diff"
_TEXT = ("text_openhermes_2_5", "text_wizardlm_evol")
_MATH = "text_mathqa"
_NUM_ROWS: dict[asked.Maker, int] = {asked.questioned: 6, asked.captioned: 8}
_MANY = 10
_RATINGS = ("relevance", "image_correspondence", "visual_dependency", "formatting")
Row = dict[str, Any]


def write(kit: Kit) -> None:
    names = (*_MAKERS, _PAIRS, *_TEXT, _MATH)
    sheets = {name: _sheet(kit, name) for name in names}
    for name, make in _MAKERS.items():
        for number in range(_NUM_ROWS.get(make, _MANY) * kit.scale):
            made = make(kit.gallery, f"finevision {name}", number)
            sheets[name].add(_row(name, number, [made.data], made.pairs))
    for number in range(6 * kit.scale):
        pair = marked_pair(kit.gallery, "finevision", number)
        images, pairs = [pair.first, pair.second], [(pair.question, pair.answer)]
        sheets[_PAIRS].add(_row(_PAIRS, number, images, pairs))
    _add_texts(kit, sheets)
    _plant(sheets)
    for place, name in enumerate(names):
        path = kit.folder / REPOS[0] / sheets[name].file
        tables.write(path, _schema(place % 2 == 1), sheets[name].rows, row_group_rows=20)


def _sheet(kit: Kit, name: str) -> Sheet:
    return kit.sheet(SOURCE, name, f"{name}/train-00000-of-00001.parquet")


def _schema(other: bool) -> pa.Schema:
    """Of a set; `other` turns the order of columns and of the fields of a turn around."""
    turn = [("user", pa.string()), ("assistant", pa.string())]
    fields: dict[str, Any] = {
        "images": tables.list_of(tables.IMAGE),
        "texts": tables.list_of(pa.struct(turn[::-1] if other else turn)),
        "source": pa.string(),
    }
    features: dict[str, Any] = {
        "images": {"feature": {"_type": "Image"}, "_type": "List"},
        "texts": {"feature": {k: tables.value("string") for k, _ in turn}, "_type": "List"},
        "source": tables.value("string"),
    }
    for name in _RATINGS:
        fields |= {f"{name}_ratings": tables.list_of(pa.int64()), f"{name}_min": pa.int64()}
        features[f"{name}_ratings"] = {"feature": tables.value("int64"), "_type": "List"}
        features[f"{name}_min"] = tables.value("int64")
    order = list(fields.items())
    return tables.with_features(pa.schema(order[::-1] if other else order), features)


def _row(name: str, number: int, images: list[bytes] | None, pairs: list[tuple[str, str]]) -> Row:
    row: Row = {
        "images": [_cell(data) for data in images] if images is not None else None,
        "texts": [{"user": user, "assistant": answer} for user, answer in pairs],
        "source": name,
    }
    rng = seeded(SOURCE, name, "ratings", number)
    for rating in _RATINGS:
        values = [rng.choice([1, 3, 4, 5, 5, None]) for _ in pairs]
        known = [value for value in values if value is not None]
        row[f"{rating}_ratings"] = values if known else None
        row[f"{rating}_min"] = min(known, default=None)
    return row


def _cell(data: bytes | None) -> Row:
    return {"bytes": data, "path": None}


def _add_texts(kit: Kit, sheets: dict[str, Sheet]) -> None:
    """Sets of text: images are null in one, and an empty list in the others."""
    texts = Texts(SOURCE)
    none: tuple[list[bytes] | None, ...] = (None, [])
    for images, name in zip(none, _TEXT, strict=True):
        for number in range(_MANY * kit.scale):
            exchange = texts.exchange()
            pairs = [(exchange.user, exchange.assistant)]
            sheets[name].add(_row(name, number, images, pairs))
    for number in range(_MANY * kit.scale):
        pair = word_problem(seeded(SOURCE, _MATH, number), number)
        sheets[_MATH].add(_row(_MATH, number, [], [pair]))


def _said(row: Row, user: str | None, answer: str | None) -> Row:
    """The row with another first turn."""
    _, *others = row["texts"]
    return {**row, "texts": [{"user": user, "assistant": answer}, *others]}


def _plant(sheets: dict[str, Sheet]) -> None:
    """A stray token is no defect: it is taken out, as upstream's loader does."""
    sheet = sheets["ai2d_merged"]
    rows = sheet.rows
    first = rows[3]["texts"][0]
    rows[3] = _said(rows[3], f"<image>\n{first['user']}", first["assistant"])
    sheet.plant("exact_duplicate", rows[4], sheet.place(4))
    sheet.plant("conversation_missing", {**rows[5], "texts": None})
    sheet.plant("conversation_empty", {**rows[6], "texts": []})
    sheet.plant("text_null", _said(rows[7], None, "A"))
    sheet.plant("image_bytes_null", {**rows[8], "images": [_cell(None)]})
    charts = sheets["chartqa"]
    photo = sheets["LLaVA_Instruct_150K"].rows[0]["images"][0]["bytes"]
    cut = _cell(broken.truncated(photo))
    charts.plant("truncated_jpeg", {**charts.rows[2], "images": [cut]})
    charts.plant("control_token", _said(charts.rows[3], "How many?", "Five.<|im_end|>"))
    charts.plant("empty_answer", _said(charts.rows[4], "How many bars?", " "))
