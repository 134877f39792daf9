"""Goat in small: sums of large numbers in random wordings, one JSON array."""

from __future__ import annotations

from pipelines.samples.kit import Kit
from pipelines.samples.problems import arithmetic
from pipelines.samples.questions import plant_pairs, write_json
from pipelines.samples.words import seeded

SOURCE = "goat"
REPO = "tiedong/goat"
REPOS = (REPO,)
FILE = "dataset.json"
_ROWS = 36
_ASKS = ("What is {}?", "{} =", "Tell me the value of {}.", "Please compute {}", "{}, what is it?")


def write(kit: Kit) -> None:
    sheet = kit.sheet(SOURCE, "default", FILE)
    for number in range(_ROWS * kit.scale):
        rng = seeded(SOURCE, number)
        term, result = arithmetic(rng)
        # Some wordings have no spaces in the sum.
        asked = term.replace(" ", "") if number % 3 == 1 else term
        sheet.add(
            {
                "instruction": rng.choice(_ASKS).format(asked),
                "input": term,
                "output": f"{term} = {result}",
                "answer": result,
            }
        )
    plant_pairs(sheet, "instruction", "output")
    write_json(kit.folder / REPO / FILE, sheet.rows)
