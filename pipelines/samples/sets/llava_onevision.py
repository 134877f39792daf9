"""LLaVA-OneVision-Data in small: 20 of its 85 configs, among them all that SmolVLM2's card names.

tqa(cauldron,llava_format) is a copy of iconqa(cauldron,llava_format), row by row, as upstream.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.samples import asked, broken, tables
from pipelines.samples.kit import Kit
from pipelines.samples.sums import word_problem
from pipelines.samples.truth import Sheet
from pipelines.samples.words import Texts, seeded

SOURCE = "llava_onevision"
REPOS = ("lmms-lab/LLaVA-OneVision-Data",)
_TURN = pa.struct([("from", pa.string()), ("value", pa.string())])
_FIELDS: list[tuple[str, Any]] = [
    ("id", pa.string()),
    ("image", tables.IMAGE),
    ("conversations", tables.list_of(_TURN)),
    ("data_source", pa.string()),
]
_FEATURES = {
    "id": tables.value("string"),
    "image": {"_type": "Image"},
    "conversations": [{"from": tables.value("string"), "value": tables.value("string")}],
    "data_source": tables.value("string"),
}
_SCHEMA = tables.with_features(pa.schema(_FIELDS), _FEATURES)
_ICON, _COPY = "iconqa(cauldron,llava_format)", "tqa(cauldron,llava_format)"
_AI2D, _CHART = "ai2d(cauldron,llava_format)", "chartqa(cauldron,llava_format)"
_MAKERS: dict[str, asked.Maker] = {
    _AI2D: asked.diagram,
    _CHART: asked.chart,
    "GeoQA+(MathV360K)": asked.figure,
    "geo170k(qa)": asked.figure,
    _ICON: asked.diagram,
    "image_textualization(filtered)": asked.described,
    "infographic_vqa": asked.page,
    "mapqa(cauldron,llava_format)": asked.chart,
    "mavis_math_metagen": asked.figure,
    "mavis_math_rule_geo": asked.figure,
    "sharegpt4o": asked.described,
    "sharegpt4v(coco)": asked.described,
    "sharegpt4v(llava)": asked.described,
    "textocr(gpt4v)": asked.page,
    "vision_flan(filtered)": asked.questioned,
}
_TEXT = ("magpie_pro(l3_80b_mt)", "magpie_pro(l3_80b_st)", "magpie_pro(qwen2_72b_st)")
_NUM_ROWS: dict[asked.Maker, int] = {asked.described: 6, asked.questioned: 6}
_MANY = 10
Row = dict[str, Any]


def write(kit: Kit) -> None:
    sheets = {name: _sheet(kit, name) for name in (*_MAKERS, _COPY, *_TEXT, "mathqa")}
    for name, make in _MAKERS.items():
        for number in range(_NUM_ROWS.get(make, _MANY) * kit.scale):
            made = make(kit.gallery, f"onevision {name}", number)
            sheets[name].add(_row(name, number, f"{number:012d}.png", made))
    _plant(sheets)
    for number, row in enumerate(sheets[_ICON].rows):
        copy = {**row, "data_source": _COPY}
        sheets[_COPY].plant("exact_duplicate_across_subsets", copy, sheets[_ICON].place(number))
    texts = Texts(SOURCE)
    for name in _TEXT:
        for number in range(_MANY * kit.scale):
            sheets[name].add(_text_row(name, number, _exchanges(texts, name.endswith("mt)"))))
    for number in range(_MANY * kit.scale):
        pair = word_problem(seeded(SOURCE, "mathqa", number), number)
        sheets["mathqa"].add(_text_row("mathqa", number, [pair]))
    for sheet in sheets.values():
        tables.write(kit.folder / REPOS[0] / sheet.file, _SCHEMA, sheet.rows, row_group_rows=20)


def _sheet(kit: Kit, config: str) -> Sheet:
    return kit.sheet(SOURCE, config, f"{config}/train-00000-of-00001.parquet")


def _row(config: str, number: int, path: str, made: asked.Asked) -> Row:
    turns = _turns(made.pairs)
    turns[0]["value"] = f"<image>\n{turns[0]['value']}"
    image = {"bytes": made.data, "path": path}
    return {"id": f"{number:06d}", "image": image, "conversations": turns, "data_source": config}


def _text_row(config: str, number: int, pairs: list[tuple[str, str]]) -> Row:
    row = {"id": f"{number:06d}", "image": None, "conversations": _turns(pairs)}
    return {**row, "data_source": config}


def _turns(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    sides = [
        (side, text) for pair in pairs for side, text in zip(("human", "gpt"), pair, strict=True)
    ]
    return [{"from": side, "value": text} for side, text in sides]


def _exchanges(texts: Texts, several: bool) -> list[tuple[str, str]]:
    first = texts.exchange()
    second = [texts.follow_up(first)] if several else []
    return [(exchange.user, exchange.assistant) for exchange in (first, *second)]


def _answered(row: Row, answer: str) -> Row:
    *before, last = row["conversations"]
    return {**row, "conversations": [*before, {**last, "value": answer}]}


def _plant(sheets: dict[str, Sheet]) -> None:
    sheet = sheets[_AI2D]
    rows = sheet.rows
    lost = {"bytes": None, "path": f"{_AI2D}/cauldron/ai2d/images/ai2d_00000005.png"}
    sheet.plant("image_bytes_null", {**rows[5], "image": lost})
    sheet.plant("too_many_markers", {**rows[6], "image": None})
    sheet.plant("conversation_missing", {**rows[7], "conversations": None})
    sheet.plant("conversation_empty", {**rows[8], "conversations": []})
    turns = [{**rows[9]["conversations"][0], "from": "bot"}, *rows[9]["conversations"][1:]]
    sheet.plant("unknown_role", {**rows[9], "conversations": turns})
    charts = sheets[_CHART]
    charts.plant("exact_duplicate", charts.rows[2], charts.place(2))
    charts.plant("web_page_as_image", {**charts.rows[3], "image": _cell(broken.WEB_PAGE)})
    charts.plant("tiny_image", {**charts.rows[4], "image": _cell(broken.tiny_image())})
    charts.plant("empty_answer", _answered(charts.rows[5], " "))
    charts.plant("marker_in_answer", _answered(charts.rows[6], "As <image> shows."))


def _cell(data: bytes) -> Row:
    return {"bytes": data, "path": "broken.png"}
