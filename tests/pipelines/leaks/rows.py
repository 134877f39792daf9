"""Chats, documents and benchmarks by hand, and what is found of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from manifests.schema import MESSAGES_TYPE
from pipelines.leaks.index import BenchmarkIndex, read_index, write_index
from pipelines.leaks.lookup import lookup_of
from pipelines.leaks.measure import match_batch
from pipelines.leaks.text_match import RULES
from sources.benchmark_item import BenchmarkItem

SCHEMA = pa.schema([("messages", MESSAGES_TYPE), ("kind", pa.string())])
Row = dict[str, Any]


def item(place: int, question: str, *choices: str, answer: str = "") -> BenchmarkItem:
    return BenchmarkItem(
        benchmark="quiz",
        place=f"test/{place}",
        question=question,
        choices=choices,
        answer=answer,
    )


def index_of(folder: Path, items: Sequence[BenchmarkItem], name: str = "quiz") -> BenchmarkIndex:
    write_index(str(folder), name, "0", items, {"title": name})
    return read_index(str(folder))


def chat(*texts: str) -> Row:
    """User and assistant in turns."""
    roles = ("user", "assistant")
    messages = [
        {"role": roles[place % 2], "content": [{"type": "text", "text": text}]}
        for place, text in enumerate(texts)
    ]
    return {"messages": messages, "kind": "chat"}


def document(text: str) -> Row:
    content = [{"type": "text", "text": text}]
    return {"messages": [{"role": "assistant", "content": content}], "kind": "document"}


def found(index: BenchmarkIndex, rows: Sequence[Row]) -> list[tuple[int, int, str, float]]:
    """(row, text, rule, score) of all matches."""
    batch = pa.RecordBatch.from_pylist(list(rows), schema=SCHEMA)
    matches = match_batch(lookup_of([index]), batch)
    return [(int(m["row"]), int(m["text"]), RULES[m["rule"]], float(m["score"])) for m in matches]


def scores(index: BenchmarkIndex, row: Row) -> dict[str, float]:
    """The best score of one row by each rule."""
    best: dict[str, float] = {}
    for _, _, rule, score in found(index, [row]):
        best[rule] = max(score, best.get(rule, 0.0))
    return best
