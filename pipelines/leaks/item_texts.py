"""The texts of a benchmark's items as hashes of their words: what its index keeps of them.

A *question* is what an item asks, its *whole* that with choices and answer. Equal texts are one.
A question that items with other wholes ask too is generic ("Which of these is true?"): it says
nothing by itself, and is looked for with its choices or its picture alone.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.flat import Ints, starts
from pipelines.near.characters import Values
from pipelines.near.shingles import text_codes
from pipelines.near.words import Words, blocks, words
from sources.benchmark_item import BenchmarkItem

TEXTS_SCHEMA = pa.schema(
    [
        ("words", pa.large_list(pa.uint64())),  # hashes, in order
        ("front", pa.int32()),  # how many are the question's; 0 where it is generic
        ("is_question", pa.bool_()),
        ("is_whole", pa.bool_()),
    ]
)
# Codes of turns that are an item as it is asked, and nothing else; `text` is its question or whole.
CODES_SCHEMA = pa.schema([("code", pa.uint64()), ("text", pa.int32())])


@dataclass(frozen=True, slots=True)
class ItemTexts:
    """Rows of the schemas; of each item the place of its question and whole, -1 without a word."""

    texts: pa.Table
    codes: pa.Table
    question: Ints
    whole: Ints


@dataclass(frozen=True, slots=True)
class _Hashed:
    codes: Values
    words: Words

    def of(self, place: int) -> Values:
        return self.words.hashes[self.words.first_t[place] : self.words.first_t[place + 1]]


def item_texts(items: Sequence[BenchmarkItem]) -> ItemTexts:
    """Texts in the order in which items have them first. About 200 ns a character."""
    questions = _hashed([item.question for item in items])
    wholes = _hashed(["\n".join([i.question, *i.choices, i.answer]) for i in items])
    found = _Texts()
    question = [found.number(questions, place) for place in range(len(items))]
    whole = [found.number(wholes, place) for place in range(len(items))]
    generic = _generic(question, whole)
    for asked, told in zip(question, whole, strict=True):
        found.describe(asked, told, asked in generic)
    codes: dict[tuple[int, int], None] = {}
    for form, texts in ((_bare, question), (_with_choices, whole), (_lettered, whole)):
        forms = _hashed([form(item) for item in items])
        for place, text in enumerate(texts):
            if text >= 0 and len(forms.of(place)):
                codes[int(forms.codes[place]), text] = None
    return ItemTexts(found.table(), _codes_table(codes), np.array(question), np.array(whole))


class _Texts:
    """Distinct texts by their codes."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._words: list[Values] = []
        self._front: list[int] = []
        self._roles: list[set[str]] = []

    def number(self, texts: _Hashed, place: int) -> int:
        """-1 for a text without a word."""
        if not len(texts.of(place)):
            return -1
        code = int(texts.codes[place])
        if code not in self._numbers:
            self._numbers[code] = len(self._words)
            self._words.append(texts.of(place))
            self._front.append(0)
            self._roles.append(set())
        return self._numbers[code]

    def describe(self, question: int, whole: int, is_generic: bool) -> None:
        """Of items with one whole the first says how long its question is."""
        front = 0 if question < 0 or is_generic else len(self._words[question])
        for text, role in ((question, "question"), (whole, "whole")):
            if text >= 0:
                self._front[text] = self._front[text] or front
                self._roles[text].add(role)

    def table(self) -> pa.Table:
        ends = starts(np.array([len(text) for text in self._words], np.int64))
        flat = np.concatenate([np.zeros(0, np.uint64), *self._words])
        columns = [
            pa.LargeListArray.from_arrays(pa.array(ends), pa.array(flat)),
            pa.array(self._front, pa.int32()),
            *(pa.array([role in roles for roles in self._roles]) for role in ("question", "whole")),
        ]
        return pa.Table.from_arrays(columns, schema=TEXTS_SCHEMA)


def _hashed(texts: Sequence[str]) -> _Hashed:
    parts = (
        [words(texts[first:last]) for first, last in blocks([len(text) for text in texts])]
        if texts
        else []
    )
    hashes = np.concatenate([np.zeros(0, np.uint64), *(part.hashes for part in parts)])
    counts = np.concatenate([np.zeros(0, np.int64), *(part.num_t for part in parts)])
    found = Words(hashes, starts(counts))
    return _Hashed(text_codes(found), found)


def _generic(question: Sequence[int], whole: Sequence[int]) -> set[int]:
    """Questions of several wholes."""
    first: dict[int, int] = {}
    pairs = zip(question, whole, strict=True)
    return {asked for asked, told in pairs if first.setdefault(asked, told) != told}


def _bare(item: BenchmarkItem) -> str:
    return item.question


def _with_choices(item: BenchmarkItem) -> str:
    return "\n".join([item.question, *item.choices]) if item.choices else ""


def _lettered(item: BenchmarkItem) -> str:
    """As most prompts have choices: A. (A) A: are the same words."""
    letters = [
        f"{a}. {choice}" for a, choice in zip(string.ascii_uppercase, item.choices, strict=False)
    ]
    return "\n".join([item.question, *letters]) if item.choices else ""


def _codes_table(codes: dict[tuple[int, int], None]) -> pa.Table:
    ordered = sorted(codes)
    columns = [
        pa.array([code for code, _ in ordered], pa.uint64()),
        pa.array([text for _, text in ordered], pa.int32()),
    ]
    return pa.Table.from_arrays(columns, schema=CODES_SCHEMA)
