"""AugGSM8K in small: its two files of questions with answers."""

from __future__ import annotations

import json
from typing import Any

from pipelines.samples.kit import Kit
from pipelines.samples.sums import word_problem
from pipelines.samples.words import seeded

REPOS = ("aug_gsm8k",)
_NUM_ROWS = 20


def write(kit: Kit) -> None:
    seen: set[str] = set()
    for part in (1, 2):
        sheet = kit.sheet("aug_gsm8k", "default", f"AugGSM8K_part{part}.jsonl")
        for number in range(_NUM_ROWS * kit.scale):
            sheet.add(_row(part, number, seen))
        if part == 2:
            rows = sheet.rows
            sheet.plant("exact_duplicate", dict(rows[1]), sheet.place(1))
            sheet.plant("text_blank", {**rows[2], "response": ""})
            sheet.plant("text_null", {"query": rows[3]["query"]})
        path = kit.folder / REPOS[0] / sheet.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in sheet.rows), encoding="utf-8")


def _row(part: int, number: int, seen: set[str]) -> dict[str, Any]:
    rng = seeded("aug_gsm8k", part, number)
    query, response = word_problem(rng, number)
    while query in seen:
        query, response = word_problem(rng, number)
    seen.add(query)
    last = response.split()[-2 if response.endswith("crates.") else -1].rstrip(".")
    return {"query": query, "response": f"{response} The answer is: {last}"}
