"""LLaVA-OneVision-Data in small: every config that SmolVLM2 drew on, a few rows each.

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
# Configs by what their pictures are like here.
_KINDS: tuple[tuple[asked.Maker, tuple[str, ...]], ...] = (
    (
        asked.figure,
        (
            "CLEVR-Math(MathV360K)",
            "GEOS(MathV360K)",
            "GeoQA+(MathV360K)",
            "Geometry3K(MathV360K)",
            "Super-CLEVR(MathV360K)",
            "UniGeo(MathV360K)",
            "VisualWebInstruct(filtered)",
            "clevr(cauldron,llava_format)",
            "geo170k(align)",
            "geo170k(qa)",
            "geo3k",
            "geomverse(cauldron)",
            "intergps(cauldron,llava_format)",
            "mavis_math_metagen",
            "mavis_math_rule_geo",
            "raven(cauldron)",
        ),
    ),
    (
        asked.diagram,
        (
            _AI2D,
            _ICON,
            "IconQA(MathV360K)",
            "ai2d(gpt4v)",
            "ai2d(internvl)",
            "scienceqa(cauldron,llava_format)",
            "scienceqa(nona_context)",
        ),
    ),
    (
        asked.chart,
        (
            _CHART,
            "FigureQA(MathV360K)",
            "MapQA(MathV360K)",
            "TabMWP(MathV360K)",
            "chart2text(cauldron)",
            "dvqa(cauldron,llava_format)",
            "figureqa(cauldron,llava_format)",
            "hitab(cauldron,llava_format)",
            "lrv_chart",
            "mapqa(cauldron,llava_format)",
            "multihiertt(cauldron)",
            "robut_sqa(cauldron)",
            "robut_wikisql(cauldron)",
            "robut_wtq(cauldron,llava_format)",
            "tabmwp(cauldron)",
            "vistext(cauldron)",
        ),
    ),
    (
        asked.page,
        (
            "chrome_writting",
            "diagram_image_to_text(cauldron)",
            "hme100k",
            "iam(cauldron)",
            "iiit5k",
            "infographic(gpt4v)",
            "infographic_vqa",
            "infographic_vqa_llava_format",
            "k12_printing",
            "llavar_gpt4_20k",
            "orand_car_a",
            "rendered_text(cauldron)",
            "screen2words(cauldron)",
            "sroie",
            "st_vqa(cauldron,llava_format)",
            "textocr(gpt4v)",
            "ureader_cap",
            "ureader_ie",
            "visualmrc(cauldron)",
            "websight(cauldron)",
        ),
    ),
    (
        asked.described,
        (
            "allava_instruct_laion4v",
            "image_textualization(filtered)",
            "sharegpt4o",
            "sharegpt4v(coco)",
            "sharegpt4v(knowledge)",
            "sharegpt4v(llava)",
            "sharegpt4v(sam)",
        ),
    ),
    (asked.captioned, ("hateful_memes(cauldron,llava_format)", "textcaps")),
    (
        asked.questioned,
        (
            "PMC-VQA(MathV360K)",
            "VizWiz(MathV360K)",
            "allava_instruct_vflan4v",
            "aokvqa(cauldron,llava_format)",
            "lrv_normal(filtered)",
            "tallyqa(cauldron,llava_format)",
            "vision_flan(filtered)",
            "visual7w(cauldron,llava_format)",
            "vqarad(cauldron,llava_format)",
            "vsr(cauldron,llava_format)",
        ),
    ),
)
_MAKERS = {name: make for make, names in _KINDS for name in names}
_TEXT = ("magpie_pro(l3_80b_mt)", "magpie_pro(l3_80b_st)", "magpie_pro(qwen2_72b_st)")
# Rows at scale 1: some six to each per cent that SmolVLM2's mixtures draw from a config; ten of
# those that defects are planted in, of one that is copied, and of two kinds of questions on photos.
_FEW = 3
_NUM_ROWS = {
    **dict.fromkeys((_AI2D, _CHART, _ICON, "lrv_normal(filtered)", "VizWiz(MathV360K)"), 10),
    "GeoQA+(MathV360K)": 6,
    "VisualWebInstruct(filtered)": 24,
    "allava_instruct_laion4v": 10,
    "allava_instruct_vflan4v": 5,
    "chart2text(cauldron)": 6,
    "image_textualization(filtered)": 8,
    "llavar_gpt4_20k": 5,
    "mapqa(cauldron,llava_format)": 8,
    "mathqa": 30,
    "mavis_math_metagen": 16,
    "mavis_math_rule_geo": 16,
    "sharegpt4o": 12,
    "sharegpt4v(coco)": 10,
    "sharegpt4v(llava)": 6,
    "textocr(gpt4v)": 6,
    "vision_flan(filtered)": 24,
    **dict.fromkeys(_TEXT, 44),
}
Row = dict[str, Any]


def write(kit: Kit) -> None:
    sheets = {name: _sheet(kit, name) for name in (*_MAKERS, _COPY, *_TEXT, "mathqa")}
    for name, make in _MAKERS.items():
        for number in range(_NUM_ROWS.get(name, _FEW) * kit.scale):
            made = make(kit.gallery, f"onevision {name}", number)
            sheets[name].add(_row(name, number, f"{number:012d}.png", made))
    _plant(sheets)
    for number, row in enumerate(sheets[_ICON].rows):
        copy = {**row, "data_source": _COPY}
        sheets[_COPY].plant("exact_duplicate_across_subsets", copy, sheets[_ICON].place(number))
    texts = Texts(SOURCE)
    for name in _TEXT:
        for number in range(_NUM_ROWS[name] * kit.scale):
            sheets[name].add(_text_row(name, number, _exchanges(texts, name.endswith("mt)"))))
    for number in range(_NUM_ROWS["mathqa"] * kit.scale):
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
