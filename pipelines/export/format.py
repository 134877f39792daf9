"""What a format is: how one data file of the build is written, and what is written at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from pipelines.export.rows import Row, Shard

# Writes a row and returns what was changed of it; LeftOut where the format cannot hold it.
Take = Callable[[Row], Sequence[str]]

# Columns that go along where a format lets entries have fields of their own.
FACTS = ("id", "source", "subset", "category", "component", "license")


@dataclass(frozen=True, slots=True)
class Written:
    """A shard as it was written: `rows` are those in it."""

    shard: Shard
    rows: int


class Format(ABC):
    """One shape. A shard is written whole or not at all, so that a stopped export goes on."""

    name: ClassVar[str]

    @abstractmethod
    def holds(self, splits: Sequence[str]) -> list[str]:
        """Names at the top of the export's folder that are its own."""

    @abstractmethod
    def shard(self, out: str, shard: Shard) -> AbstractContextManager[Take]:
        """Takes the rows of one data file."""

    @abstractmethod
    def finish(self, out: str, written: Sequence[Written]) -> None:
        """What stands beside the shards; may be done again."""


def facts(row: Row) -> dict[str, Any]:
    return {name: row.values[name] for name in FACTS}


def data_file(shard: Shard, suffix: str) -> str:
    """`data/train-00000-of-00008.tar`: named as the build's own, so that `datasets` sees splits."""
    return f"data/{shard.name}{suffix}"
