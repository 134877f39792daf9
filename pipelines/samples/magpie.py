"""Magpie in small: one repository of each generation of columns, with all its columns."""

from __future__ import annotations

from pathlib import Path

from pipelines.samples import broken, tables
from pipelines.samples.benchmarks import TRAIN, asked
from pipelines.samples.magpie_rows import (
    GEN_0,
    GEN_1,
    GEN_2,
    MAKERS,
    SCHEMAS,
    Row,
    Turn,
    make_turns,
    make_uuid,
    zero_row,
)
from pipelines.samples.truth import Sheet, Truth
from pipelines.samples.words import Texts, seeded

SOURCE = "magpie"
ORGANISATION = "Magpie-Align"
# Shards upstream (by size, where not documented), and how many of them are written.
_SHARDS = {GEN_0: (3, 3), GEN_1: (39, 1), GEN_2: (6, 2)}
_ROWS = {GEN_0: 16, GEN_1: 44, GEN_2: 22}


def write(folder: Path, truth: Truth, scale: int) -> None:
    texts = Texts("magpie")
    sheets: dict[str, list[Sheet]] = {}
    for subset in (GEN_1, GEN_2, GEN_0):
        total, written = _SHARDS[subset]
        files = [f"data/train-{n:05d}-of-{total:05d}.parquet" for n in range(written)]
        sheets[subset] = [Sheet(truth, SOURCE, subset, file) for file in files]
        for sheet in sheets[subset]:
            for number in range(_ROWS[subset] * scale):
                sheet.add(MAKERS[subset](texts, number))
    _plant_first(sheets[GEN_1][0])
    _plant_second(sheets[GEN_2][0])
    _plant_zero(sheets[GEN_0][0], sheets[GEN_1][0])
    _plant_quality(sheets[GEN_0][1], texts)
    for subset, written_sheets in sheets.items():
        for sheet in written_sheets:
            path = folder / ORGANISATION / subset / sheet.file
            tables.write(path, SCHEMAS[subset], sheet.rows, row_group_rows=20)


def _said(row: Row, number: int, value: str | None) -> Row:
    """The row with another text in one turn of its conversation."""
    turns = [dict(turn) for turn in row["conversations"]]
    turns[number]["value"] = value
    return {**row, "conversations": turns}


def _plant_first(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[2], "uuid": make_uuid("copy of row 2")}, sheet.place(2))
    sheet.plant("no_answer", {**rows[3], "conversations": rows[3]["conversations"][:1]})
    log = broken.long_answer(seeded("magpie", "log"), 34_000)
    sheet.plant("turn_too_long", _said(rows[4], 1, log))
    sheet.plant("refusal", _said(rows[5], 1, broken.REFUSAL))
    _plant_leaks(sheet)


def _plant_second(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("two_users_in_a_row", {**rows[1], "conversations": rows[1]["conversations"][:3]})
    sheet.plant("empty_answer", _said(rows[2], 3, ""))
    sheet.plant("near_duplicate_text", _lightly_edited(rows[3], 3), sheet.place(3))


def _plant_leaks(sheet: Sheet) -> None:
    """A question of a benchmark's test split; one of its train split, which may be learned."""
    held_out, learned = asked("gsm8k", 0), asked("gsm8k", TRAIN)
    row = _said(sheet.rows[5], 0, held_out.question)
    leak = _said(row, 1, f"It was this: {held_out.answer}.")
    sheet.plant("benchmark_question", leak, benchmark="gsm8k/main/test/0")
    row = _said(sheet.rows[6], 0, learned.question)
    sheet.add(_said(row, 1, f"It was this: {learned.answer}."))


def _plant_zero(sheet: Sheet, first: Sheet) -> None:
    rows = sheet.rows
    copy = zero_row(first.rows[6]["conversations"])
    sheet.plant("exact_duplicate_across_subsets", copy, first.place(6))
    sheet.plant("unknown_role", zero_row([{"from": "tool", "value": "42"}, *_talk(rows[1])]))
    sheet.plant("conversation_empty", zero_row([]))
    sheet.plant("text_null", _said(rows[2], 0, None))
    sheet.plant("control_token", _said(rows[3], 1, _talk(rows[3])[1]["value"] + "<|im_end|>"))
    sheet.plant("near_duplicate_text", _lightly_edited(rows[4], 1), sheet.place(4))


def _talk(row: Row) -> list[Turn]:
    turns: list[Turn] = row["conversations"]
    return turns


def _lightly_edited(row: Row, number: int) -> Row:
    """A sentence more at the end of a turn."""
    value = _talk(row)[number]["value"]
    return _said(row, number, f"{value} I hope that this helps.")


_FOREIGN = (
    (
        "Wie lange muss Sauerteig gehen, bevor man ihn backen kann?",
        "Das hängt von der Temperatur ab. Bei zwanzig Grad braucht der Teig meist acht bis zwölf "
        "Stunden, im Kühlschrank zwei Tage. Er ist reif, wenn er sich deutlich vergrößert hat.",
    ),
    (
        "Pourquoi y a-t-il deux marées hautes par jour ?",
        "La lune attire l'eau du côté qui lui fait face, et du côté opposé l'eau reste un peu en "
        "arrière. La terre tourne sous ces deux bourrelets, si bien que chaque côte en voit deux.",
    ),
    (
        "¿Cómo puedo empezar a tocar la guitarra sin profesor?",
        "Empieza por afinar bien el instrumento y aprende tres acordes sencillos. Practica quince "
        "minutos cada día y canta mientras tocas, porque así el ritmo se vuelve natural.",
    ),
    (
        "Jak dbać o rower zimą, żeby nie zardzewiał?",
        "Po każdej jeździe spłucz sól letnią wodą, wytrzyj łańcuch do sucha i nałóż gęsty olej. "
        "Rower najlepiej trzymać w suchym miejscu, z dala od grzejnika.",
    ),
)


def _plant_quality(sheet: Sheet, texts: Texts) -> None:
    for pair in _FOREIGN:
        sheet.plant("foreign_language", zero_row(make_turns(pair)))
    for _ in range(4):
        made = texts.exchange()
        answer = "This is a very interesting question. There are many aspects to consider here."
        sheet.plant("boilerplate", zero_row(make_turns((made.user, answer))))
