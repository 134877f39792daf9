"""MathQA in small: its zip with all four splits, in lower case with spaces around all signs."""

from __future__ import annotations

import re
from typing import Any

import orjson

from pipelines.samples import archives
from pipelines.samples.kit import Kit
from pipelines.samples.problems import shopping
from pipelines.samples.words import seeded

SOURCE = "mathqa"
REPOS = (SOURCE,)
FILE = "MathQA.zip"
_ROWS = 36
_CATEGORIES = ("general", "gain", "other")


def write(kit: Kit) -> None:
    sheet = kit.sheet(SOURCE, "train", FILE)
    for number in range(_ROWS * kit.scale):
        sheet.add(_row("train", number))
    rows = sheet.rows
    sheet.plant("exact_duplicate", dict(rows[2]), sheet.place(2))
    sheet.plant("text_null", {**rows[3], "Rationale": None})
    sheet.plant("control_token", {**rows[4], "Rationale": rows[4]["Rationale"] + " <|im_end|>"})
    members = [("train.json", orjson.dumps(rows))]
    for split in ("dev", "test", "challenge_test"):
        held = [_row(split, number) for number in range(3)]
        members.append((f"{split}.json", orjson.dumps(held)))
    path = kit.folder / SOURCE / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archives.zip_file(members))


def _row(split: str, number: int) -> dict[str, Any]:
    rng = seeded(SOURCE, split, number)
    buys, count, price, total = shopping(rng)
    percent = rng.choice([10, 20, 25, 50])
    paid = total * (100 - percent) // 100
    wrong = rng.sample([n for n in range(max(1, paid - 60), paid + 61) if n != paid], 3)
    place = rng.randrange(4)
    options = [*wrong[:place], paid, *wrong[place:]]
    listed = " , ".join(
        f"{letter} ) {value}" for letter, value in zip("abcd", options, strict=True)
    )
    rationale = (
        f"{count} times {price} is {total} . less {percent} % of it leaves about {paid} . "
        f"answer : option {'abcd'[place]}"
    )
    return {
        "Problem": _spaced(f"{buys} at rs. {price} each and pays {percent}% less. how much is it?"),
        "Rationale": f'"{rationale}"',
        "options": f"{listed} , e ) none of these",
        "correct": "abcd"[place],
        "annotated_formula": f"multiply(multiply({count}, {price}), subtract(1, {percent / 100}))",
        "linear_formula": "multiply(n0,n1)|subtract(const_1,#0)|multiply(#0,#1)|",
        "category": _CATEGORIES[number % 3],
    }


def _spaced(text: str) -> str:
    return re.sub(r"\s*([.,?%'])\s*", r" \1 ", text.lower()).strip()
