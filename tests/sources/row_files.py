"""Files of rows for the fixtures of text upstreams: Parquet, JSON arrays, JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# As `datasets` writes SmolTalk and its kin: content before role.
CHAT = pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))


def said(*texts: str | None, roles: str = "ua") -> list[dict[str, Any]]:
    """Turns of the roles whose initials take turns, e.g. `sua` for a system prompt and a pair."""
    names = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    pairs = zip((roles * len(texts))[: len(texts)], texts, strict=True)
    return [{"content": text, "role": names[initial]} for initial, text in pairs]


def parquet(path: Path, columns: dict[str, Any]) -> None:
    """Row groups of two rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=2)


def chat_parquet(path: Path, rows: list[Any], **columns: Any) -> None:
    """Rows of `messages`, and further columns."""
    parquet(path, {"messages": pa.array(rows, CHAT), **columns})


def json_array(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False), encoding="utf-8")


def json_lines(path: Path, rows: Iterable[Any]) -> None:
    """A string is written as it stands: a broken line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
