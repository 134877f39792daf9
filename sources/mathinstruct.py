"""MathInstruct (TIGER-Lab/MathInstruct): one JSON array, `MathInstruct.json`, made of 14 sets.

A row's subset is its `source`, `data/CoT/aqua_rat.json` being `CoT-aqua_rat`, or `other` where the
card has no such name: their licenses differ, and two of them are an evaluation set (TheoremQA).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from sources.base import ALL_SUBSETS, Draft, Rejected, RowShard
from sources.chats import PairSource
from sources.conversations import RowError
from sources.readers.json_array import JsonRow, read_json_rows
from sources.readers.rows import open_rows, row_object, rows_by_subset
from sources.root import Root

_OTHER = "other"


class MathInstruct(PairSource):
    name: ClassVar[str] = "mathinstruct"
    version: ClassVar[int] = 1
    question: ClassVar[str] = "instruction"
    answer: ClassVar[str] = "output"

    def rows(self, root: Root) -> list[RowShard]:
        files = root.glob(*self.card.row_files)
        return [RowShard(self.name, ALL_SUBSETS, file) for file in files]

    def read_rows(self, root: Root, shard: RowShard) -> Iterator[Draft | Rejected]:
        names = {subset.name for subset in self.card.subsets}

        def subset_of(row: JsonRow) -> str:
            name = _set_name(row.value)
            return name if name in names else _OTHER

        with open_rows(root, shard.file) as handle:
            rows = read_json_rows(handle)
            for row, subset in rows_by_subset(rows, subset_of, shard.start, shard.stop):
                try:
                    yield self.draft(replace(shard, subset=subset), row.row, row_object(row))
                except RowError as error:
                    yield Rejected(row.row, subset, error.reason, error.detail)


SOURCE = MathInstruct()


def _set_name(values: Any) -> str:
    source = values.get("source") if isinstance(values, dict) else None
    path = source if isinstance(source, str) else ""
    return path.strip().removeprefix("data/").removesuffix(".json").replace("/", "-")
