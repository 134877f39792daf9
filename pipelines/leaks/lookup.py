"""A set's benchmarks as tables that texts are looked up in.

About 60 bytes a word of the benchmarks' texts; opened once a process, at 0.4 us a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from pipelines.flat import Bools, Ints, ints, starts
from pipelines.leaks.index import BenchmarkIndex, read_index
from pipelines.leaks.index_set import IndexSet, joined, numbered
from pipelines.leaks.ngrams import RunTable, runs
from pipelines.near.characters import Values
from pipelines.near.words import Words

# Words of a run: of questions as in Tulu 3 (arXiv 2411.15124), of other texts as in GPT-3
# (arXiv 2005.14165) and Qwen2.5-Math (arXiv 2409.12122).
ASKED_RUN = 8
TOLD_RUN = 13


@dataclass(frozen=True, eq=False)
class Lookup:
    """Runs of questions (`asked`) and of wholes (`told`), codes of questions, words of texts."""

    names: tuple[str, ...]
    first_text: Ints  # of each benchmark, one more for the end
    words: Words
    front: Ints  # of each text, as `Items.front`
    asked: RunTable
    told: RunTable
    covered: Ints  # of each text, words that are in runs of `asked`
    codes: Values  # ascending
    code_text: Ints

    def equal_codes(self, codes: Values) -> tuple[Ints, Ints]:
        """(places in `codes`, texts of the index) of all that are equal."""
        first = np.searchsorted(self.codes, codes, side="left")
        counts = np.searchsorted(self.codes, codes, side="right") - first
        at = np.flatnonzero(counts)
        places = np.repeat(at, counts[at])
        offset = np.arange(len(places)) - np.repeat(starts(counts[at])[:-1], counts[at])
        return places, self.code_text[first[places] + offset]


def lookup_of(indexes: Sequence[BenchmarkIndex]) -> Lookup:
    first_text = starts(np.array([index.texts.num_rows for index in indexes], np.int64))
    texts = [_words(index) for index in indexes]
    asked = _table(texts, [_bools(index, "is_question") for index in indexes], ASKED_RUN)
    told = _table(texts, [_bools(index, "is_whole") for index in indexes], TOLD_RUN)
    tables = [index.codes.combine_chunks() for index in indexes]
    codes = np.concatenate([np.zeros(0, np.uint64), *(t["code"].to_numpy() for t in tables)])
    code_text = numbered([ints(table["text"]) for table in tables], first_text)
    order = np.lexsort((code_text, codes))
    hashes = np.concatenate([np.zeros(0, np.uint64), *(part.hashes for part in texts)])
    return Lookup(
        names=tuple(index.name for index in indexes),
        first_text=first_text,
        words=Words(hashes, starts(joined([part.num_t for part in texts]))),
        front=joined([ints(index.texts["front"]) for index in indexes]),
        asked=asked,
        told=told,
        covered=asked.covered(int(first_text[-1])),
        codes=codes[order],
        code_text=code_text[order],
    )


@lru_cache(maxsize=1)
def open_lookup(index_set: IndexSet) -> Lookup:
    """Errors as of `index.read_index`."""
    return lookup_of([read_index(ref.folder) for ref in index_set.refs])


def _table(texts: Sequence[Words], wanted: Sequence[Bools], length: int) -> RunTable:
    parts = [runs(text, some, length) for text, some in zip(texts, wanted, strict=True)]
    first = starts(np.array([len(text.num_t) for text in texts], np.int64))
    return RunTable(parts, first.tolist()[:-1], length)


def _words(index: BenchmarkIndex) -> Words:
    column: pa.LargeListArray = index.texts["words"].combine_chunks()
    counts = ints(column.value_lengths()) if len(column) else np.zeros(0, np.int64)
    return Words(column.flatten().to_numpy(), starts(counts))


def _bools(index: BenchmarkIndex, name: str) -> Bools:
    found: Bools = index.texts[name].to_numpy()
    return found
