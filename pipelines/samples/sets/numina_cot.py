"""NuminaMath-CoT in small: one of its five train shards, and its test split."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.questions import Questions, chat_turns, plant_turns
from pipelines.samples.sets.smoltalk import MESSAGES

SOURCE = "numina_cot"
REPO = "AI-MO/NuminaMath-CoT"
REPOS = (REPO,)
FILE = "data/train-00000-of-00005.parquet"
_ROWS = 33
_TEXT = pa.string()
_SCHEMA = pa.schema(
    [("source", _TEXT), ("problem", _TEXT), ("solution", _TEXT), ("messages", MESSAGES)]
)
_SOURCES = ("cn_k12", "synthetic_math", "orca_math", "olympiads", "aops_forum")


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "Prove what you use.")
    sheet = kit.sheet(SOURCE, "default", FILE)
    for number in range(_ROWS * kit.scale):
        sheet.add(_row(ask, number))
    plant_turns(sheet, "messages", "content", "role")
    # Without messages the pair is read, so this row lacks both.
    sheet.rows[-1] = {**sheet.rows[-1], "problem": None, "solution": None}
    tables.write(kit.folder / REPO / FILE, _SCHEMA, sheet.rows, row_group_rows=15)
    held = [_row(ask, number) for number in range(3)]
    tables.write(kit.folder / REPO / "data/test-00000-of-00001.parquet", _SCHEMA, held, 15)


def _row(ask: Questions, number: int) -> dict[str, Any]:
    made = ask.problem()
    return {
        "source": _SOURCES[number % len(_SOURCES)],
        "problem": made.question,
        "solution": made.solution,
        "messages": chat_turns([(made.question, made.solution)]),
    }
