"""Benchmark items among rows: ours against datatrove's 12-grams and any hit of a 13-gram.

    python -m benchmarks.contamination [--runs 3]

All sides are given the same items and say of the same rows (`benchmarks.leaked_texts`) which of
them leaked. Tables have the share that each side finds of what is planted, and how much it drops of
what is innocent; then MB of text a CPU second, of the innocent prose alone. datatrove is asked as
it comes, with n-grams of answers and of the seam of question and answer, and with those of
questions too. Its indexer wants lighteval even for items that it is handed: here its own
`compute_hashes` are written into the file that its filter reads. Its hash of texts refuses strings
with xxhash 4 and gets the same hash of their bytes.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.leaked_texts import Planted, Row, benchmark_items, planted, split, text_of
from benchmarks.measure import interleaved, print_table, spread, work_folder
from manifests.schema import MESSAGES_TYPE
from mixtures.likeness import Decontaminate
from pipelines.leaks.index import read_index, write_index
from pipelines.leaks.index_set import items_of
from pipelines.leaks.lookup import lookup_of
from pipelines.leaks.measure import match_batch
from pipelines.leaks.text_match import EXACT, SUBSEQUENCE
from sources.benchmark_item import BenchmarkItem

Benchmarks = Mapping[str, Sequence[BenchmarkItem]]
# Which of the rows leaked.
Side = Callable[[Sequence[Row]], list[bool]]
_SCHEMA = pa.schema([("messages", MESSAGES_TYPE), ("kind", pa.string())])
_LEAST_WORDS = 4
_WORD = re.compile(r"\w+")


def _ours(held: Benchmarks, folder: Path) -> Side:
    for name, items in held.items():
        write_index(str(folder / name), name, "0", items, {})
    indexes = [read_index(str(folder / name)) for name in held]
    lookup, known, asked = lookup_of(indexes), items_of(indexes), Decontaminate()

    def leaks(rows: Sequence[Row]) -> list[bool]:
        batch = pa.RecordBatch.from_pylist(list(rows), schema=_SCHEMA)
        found = match_batch(lookup, batch)
        least = np.where(
            found["rule"] == SUBSEQUENCE, asked.least_subsequence, asked.least_coverage
        )
        is_leak = (found["score"] >= least) & (known.alone[found["text"]] >= 0)
        is_leak &= (found["rule"] != EXACT) | (found["words"] >= _LEAST_WORDS)
        leaked = set(found["row"][is_leak].tolist())
        return [row in leaked for row in range(len(rows))]

    return leaks


def _datatrove(held: Benchmarks, folder: Path, with_questions: bool) -> Side:
    decont = importlib.import_module("datatrove.pipeline.decont.n_grams")
    document = importlib.import_module("datatrove.data").Document
    config = decont.NGramsDecontConfig(find_query_ngrams=with_questions)

    decont.NGramsDecontIndexer._requires_dependencies = []
    digest = importlib.import_module("xxhash").xxh64_intdigest
    indexer = decont.NGramsDecontIndexer(str(folder), config=config)
    indexer.hash_func = lambda text: digest(text.encode())
    for name, items in held.items():
        asked = [("\n".join([i.question, *i.choices]), i.answer) for i in items]
        hashes = {h for query, label in asked for h in indexer.compute_hashes(label, query)}
        array = np.array(sorted(hashes), dtype=config.hash_config.np_descr)
        array.tofile(folder / f"{name}.index.hashes")
    keeps = decont.NGramsDecontFilter(str(folder), config=config)
    keeps.hash_func = indexer.hash_func

    def leaks(rows: Sequence[Row]) -> list[bool]:
        return [keeps.filter(document(text=text_of(row), id="0")) is not True for row in rows]

    return leaks


def _grams(text: str, length: int = 13) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def _any_hit(held: Benchmarks) -> Side:
    seen: set[tuple[str, ...]] = set()
    for items in held.values():
        for item in items:
            seen |= _grams("\n".join([item.question, *item.choices, item.answer]))

    def leaks(rows: Sequence[Row]) -> list[bool]:
        return [not seen.isdisjoint(_grams(text_of(row))) for row in rows]

    return leaks


def _rate(side: Side, rows: Sequence[Row]) -> float:
    """MB of text a CPU second."""
    num_bytes = sum(len(text_of(row).encode(errors="replace")) for row in rows)
    before = time.process_time()
    side(rows)
    return num_bytes / 1e6 / (time.process_time() - before)


def _tables(sides: Mapping[str, Side], corpora: Sequence[Planted], runs: int) -> None:
    found: dict[bool, list[list[str]]] = {True: [], False: []}
    for corpus in corpora:
        counts = [sum(side(corpus.rows)) for side in sides.values()]
        if corpus.leaks:
            cells = [f"{count / len(corpus.rows):.3f}" for count in counts]
        else:
            cells = [f"{count:,}" for count in counts]
        found[corpus.leaks].append([corpus.name, f"{len(corpus.rows):,}", *cells])
    print_table("planted rows: share found", ["rows", "of", *sides], found[True])
    print_table("innocent rows: how many dropped", ["rows", "of", *sides], found[False])
    prose = corpora[-1].rows
    rates = interleaved({name: partial(_rate, side, prose) for name, side in sides.items()}, runs)
    cells = [spread(figures, 2) for figures in rates.values()]
    print_table("MB of prose a CPU second", list(sides), [cells])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    parted = {name: split(name, items) for name, items in benchmark_items().items()}
    held = {name: items for name, (items, _) in parted.items()}
    counts = ", ".join(f"{name} {len(items)}" for name, items in held.items())
    print(f"items that rows are held against: {counts}")
    with work_folder() as folder:
        places = [folder / name for name in ("ours", "answers", "questions")]
        for place in places:
            place.mkdir()
        sides = {
            "ours": _ours(held, places[0]),
            "datatrove": _datatrove(held, places[1], with_questions=False),
            "datatrove, questions too": _datatrove(held, places[2], with_questions=True),
            "any 13-gram": _any_hit(held),
        }
        _tables(sides, list(planted(parted)), args.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
