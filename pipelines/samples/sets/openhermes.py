"""OpenHermes 2.5 in small: one JSON array whose keys vary from row to row."""

from __future__ import annotations

from typing import Any

from pipelines.samples.kit import Kit
from pipelines.samples.questions import Pair, Questions, Turn, plant_turns, write_json

SOURCE = "openhermes"
REPO = "teknium/OpenHermes-2.5"
REPOS = (REPO,)
FILE = "openhermes2_5.json"
_ROWS = 36


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "Answer in full sentences.")
    sheet = kit.sheet(SOURCE, "default", FILE)
    for number in range(_ROWS * kit.scale):
        sheet.add(_row(ask, number))
    plant_turns(sheet, "conversations", "value", "from")
    sheet.plant("conversation_missing", {"source": "airoboros2.2", "category": "joke"})
    sheet.plant("row_not_an_object", ["airoboros2.2", "joke"])
    write_json(kit.folder / REPO / FILE, sheet.rows)


def _row(ask: Questions, number: int) -> dict[str, Any]:
    kind = number % 4
    if kind == 0:
        made = ask.problem()
        turns = _turns([(made.question, f"{made.solution} The answer is: {made.answer}")])
        return {"conversations": turns, "source": "metamath", "category": None}
    turns = _turns(ask.chat(kind))
    if kind == 1:
        more = {"source": "airoboros2.2", "category": "orca", "skip_prompt_formatting": False}
        return {**more, "custom_instruction": None, "topic": None, "conversations": turns}
    if kind == 2:
        system = {"from": "system", "value": "You are an assistant who explains things in steps."}
        return {"conversations": [system, *turns], "source": "CogStackMed", "idx": str(number)}
    weighted = [{**turn, "weight": place % 2} for place, turn in enumerate(turns)]
    prompt = "You are a friendly guide." if number % 8 == 3 else ""
    return {"conversations": weighted, "system_prompt": prompt, "id": number, "views": 7 * number}


def _turns(pairs: list[Pair]) -> list[Turn]:
    names = ("human", "gpt")
    return [
        {"from": n, "value": text} for pair in pairs for n, text in zip(names, pair, strict=True)
    ]
