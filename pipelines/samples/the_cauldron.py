"""The Cauldron in small: its 50 configs, a Parquet file each; images as bytes, no markers in texts.

Six of them are of some size and hold the defects; cauldron_more.py makes a few rows of the others.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image, ImageOps

from pipelines.samples import broken, cauldron_more, tables
from pipelines.samples.benchmarks import picture
from pipelines.samples.charts import make_chart
from pipelines.samples.diagrams import make_diagram
from pipelines.samples.pages import make_page
from pipelines.samples.pairs import Pair, marked_pair
from pipelines.samples.stock import Gallery, jpeg, photos, png
from pipelines.samples.truth import Place, Sheet, Truth
from pipelines.samples.words import seeded

SOURCE = "the_cauldron"
REPO = "HuggingFaceM4/the_cauldron"
_TURN = pa.struct([(name, pa.string()) for name in ("user", "assistant", "source")])
SCHEMA = tables.with_features(
    pa.schema([("images", tables.list_of(tables.IMAGE)), ("texts", tables.list_of(_TURN))]),
    {
        "images": {"feature": {"_type": "Image"}, "_type": "Sequence"},
        "texts": [{name: tables.value("string") for name in ("user", "assistant", "source")}],
    },
)
_NUM_ROWS = 42
# Rows of configs whose images are null upstream.
_WITHOUT_IMAGES = {"okvqa": _NUM_ROWS, "clevr_math": cauldron_more.NUM_ROWS}
_SUCCINCT = "\nAnswer succinctly with a single word."
_SHORT = "\nProvide a short and direct response."
_CAPTION_ASKS = (
    "Provide a one-sentence caption for the provided image.",
    "Write a terse but informative summary of the picture.",
    "What is in the image? Answer in one sentence.",
    "Give a short and clear explanation of the subsequent image.",
    "Summarize the visual content of the image.",
)
Row = dict[str, Any]


def write(
    folder: Path, truth: Truth, scale: int, gallery: Gallery, twin: tuple[Pair, Place]
) -> None:
    """`twin` is a pair of M4-Instruct, and where it stands: spot_the_diff holds it once more."""
    sheets = {name: _sheet(truth, name) for name in (*_CONFIGS, *_WITHOUT_IMAGES)}
    for name, (make, plant) in _CONFIGS.items():
        for number in range(_NUM_ROWS * scale):
            sheets[name].add(make(number, gallery))
            if number == 2 * _NUM_ROWS // 3:
                plant(sheets)
    pair, place = twin
    copy = _row("spot_the_diff", [pair.first, pair.second], [(pair.question, pair.answer)])
    sheets["spot_the_diff"].plant("exact_duplicate_across_sources", copy, place)
    for name, num_rows in _WITHOUT_IMAGES.items():
        for number in range(num_rows * scale):
            sheets[name].plant("image_bytes_null", _without_image(name, number))
    for name, make_more in cauldron_more.CONFIGS.items():
        sheets[name] = _sheet(truth, name)
        for number in range(cauldron_more.NUM_ROWS * scale):
            sheets[name].add(_row(name, *make_more(gallery, name, number)))
    for sheet in sheets.values():
        tables.write(folder / REPO / sheet.file, SCHEMA, sheet.rows, row_group_rows=20)


def _sheet(truth: Truth, config: str) -> Sheet:
    commit = zlib.crc32(config.encode()) << 32 | zlib.adler32(config.encode())
    return Sheet(truth, SOURCE, config, f"{config}/train-00000-of-00001-{commit:016x}.parquet")


def _row(config: str, images: list[bytes], pairs: list[tuple[str, str]]) -> Row:
    turns = [{"user": user, "assistant": answer, "source": config} for user, answer in pairs]
    return {"images": [{"bytes": data, "path": None} for data in images], "texts": turns}


def _chart(number: int, gallery: Gallery, config: str = "chartqa") -> Row:
    chart, image = gallery.draw(lambda attempt: make_chart(seeded(config, number, attempt), number))
    asked = chart.questions(seeded(config, "ask", number))
    return _row(config, [png(image)], [(question + _SUCCINCT, f"{a}.") for question, a in asked])


def _page(number: int, gallery: Gallery) -> Row:
    asked, image = gallery.draw(lambda attempt: _asked_page(number, attempt))
    pairs = [(question + _SHORT, f"{answer}.") for question, answer in asked]
    return _row("docvqa", [jpeg(image, 88)], pairs)


def _asked_page(number: int, attempt: int) -> tuple[list[tuple[str, str]], Image.Image]:
    image, asked = make_page(seeded("docvqa", number, attempt), number)
    return asked, image


def _diagram(number: int, gallery: Gallery) -> Row:
    diagram, image = gallery.draw(
        lambda attempt: make_diagram(seeded("ai2d", number, attempt), number)
    )
    rng = seeded("ai2d", "ask", number)
    pairs: dict[str, tuple[str, str]] = {}
    while len(pairs) < 2:
        question, answer, wrong = diagram.question(rng)
        choices = rng.sample([answer, *wrong], 4)
        listed = "\n".join(f"Choice {'ABCD'[n]}: {text}" for n, text in enumerate(choices))
        user = f"Question: {question}\nChoices:\n{listed}\nAnswer with the letter."
        pairs[question] = (user, f"Answer: {'ABCD'[choices.index(answer)]}")
    return _row("ai2d", [png(image)], list(pairs.values()))


def _caption(number: int, gallery: Gallery) -> Row:
    scenes = photos()
    scene = scenes[number % len(scenes)]
    caption = scene.captions[number // len(scenes) % len(scene.captions)]
    image = gallery.take(scene, "textcaps", number)
    ask = _CAPTION_ASKS[number % len(_CAPTION_ASKS)]
    return _row("textcaps", [jpeg(image)], [(ask, caption)])


def _difference(number: int, gallery: Gallery) -> Row:
    pair = marked_pair(gallery, "spot_the_diff", number)
    asks = ("Identify the non-matching elements in these two images.", "What differs?")
    ask = (*asks, "Outline the differences between the two images.")[number % 3]
    return _row("spot_the_diff", [pair.first, pair.second], [(ask, pair.answer)])


def _without_image(config: str, number: int) -> Row:
    """A row as upstream left it: the image is a path on a disk that nobody has."""
    scene = photos()[number % len(photos())]
    question, answer = scene.facts[number // len(photos()) % len(scene.facts)]
    file = 10_007 + number * 5_393
    path = (
        "/fsx/m4/datasets/downloads/extracted/"
        f"{zlib.crc32(config.encode()):08x}/train2014/COCO_train2014_{file:012d}.jpg"
    )
    row = _row(config, [], [(question + _SUCCINCT, answer)])
    return {**row, "images": [{"bytes": None, "path": path}]}


def _picture(row: Row) -> Image.Image:
    with Image.open(io.BytesIO(row["images"][0]["bytes"])) as image:
        image.load()
        return image


def _with_image(row: Row, data: bytes | None) -> Row:
    return {**row, "images": [{"bytes": data, "path": None}]}


def _with_answer(row: Row, answer: str | None) -> Row:
    *before, last = row["texts"]
    return {**row, "texts": [*before, {**last, "assistant": answer}]}


def _plant_ai2d(sheets: dict[str, Sheet]) -> None:
    sheet = sheets["ai2d"]
    rows = sheet.rows
    sheet.plant("exact_duplicate", rows[5], sheet.place(5))
    sheet.plant("conversation_missing", {**rows[1], "texts": None})
    sheet.plant("conversation_empty", {**rows[2], "texts": []})
    sheet.plant("text_null", _with_answer(rows[3], None))
    sheet.plant("image_bytes_null", _with_image(rows[4], None))
    sheet.plant(
        "near_duplicate_image",
        _with_image(rows[6], broken.recompressed(_picture(rows[6]))),
        sheet.place(6),
    )


def _plant_chartqa(sheets: dict[str, Sheet]) -> None:
    sheet = sheets["chartqa"]
    rows = sheet.rows
    sheet.plant("exact_duplicate", rows[7], sheet.place(7))
    photo = jpeg(_picture(rows[8]))
    sheet.plant("truncated_jpeg", _with_image(rows[8], broken.truncated(photo)))
    sheet.plant("web_page_as_image", _with_image(rows[9], broken.WEB_PAGE))
    log = broken.long_answer(seeded("chartqa", "log"), 33_500)
    sheet.plant("turn_too_long", _with_answer(rows[10], log))
    sheet.plant("control_token", _with_answer(rows[11], "48.<end_of_utterance>"))
    sheet.plant(
        "near_duplicate_image",
        _with_image(rows[12], broken.recompressed(_picture(rows[12]))),
        sheet.place(12),
    )
    leaked = broken.recompressed(picture("chartqa", 0))
    sheet.plant("benchmark_picture", _with_image(rows[15], leaked), benchmark="chartqa/test/0")


def _plant_docvqa(sheets: dict[str, Sheet]) -> None:
    sheet, charts = sheets["docvqa"], sheets["chartqa"]
    rows = sheet.rows
    sheet.plant("exact_duplicate_across_subsets", charts.rows[13], charts.place(13))
    sheet.plant("image_bomb", _with_image(rows[14], broken.image_bomb()))
    sheet.plant("tiny_image", _with_image(rows[15], broken.tiny_image()))
    banner = broken.banner_image("Opening hours: Monday to Friday 9 to 17, Saturday 10 to 14")
    sheet.plant("banner_image", _with_image(rows[16], banner))
    sheet.plant("empty_answer", _with_answer(rows[17], "  "))
    sheet.plant("marker_in_answer", _with_answer(rows[18], "See <image>."))
    sheet.plant(
        "near_duplicate_image",
        _with_image(rows[19], broken.recompressed(_picture(rows[19]))),
        sheet.place(19),
    )
    sheet.plant(
        "refusal",
        _with_answer(_with_image(rows[20], broken.trimmed(_picture(rows[20]))), broken.REFUSAL),
    )


# The same caption in languages that an English mixture does not ask for.
_FOREIGN = (
    "Eine getigerte Katze mit bernsteinfarbenen Augen schaut an der Kamera vorbei.",
    "Une tasse de café rouge est posée sur une table en bois, à côté d'une petite cuillère.",
    "Una motocicleta roja está aparcada en un garaje lleno de cajas y herramientas.",
)


def _plant_textcaps(sheets: dict[str, Sheet]) -> None:
    sheet = sheets["textcaps"]
    rows = sheet.rows
    copy = broken.trimmed(_picture(rows[2]))
    sheet.plant("near_duplicate_image", _with_image(rows[2], copy), sheet.place(2))
    for number, caption in zip((2, 3, 5), _FOREIGN, strict=True):
        mirrored = jpeg(ImageOps.mirror(_picture(rows[number])))
        sheet.plant("foreign_language", _with_answer(_with_image(rows[number], mirrored), caption))
    for number in (8, 9, 10, 12):
        turned = jpeg(ImageOps.mirror(_picture(rows[number])))
        row = _with_answer(_with_image(rows[number], turned), broken.BOILERPLATE)
        sheet.plant("boilerplate", row)


def _plant_nothing(sheets: dict[str, Sheet]) -> None:
    """spot_the_diff gets its copy of a row of another source at its end."""


_CONFIGS: dict[str, tuple[Callable[[int, Gallery], Row], Callable[[dict[str, Sheet]], None]]] = {
    "ai2d": (_diagram, _plant_ai2d),
    "chartqa": (_chart, _plant_chartqa),
    "docvqa": (_page, _plant_docvqa),
    "spot_the_diff": (_difference, _plant_nothing),
    "textcaps": (_caption, _plant_textcaps),
}
