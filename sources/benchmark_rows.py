"""A row of a benchmark as its item: where the card's columns hold texts, choices and pictures."""

from __future__ import annotations

import ast
import base64
import binascii
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from manifests.benchmark_cards import BenchmarkCard, Fields
from sources.benchmark_item import BenchmarkItem

# `A. `, `(B) `: upstream numbers choices inside their texts where answers are letters.
_LETTER = re.compile(r"^\(?[A-Z][.):]\s+")


def make_item(
    card: BenchmarkCard, place: str, row: dict[str, Any], skipped: Counter[str]
) -> BenchmarkItem | None:
    """The row's item, without its clip; None, and counted in `skipped`, where it asks nothing."""
    fields = card.fields
    question = "\n".join(text for path in fields.question for text in _texts(_at(row, path)))
    if not question.strip():
        skipped["question_missing"] += 1
        return None
    choices = _choices(fields, row)
    return BenchmarkItem(
        benchmark=card.name,
        place=place,
        question=question,
        answer=_answer(fields, row, choices),
        choices=choices,
        images=tuple(_images(fields, row, skipped)),
    )


def clip_path(card: BenchmarkCard, row: dict[str, Any]) -> str:
    """What the row calls its clip; empty where it names none."""
    assert card.fields.video is not None, "only benchmarks of videos are asked"
    value = _at(row, card.fields.video)
    return value.strip("/ ") if isinstance(value, str) else ""


def _at(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row


def _texts(value: Any) -> list[str]:
    """The texts of a cell: itself, or those of its list; numbers as they are written."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for entry in value for text in _texts(entry)]
    return [str(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _choices(fields: Fields, row: dict[str, Any]) -> tuple[str, ...]:
    found = [text for path in fields.choices for text in _listed(_at(row, path))]
    if fields.answer_is == "letter":
        found = [_LETTER.sub("", text) for text in found]
    return tuple(found)


def _listed(value: Any) -> list[str]:
    """As `_texts`; a text that is a Python list, as MMMU has them, is that list."""
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        try:
            return _texts(ast.literal_eval(value))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [value]
    return _texts(value)


def _answer(fields: Fields, row: dict[str, Any], choices: Sequence[str]) -> str:
    """The answer's text; empty where the split is blind, or what it names is no choice."""
    texts = _texts(_at(row, fields.answer)) if fields.answer else []
    said = texts[0].strip() if texts else ""
    if fields.answer_is == "text" or not choices and fields.answer_is == "letter":
        return said
    number = _number(fields, row, said)
    return choices[number] if 0 <= number < len(choices) else ""


def _number(fields: Fields, row: dict[str, Any], said: str) -> int:
    """Which choice is meant, counted from 0; -1 for none."""
    if fields.labels is not None:
        labels = _texts(_at(row, fields.labels))
        return labels.index(said) if said in labels else -1
    if fields.answer_is == "letter":
        letter = said.strip("(). ")[:1]
        return string.ascii_uppercase.find(letter) if letter else -1
    first = 1 if fields.answer_is == "number" else 0
    return int(said) - first if said.isdecimal() else -1


def _images(fields: Fields, row: dict[str, Any], skipped: Counter[str]) -> Iterator[bytes]:
    for path in fields.images:
        value = _at(row, path)
        for cell in value if isinstance(value, list) else [value]:
            data = _bytes(cell)
            if data:
                yield data
            elif cell is not None:
                skipped["image_missing"] += 1


def _bytes(cell: Any) -> bytes | None:
    """An encoded image as Parquet has it (a struct, or plain bytes), or as base64."""
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if isinstance(data, bytes):
        return data
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else None
    except (binascii.Error, ValueError):
        return None
