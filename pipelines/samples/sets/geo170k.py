"""Geo170K in small: figures that are described (alignment) and asked about (qa_tuning).

Parquet and JSON hold the same rows; the figures of both subsets, and a test figure, lie in one zip.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from pipelines.samples import archives, tables
from pipelines.samples.figures import Figure, make_figure
from pipelines.samples.kit import Kit
from pipelines.samples.stock import png
from pipelines.samples.truth import Sheet
from pipelines.samples.words import seeded

REPOS = ("Luckyjhg/Geo170K",)
_COMMITS = {"alignment": "dad80c35097ea8fb", "qa_tuning": "32a379a503a63173"}
_TURN = pa.struct([(name, pa.string()) for name in ("from", "value")])
_SCHEMA = tables.with_features(
    pa.schema([("image", pa.string()), ("conversations", tables.list_of(_TURN))]),
    {
        "image": tables.value("string"),
        "conversations": [{name: tables.value("string") for name in ("from", "value")}],
    },
)
_NUM_FIGURES = 12
_SUMMARIES = (
    "Render a clear and concise summary of the geometry diagram.",
    "Give a brief account of what the figure shows.",
    "Describe the geometric figure in a few words.",
)


def write(kit: Kit) -> None:
    sheets = {
        subset: kit.sheet("geo170k", subset, f"data/{subset}-00000-of-00001-{commit}.parquet")
        for subset, commit in _COMMITS.items()
    }
    members: list[archives.Member] = []
    for number in range(_NUM_FIGURES * kit.scale):
        figure, data = _figure(kit, number)
        path = f"geoqa_plus/{number}.png" if number % 3 else f"geo3k/train/{number}/img_diagram.png"
        members.append((f"images/{path}", data))
        sheets["alignment"].add(_described(path, figure, number))
        for turn in range(2):
            sheets["qa_tuning"].add(_asked(path, figure, turn))
    members.append(("images/test/0.png", _figure(kit, -1)[1]))
    _plant(sheets["qa_tuning"])
    folder = kit.folder / REPOS[0]
    for subset, sheet in sheets.items():
        tables.write(folder / sheet.file, _SCHEMA, sheet.rows, row_group_rows=16)
        (folder / f"{subset}.json").write_text(json.dumps(sheet.rows), encoding="utf-8")
    (folder / "images.zip").write_bytes(archives.zip_file(members))


def _figure(kit: Kit, number: int) -> tuple[Figure, bytes]:
    figure, image = kit.gallery.draw(
        lambda attempt: make_figure(seeded("geo170k", number, attempt), number)
    )
    return figure, png(image)


def _row(path: str, question: str, answer: str | None) -> dict[str, Any]:
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return {"image": path, "conversations": turns}


def _described(path: str, figure: Figure, number: int) -> dict[str, Any]:
    ask = _SUMMARIES[number % len(_SUMMARIES)]
    return _row(path, f"{ask}\n<image>", figure.description)


def _asked(path: str, figure: Figure, turn: int) -> dict[str, Any]:
    """The question with its choices, and once more without them."""
    if turn:
        return _row(
            path, f"<image>\n{figure.question}", f"{figure.steps} So it is {figure.answer}."
        )
    listed = "\n".join(
        f"{letter}: {choice}" for letter, choice in zip("ABCD", figure.choices, strict=True)
    )
    letter = "ABCD"[figure.choices.index(figure.answer)]
    ask = "First perform reasoning, then finally select the question from the choices"
    question = f"<image>\n{ask}.\nQuestion:{figure.question}\nChoices:\n{listed}"
    return _row(path, question, f"{figure.steps}\nAnswer:{letter}")


def _plant(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", rows[3], sheet.place(3))
    sheet.plant("missing_file", {**rows[4], "image": "geoqa_plus/99999.png"})
    sheet.plant("held_out_split", {**rows[5], "image": "test/0.png"})
    ask = rows[6]["conversations"][0]["value"]
    sheet.plant("text_null", _row(rows[6]["image"], ask, None))
