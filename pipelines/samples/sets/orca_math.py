"""Orca-Math in small: its one Parquet file."""

from __future__ import annotations

import pyarrow as pa

from pipelines.samples import tables
from pipelines.samples.kit import Kit
from pipelines.samples.questions import Questions, plant_pairs

SOURCE = "orca_math"
REPO = "microsoft/orca-math-word-problems-200k"
REPOS = (REPO,)
FILE = "data/train-00000-of-00001.parquet"
_ROWS = 30
_SCHEMA = pa.schema([("question", pa.string()), ("answer", pa.string())])


def write(kit: Kit) -> None:
    ask = Questions(SOURCE, "I need this for school.")
    sheet = kit.sheet(SOURCE, "default", FILE)
    for _ in range(_ROWS * kit.scale):
        made = ask.problem()
        answer = f"To answer this, go step by step.\n\n{made.solution}\n\nSo: {made.answer}."
        sheet.add({"question": made.question, "answer": answer})
    plant_pairs(sheet, "question", "answer")
    tables.write(kit.folder / REPO / FILE, _SCHEMA, sheet.rows, row_group_rows=20)
