"""Magpie in small: one repository of each generation of columns, with all its columns."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.samples import broken, tables
from pipelines.samples.truth import Sheet, Truth
from pipelines.samples.words import Exchange, Texts, seeded

SOURCE = "magpie"
ORGANISATION = "Magpie-Align"
GEN_0 = "Magpie-Pro-300K-Filtered"
GEN_1 = "Llama-3-Magpie-Air-3M-v0.1"
GEN_2 = "Magpie-Llama-3.1-Pro-MT-300K-Filtered"
_TEXT, _REAL, _COUNT = pa.string(), pa.float64(), pa.int64()
_TURNS = tables.list_of(pa.struct([("from", _TEXT), ("value", _TEXT)]))
SCHEMAS: dict[str, pa.Schema] = {
    GEN_0: pa.schema([("conversations", _TURNS), ("uuid", _TEXT)]),
    GEN_1: pa.schema(
        [
            ("uuid", _TEXT),
            ("model", _TEXT),
            ("gen_input_config", pa.struct([("temperature", _REAL), ("top_p", _REAL)])),
            ("input", _TEXT),
            ("output", _TEXT),
            ("conversations", _TURNS),
            ("task_category", _TEXT),
            ("difficulty", _TEXT),
            ("intent", _TEXT),
            ("knowledge", _TEXT),
            ("input_quality", _TEXT),
            ("quality_explanation", _TEXT),
            ("llama_guard_2", _TEXT),
            ("reward_model", _TEXT),
            ("instruct_reward", _REAL),
            ("base_output", _TEXT),
            ("base_reward", _REAL),
            ("reward_difference", _REAL),
            ("min_neighbor_distance", _REAL),
            ("repeat_count", _COUNT),
            ("min_similar_uuid", _TEXT),
            ("input_length", _COUNT),
            ("output_length", _COUNT),
        ]
    ),
    GEN_2: pa.schema(
        [
            ("uuid", _TEXT),
            ("model", _TEXT),
            (
                "gen_input_configs",
                pa.struct(
                    [
                        ("temperature", _REAL),
                        ("top_p", _REAL),
                        ("input_generator", _TEXT),
                        ("seed", pa.null()),
                        ("pre_query_template", _TEXT),
                    ]
                ),
            ),
            ("instruction", _TEXT),
            ("response", _TEXT),
            ("instruction_2", _TEXT),
            ("response_2", _TEXT),
            ("conversations", _TURNS),
            ("task_category", _TEXT),
            ("other_task_category", tables.list_of(_TEXT)),
            ("task_category_generator", _TEXT),
            ("difficulty", _TEXT),
            ("intent", _TEXT),
            ("knowledge", _TEXT),
            ("difficulty_generator", _TEXT),
            ("input_quality", _TEXT),
            ("quality_explanation", _TEXT),
            ("quality_generator", _TEXT),
            ("llama_guard_2", _TEXT),
            ("reward_model", _TEXT),
            ("instruct_reward", _REAL),
            ("min_neighbor_distance", _REAL),
            ("repeat_count", _COUNT),
            ("min_similar_uuid", _TEXT),
            ("instruction_length", _COUNT),
            ("response_length", _COUNT),
            ("language", _TEXT),
        ]
    ),
}
# Shards upstream (by size, where not documented), and how many of them are written.
_SHARDS = {GEN_0: (3, 3), GEN_1: (39, 1), GEN_2: (6, 2)}
_ROWS = {GEN_0: 16, GEN_1: 44, GEN_2: 22}
Row = dict[str, Any]
Turn = dict[str, str]


def write(folder: Path, truth: Truth, scale: int) -> None:
    texts = Texts("magpie")
    sheets: dict[str, list[Sheet]] = {}
    for subset in (GEN_1, GEN_2, GEN_0):
        total, written = _SHARDS[subset]
        files = [f"data/train-{n:05d}-of-{total:05d}.parquet" for n in range(written)]
        sheets[subset] = [Sheet(truth, SOURCE, subset, file) for file in files]
        for sheet in sheets[subset]:
            for number in range(_ROWS[subset] * scale):
                sheet.add(_MAKERS[subset](texts, number))
    _plant_first(sheets[GEN_1][0])
    _plant_second(sheets[GEN_2][0])
    _plant_zero(sheets[GEN_0][0], sheets[GEN_1][0])
    _plant_quality(sheets[GEN_0][1], texts)
    for subset, written_sheets in sheets.items():
        for sheet in written_sheets:
            path = folder / ORGANISATION / subset / sheet.file
            tables.write(path, SCHEMAS[subset], sheet.rows, row_group_rows=20)


def _uuid(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def _turns(*pairs: tuple[str, str]) -> list[Turn]:
    turns = []
    for user, assistant in pairs:
        turns += [{"from": "human", "value": user}, {"from": "gpt", "value": assistant}]
    return turns


def _zero(texts: Texts, number: int) -> Row:
    made = texts.exchange()
    return _zero_row(_turns((made.user, made.assistant)))


def _zero_row(turns: list[Turn] | None) -> Row:
    return {"conversations": turns, "uuid": _uuid(str(turns))}


def _tags(made: Exchange, number: int, other: str) -> Row:
    """What the taggers said; every ninth row has values outside their enumerations: null."""
    rng = seeded("magpie", "tags", made.user)
    lost = number % 9 == 4
    quality = rng.choice(["average", "good", "excellent"])
    distance = round(rng.uniform(0.06, 0.5), 6)
    return {
        "uuid": _uuid(made.user),
        "task_category": None if lost else made.category if number % 11 else other,
        "difficulty": None if lost else rng.choice(["very easy", "easy", "medium", "hard"]),
        "intent": f"The user wants help with {made.topic}.",
        "knowledge": f"To answer, one must know {made.topic}.",
        "input_quality": None if lost else quality,
        "quality_explanation": None
        if lost
        else f"The query is clear and its quality is {quality}.",
        "llama_guard_2": "safe",
        "reward_model": "sfairXC/FsfairX-LLaMA3-RM-v0.1",
        "instruct_reward": round(rng.uniform(-8, 4), 6),
        "min_neighbor_distance": distance,
        "repeat_count": 0,
        "min_similar_uuid": None,
    }


def _first(texts: Texts, number: int) -> Row:
    made = texts.exchange()
    tags = _tags(made, number, "Others")
    base = made.assistant.split(". ")[0] + "."
    reward = round(tags["instruct_reward"] - 1.25, 6)
    return {
        **tags,
        "model": "meta-llama/Meta-Llama-3-8B-Instruct",
        "gen_input_config": {"temperature": 1.0, "top_p": 1.0},
        "input": made.user,
        "output": made.assistant,
        "conversations": _turns((made.user, made.assistant)),
        "base_output": base,
        "base_reward": reward,
        "reward_difference": round(tags["instruct_reward"] - reward, 6),
        "input_length": len(made.user),
        "output_length": len(made.assistant),
    }


def _second(texts: Texts, number: int) -> Row:
    made = texts.exchange()
    more = texts.follow_up(made)
    pairs = ((made.user, made.assistant), (more.user, more.assistant))
    tagger = "meta-llama/Meta-Llama-3.1-8B-Instruct"
    return {
        **_tags(made, number, "Other"),
        "model": "meta-llama/Meta-Llama-3.1-70B-Instruct",
        "gen_input_configs": {
            "temperature": 1.0,
            "top_p": 1.0,
            "input_generator": "Meta-Llama-3.1-70B-Instruct",
            "seed": None,
            "pre_query_template": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>",
        },
        "instruction": made.user,
        "response": made.assistant,
        "instruction_2": more.user,
        "response_2": more.assistant,
        "conversations": _turns(*pairs),
        "other_task_category": [],
        "task_category_generator": tagger,
        "difficulty_generator": tagger,
        "quality_generator": tagger,
        "instruction_length": len(made.user),
        "response_length": len(made.assistant),
        "language": "EN",
    }


_MAKERS = {GEN_0: _zero, GEN_1: _first, GEN_2: _second}


def _said(row: Row, number: int, value: str | None) -> Row:
    """The row with another text in one turn of its conversation."""
    turns = [dict(turn) for turn in row["conversations"]]
    turns[number]["value"] = value
    return {**row, "conversations": turns}


def _plant_first(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("exact_duplicate", {**rows[2], "uuid": _uuid("copy of row 2")}, sheet.place(2))
    sheet.plant("no_answer", {**rows[3], "conversations": rows[3]["conversations"][:1]})
    log = broken.long_answer(seeded("magpie", "log"), 34_000)
    sheet.plant("turn_too_long", _said(rows[4], 1, log))
    sheet.plant("refusal", _said(rows[5], 1, broken.REFUSAL))


def _plant_second(sheet: Sheet) -> None:
    rows = sheet.rows
    sheet.plant("two_users_in_a_row", {**rows[1], "conversations": rows[1]["conversations"][:3]})
    sheet.plant("empty_answer", _said(rows[2], 3, ""))
    sheet.plant("near_duplicate_text", _lightly_edited(rows[3], 3), sheet.place(3))


def _plant_zero(sheet: Sheet, first: Sheet) -> None:
    rows = sheet.rows
    copy = _zero_row(first.rows[6]["conversations"])
    sheet.plant("exact_duplicate_across_subsets", copy, first.place(6))
    sheet.plant("unknown_role", _zero_row([{"from": "tool", "value": "42"}, *_talk(rows[1])]))
    sheet.plant("conversation_empty", _zero_row([]))
    sheet.plant("text_null", _said(rows[2], 0, None))
    sheet.plant("control_token", _said(rows[3], 1, _talk(rows[3])[1]["value"] + "<|im_end|>"))
    sheet.plant("near_duplicate_text", _lightly_edited(rows[4], 1), sheet.place(4))


def _talk(row: Row) -> list[Turn]:
    turns: list[Turn] = row["conversations"]
    return turns


def _lightly_edited(row: Row, number: int) -> Row:
    """Another ending, and one word more at the beginning of the answer."""
    value = _talk(row)[number]["value"]
    return _said(row, number, f"Well: {value} I hope that this helps.")


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
        sheet.plant("foreign_language", _zero_row(_turns(pair)))
    for _ in range(4):
        made = texts.exchange()
        answer = "This is a very interesting question. There are many aspects to consider here."
        sheet.plant("boilerplate", _zero_row(_turns((made.user, answer))))
