"""MathInstruct in small: eight of its sets and one that no card knows, in one JSON array."""

from __future__ import annotations

from pipelines.samples.kit import Kit
from pipelines.samples.questions import Pair, Questions, plant_pairs, write_json

SOURCE = "mathinstruct"
REPO = "TIGER-Lab/MathInstruct"
REPOS = (REPO,)
FILE = "MathInstruct.json"
_ROWS = 10
_SETS = (
    "CoT-aqua_rat",
    "CoT-gsm_train",
    "CoT-math50k_camel",
    "CoT-MATH_train",
    "CoT-TheoremQA",
    "PoT-gsm_gpt4",
    "PoT-mathqa",
    "PoT-TheoremQA",
    "other",
)


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "State the result at the end.")
    sheet = kit.sheet(SOURCE, _SETS[0], FILE)
    # Rows of the first set come first: they are the models of the planted ones.
    for name in _SETS:
        sheet.subset = name
        source = (
            "data/extra/riddles.json"
            if name == "other"
            else f"data/{name.replace('-', '/', 1)}.json"
        )
        for _ in range(_ROWS * kit.scale):
            instruction, output = _pair(ask, name)
            sheet.add({"source": source, "output": output, "instruction": instruction})
        if name == _SETS[0]:
            plant_pairs(sheet, "instruction", "output")
    sheet.plant("row_not_an_object", ["data/CoT/aqua_rat.json"])
    write_json(kit.folder / REPO / FILE, sheet.rows)


def _pair(ask: Questions, name: str) -> Pair:
    made = ask.problem()
    if name.startswith("PoT"):
        program = f"# {made.sub_topic}\nresult = {made.answer!r}\nprint(result)"
        return f"{made.question} Write a program in Python.", program
    return made.question, f"{made.solution} The answer is {made.answer}."
