"""Atlas Math Sets in small: both generations of columns in one file, held-out files beside it."""

from __future__ import annotations

import random
from typing import Any

from pipelines.samples.kit import Kit
from pipelines.samples.problems import arithmetic
from pipelines.samples.questions import plant_pairs, write_json
from pipelines.samples.words import seeded

SOURCE = "atlas_math"
REPO = "AtlasUnified/atlas-math-sets"
REPOS = (REPO,)
FILE = "data/train.jsonl"
_ROWS = 36
_ASKS = ("Sum up {}", "Calculate {}", "What does {} give?", "Work out {}")


def write(kit: Kit) -> None:
    sheet = kit.sheet(SOURCE, "default", FILE)
    for number in range(_ROWS * kit.scale):
        rng = seeded(SOURCE, number)
        # The first rows are the models of the planted ones.
        sheet.add(_newer(rng) if number > 5 and number % 3 == 0 else _older(rng))
    plant_pairs(sheet, "instruction", "output")
    write_json(kit.folder / REPO / FILE, sheet.rows)
    for split in ("validation", "test"):
        held = [_older(seeded(SOURCE, split, number)) for number in range(3)]
        write_json(kit.folder / REPO / f"data/{split}.jsonl", held)


def _older(rng: random.Random) -> dict[str, Any]:
    term, result = arithmetic(rng)
    return {
        "instruction": rng.choice(_ASKS).format(term),
        "input": term,
        "output": f"{term} = {result}",
        "answer": result,
    }


def _newer(rng: random.Random) -> dict[str, Any]:
    """Without `output`: the reply is the bare answer."""
    factor, root, shift = rng.randint(2, 99), rng.randint(-400, 400), rng.randint(-900, 900)
    equation = f"{factor}y + {shift} = {factor * root + shift}"
    return {
        "instruction": f"Solve the equation {equation}.",
        "input": equation,
        "answer": str(root),
        "answer_words": f"{'minus ' if root < 0 else ''}{abs(root)}",
        "difficulty": f"level_{rng.randint(1, 5)}",
        "topic": "algebra",
        "subtopic": "linear_equations",
    }
