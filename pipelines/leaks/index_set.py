"""The benchmarks that a build's rows are held against, and their items.

Texts and items of several benchmarks are numbered through, in the order of the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.ids import key_digest
from pipelines.flat import Bools, Ints, ints, starts
from pipelines.leaks.index import VERSION, BenchmarkIndex, read_index, read_record


@dataclass(frozen=True, slots=True)
class IndexRef:
    """A folder that `write_index` wrote; the fingerprint is its record's."""

    name: str
    folder: str
    fingerprint: str

    @classmethod
    def of_folder(cls, folder: str) -> IndexRef:
        """Errors as of `index.read_record`."""
        record = read_record(folder)
        return cls(record["name"], folder, record["fingerprint"])


@dataclass(frozen=True, slots=True)
class IndexSet:
    """Benchmarks by name, each once."""

    refs: tuple[IndexRef, ...]

    @classmethod
    def of(cls, refs: Sequence[IndexRef]) -> IndexSet:
        assert len({ref.name for ref in refs}) == len(refs), "a benchmark has one index"
        return cls(tuple(sorted(refs, key=lambda ref: ref.name)))

    @property
    def digest(self) -> str:
        """16 hex digits over what the indexes say, wherever they lie."""
        return key_digest(VERSION, [(ref.name, ref.fingerprint) for ref in self.refs])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(ref.name for ref in self.refs)


@dataclass(frozen=True, eq=False)
class Items:
    """Items of a set's benchmarks and what their texts are to them."""

    names: tuple[str, ...]
    first_text: Ints  # of each benchmark, one more for the end
    first_item: Ints
    item_places: tuple[pa.Array, ...]
    question: Ints  # of each item its texts, -1: none
    whole: Ints
    num_words: Ints  # of each text
    front: Ints  # of its words, those of a question that says something
    alone: Ints  # the first item that the text stands for without a picture, -1: none

    def names_of(self, items: Ints) -> list[str]:
        """`benchmark/place` of items."""
        numbers = np.searchsorted(self.first_item, items, side="right") - 1
        places = items - self.first_item[numbers]
        return [
            f"{self.names[number]}/{self.item_places[number][place].as_py()}"
            for number, place in zip(numbers.tolist(), places.tolist(), strict=True)
        ]


def items_of(indexes: Sequence[BenchmarkIndex]) -> Items:
    first_text = starts(np.array([index.texts.num_rows for index in indexes], np.int64))
    question, whole = (
        numbered([ints(index.items[name]) for index in indexes], first_text)
        for name in ("question", "whole")
    )
    front = joined([ints(index.texts["front"]) for index in indexes])
    has_media = joined([ints(index.items["has_media"]) for index in indexes]) > 0
    return Items(
        names=tuple(index.name for index in indexes),
        first_text=first_text,
        first_item=starts(np.array([index.items.num_rows for index in indexes], np.int64)),
        item_places=tuple(index.items["place"].combine_chunks() for index in indexes),
        question=question,
        whole=whole,
        num_words=joined([_lengths(index) for index in indexes]),
        front=front,
        alone=_alone(question, whole, has_media, front),
    )


@lru_cache(maxsize=1)
def open_items(index_set: IndexSet) -> Items:
    """Errors as of `index.read_index`."""
    return items_of([read_index(ref.folder) for ref in index_set.refs])


def joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def numbered(parts: Sequence[Ints], first: Ints) -> Ints:
    """Places in the tables of each benchmark as places in those of all; -1 stays."""
    befores = first.tolist()[: len(parts)]
    return joined(
        [np.where(part < 0, -1, part + before) for part, before in zip(parts, befores, strict=True)]
    )


def _lengths(index: BenchmarkIndex) -> Ints:
    return ints(pc.list_value_length(index.texts["words"]))


def _alone(question: Ints, whole: Ints, has_media: Bools, front: Ints) -> Ints:
    """A generic question stands for no item, its whole does."""
    found = np.full(len(front), -1, np.int64)
    has_front = np.append(front, 0)[question] > 0
    for text, speaks in ((question, has_front), (whole, np.ones(len(whole), np.bool_))):
        items = np.flatnonzero(~has_media & speaks & (text >= 0))[::-1]
        is_free = found[text[items]] < 0
        found[text[items[is_free]]] = items[is_free]
    return found
