"""Dolly 15k in small: two rows of three have an empty context."""

from __future__ import annotations

from typing import Any

from pipelines.samples.kit import Kit
from pipelines.samples.questions import Questions, plant_pairs, write_json

SOURCE = "dolly"
REPO = "databricks/databricks-dolly-15k"
REPOS = (REPO,)
FILE = "databricks-dolly-15k.jsonl"
_ROWS = 36
_CATEGORIES = ("open_qa", "brainstorming", "general_qa", "creative_writing")


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "Use your own words.")
    sheet = kit.sheet(SOURCE, "default", FILE)
    for number in range(_ROWS * kit.scale):
        sheet.add(_open(ask, number) if number % 3 else _closed(ask, number))
    plant_pairs(sheet, "instruction", "response")
    write_json(kit.folder / REPO / FILE, sheet.rows)


def _open(ask: Questions, number: int) -> dict[str, Any]:
    ((instruction, response),) = ask.chat()
    category = _CATEGORIES[number % len(_CATEGORIES)]
    return {"instruction": instruction, "context": "", "response": response, "category": category}


def _closed(ask: Questions, number: int) -> dict[str, Any]:
    text, name, fact = ask.passage()
    return {
        "instruction": f"Which of these sentences on {name} would you put on a poster, and why?",
        "context": text.replace(". ", f".[{number + 1}] ", 1),
        "response": f'I would take "{fact}", since it can be understood without the others.',
        "category": "closed_qa",
    }
