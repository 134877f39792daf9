"""The four rule filters for documents against datatrove's pipeline of the same rules.

    python -m benchmarks.text_rules [--documents 10000 50000]

Both sides read the same Parquet file of real texts (`benchmarks.prose`) and answer, for every
document and each of four filters, with the rule that drops it or with none, in one process on one
core. Rates are those of the documents between the two sizes, so that start-up, imports and tables
count for neither side. Theirs is a run of datatrove's LocalPipelineExecutor: its reader, then its
filters one after another, which share the words that it last cut. So that every filter answers for
every document, what one drops goes on to the next; its C4 filter gets a copy, for it changes text.

Verdicts that differ are counted, and listed with the words that the two cut in another way.
datatrove reads words with spaCy: 50,000 documents take it some ten minutes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import in_process, print_table, work_folder
from benchmarks.prose import documents
from filters import get
from filters._blocks import one_block
from filters._words import words
from manifests.schema import STORE_SCHEMA

_PEERS = {
    "gopher_quality": "GopherQualityFilter",
    "gopher_repetition": "GopherRepetitionFilter",
    "c4_quality": "C4QualityFilter",
    "fineweb_quality": "FineWebQualityFilter",
}
_BATCH_ROWS = 1_024
_NUM_LISTED = 20
_ASKED = 5.0
Answers = dict[str, list[str | None]]


def _batch(texts: pa.Array) -> pa.RecordBatch:
    rows = [
        {
            "kind": "document",
            "messages": [{"role": "assistant", "content": [{"type": "text", "text": text}]}],
        }
        for text in texts.to_pylist()
    ]
    return pa.RecordBatch.from_pylist(rows, schema=STORE_SCHEMA)


def _ours(data: Path) -> Answers:
    found: Answers = {name: [] for name in _PEERS}
    for chunk in pq.ParquetFile(data).iter_batches(_BATCH_ROWS, columns=["text"]):
        batch = _batch(chunk.column("text"))
        for name, reasons in found.items():
            here = get(name)
            scores = pl.DataFrame(here.measure(batch))
            reasons += here.judge(scores, here.params_type()).to_list()
    return found


def _theirs(data: Path) -> Answers:
    found: Answers = {name: [] for name in _PEERS}
    readers = importlib.import_module("datatrove.pipeline.readers")
    peers = importlib.import_module("datatrove.pipeline.filters")
    executor = importlib.import_module("datatrove.executor").LocalPipelineExecutor
    steps = [_asking(getattr(peers, peer)(), found[name]) for name, peer in _PEERS.items()]
    with work_folder() as logs:
        pipeline = [readers.ParquetReader(str(data.parent), glob_pattern=data.name), *steps]
        executor(pipeline=pipeline, workers=1, logging_dir=str(logs)).run()
    return found


def _asking(peer: Any, answers: list[str | None]) -> Callable[..., Iterator[Any]]:
    """A step of a pipeline that notes what the filter answers and drops nothing."""
    document = importlib.import_module("datatrove.data").Document

    def ask(data: Iterator[Any], rank: int, world_size: int) -> Iterator[Any]:
        for given in data:
            answer = peer.filter(document(text=given.text, id=given.id))
            answers.append(None if answer is True else answer[1])
            yield given

    return ask


def _side(side: str, data: Path, out: Path) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = (_ours if side == "ours" else _theirs)(data)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    pq.write_table(pa.table(found), out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall": wall, "cpu": cpu, "peak_mib": peak}


def _differences(folder: Path, texts: list[str]) -> tuple[list[list[str]], list[list[str]]]:
    """(per filter: dropped by both sides and verdicts that differ; each document that differs)."""
    ours, theirs = (pq.read_table(folder / f"{side}-large.parquet") for side in ("ours", "theirs"))
    counts, listed = [], []
    for name in _PEERS:
        pairs = list(zip(ours[name].to_pylist(), theirs[name].to_pylist(), strict=True))
        differ = [
            row for row, (mine, peers) in enumerate(pairs) if (mine is None) != (peers is None)
        ]
        num_dropped = [sum(pair[side] is not None for pair in pairs) for side in (0, 1)]
        counts.append([name, *(f"{num:,}" for num in [*num_dropped, len(differ), len(pairs)])])
        listed += [[name, *map(str, pairs[row]), _cut_otherwise(texts[row])] for row in differ]
    return counts, listed


def _cut_otherwise(text: str) -> str:
    """The first words that spaCy and we cut in another way: ours, then theirs."""
    block = one_block([text])
    spans, moved = words(block).spans, int(block.start_d[0])
    ours = set(zip((spans.start_l - moved).tolist(), (spans.end_l - moved).tolist(), strict=True))
    tokens = importlib.import_module("spacy").blank("en").tokenizer(text)
    theirs = {(t.idx, t.idx + len(t)) for t in tokens if not t.is_space}
    shown = [
        " ".join(text[a:b] for a, b in sorted(found)[:6])
        for found in (ours - theirs, theirs - ours)
    ]
    return " / ".join(shown)


def _rates(folder: Path, sizes: dict[str, int], mb: float) -> tuple[list[list[str]], list[float]]:
    rows, rates = [], []
    num = sizes["large"] - sizes["small"]
    for side in ("ours", "theirs"):
        small, large = (
            in_process(
                "benchmarks.text_rules",
                *("--side", side, str(folder / f"{size}.parquet")),
                str(folder / f"{side}-{size}.parquet"),
            )
            for size in sizes
        )
        wall, cpu = (large[kind] - small[kind] for kind in ("wall", "cpu"))
        rates.append(mb / cpu)
        figures = [f"{mb / wall:.2f}", f"{mb / cpu:.2f}", f"{num / cpu:,.0f}"]
        rows.append([side, *figures, f"{large['peak_mib']:.0f}"])
    return rows, rates


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, nargs=2, default=[10_000, 50_000])
    parser.add_argument("--side", nargs=3, metavar=("SIDE", "DATA", "OUT"))
    asked = parser.parse_args(arguments)
    if asked.side:
        print(json.dumps(_side(asked.side[0], Path(asked.side[1]), Path(asked.side[2]))))
        return 0
    sizes = dict(zip(("small", "large"), sorted(asked.documents), strict=True))
    texts = documents(sizes["large"])
    mb = sum(len(text.encode()) for text in texts[sizes["small"] :]) / 1e6
    chars = np.percentile([len(text) for text in texts], [10, 50, 90]).astype(int)
    with work_folder() as folder:
        for size, number in sizes.items():
            pq.write_table(pa.table({"text": texts[:number]}), folder / f"{size}.parquet")
        rows, rates = _rates(folder, sizes, mb)
        counts, listed = _differences(folder, texts)
    title = f"four filters, {mb:.1f} MB between {sizes['small']:,} and {sizes['large']:,} documents"
    columns = ["side", "MB/s", "MB a CPU second", "documents a CPU second", "peak, MiB"]
    print_table(title, columns, rows)
    columns = ["filter", "ours drops", "theirs drops", "verdicts differ", "documents"]
    print_table(
        "characters a document: {}, {}, {} (tenths 1, 5, 9)".format(*chars), columns, counts
    )
    columns = ["filter", "ours", "theirs", "words cut otherwise"]
    print_table(
        f"{len(listed)} verdicts differ, of {len(texts) * len(_PEERS):,}",
        columns,
        listed[:_NUM_LISTED],
    )
    ratio = rates[0] / rates[1]
    print(f"ours is {ratio:.1f} times datatrove's rate a CPU second (asked: {_ASKED:.0f})")
    return 0 if ratio >= _ASKED else 1


if __name__ == "__main__":
    raise SystemExit(main())
