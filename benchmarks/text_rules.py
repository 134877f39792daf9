"""The four rule filters for documents against datatrove's filters of the same rules.

    python -m benchmarks.text_rules [--documents 50000]

Documents are made of the running text of files that lie on the machine (Python's help, the README
of every installed package): a few neighbouring paragraphs each, 0.2 to 8 kB, every one unlike the
others. Each side reads a tenth and all of them in one process on one core; its rate is that of the
documents between the two sizes, so that start-up and imports count for neither side. Both sides
answer with the rule that drops each document; verdicts that differ are counted. datatrove's C4
filter gets a document of its own, for it changes the text that it passes on.

datatrove reads words with spaCy: at 50,000 documents it takes the better part of an hour. Where it
is not installed beside the project, `DATATROVE_PATH` names the folders that hold it and spaCy.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import itertools
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from pydoc_data import topics
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import in_process, print_table, work_folder
from filters import get
from manifests.schema import STORE_SCHEMA

_PEERS = {
    "gopher_quality": "GopherQualityFilter",
    "gopher_repetition": "GopherRepetitionFilter",
    "c4_quality": "C4QualityFilter",
    "fineweb_quality": "FineWebQualityFilter",
}
_BATCH_ROWS = 1_000
_ASKED = 5.0


def _paragraphs() -> list[str]:
    texts = list(topics.topics.values())
    for found in importlib.metadata.distributions():
        texts.append(found.read_text("METADATA") or "")
    return [part for text in texts for part in text.split("\n\n") if part.strip()]


def _documents(number: int) -> Iterator[str]:
    parts = _paragraphs()
    for index in range(number):
        draw = random.Random(f"text-rules-{index}")
        first, size = draw.randrange(len(parts)), draw.choice([2, 4, 8, 16])
        pieces = parts[first : first + size]
        # Half of the documents have the lines of a web page: one a paragraph.
        if draw.random() < 0.5:
            pieces = [" ".join(piece.split()) for piece in pieces]
        yield "\n\n".join([*pieces, f"This is document {index} of its kind."])[:8_000]


def _write(path: Path, number: int) -> None:
    texts = _documents(number)
    schema = pa.schema([("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(itertools.islice(texts, _BATCH_ROWS)):
            writer.write_table(pa.table({"text": batch}, schema=schema))


def _batch(texts: pa.Array) -> pa.RecordBatch:
    rows = [
        {
            "kind": "document",
            "messages": [{"role": "assistant", "content": [{"type": "text", "text": text}]}],
        }
        for text in texts.to_pylist()
    ]
    return pa.RecordBatch.from_pylist(rows, schema=STORE_SCHEMA)


def _ours() -> Callable[[Any], dict[str, list[str | None]]]:
    here = {name: get(name) for name in _PEERS}

    def judge(batch: pa.RecordBatch) -> dict[str, list[str | None]]:
        return {
            name: a_filter.judge(
                pl.DataFrame(a_filter.measure(batch)), a_filter.params_type()
            ).to_list()
            for name, a_filter in here.items()
        }

    return judge


def _theirs() -> Callable[[Any], dict[str, list[str | None]]]:
    sys.path += filter(None, os.environ.get("DATATROVE_PATH", "").split(os.pathsep))
    module = importlib.import_module("datatrove.pipeline.filters")
    document = importlib.import_module("datatrove.data").Document
    peers = {name: getattr(module, peer)() for name, peer in _PEERS.items()}

    def judge(texts: list[str]) -> dict[str, list[str | None]]:
        found: dict[str, list[str | None]] = {name: [] for name in peers}
        # All filters document by document, as a pipeline runs them: words are cut once.
        for text in texts:
            for name, peer in peers.items():
                answer = peer.filter(document(text=text, id="0"))
                found[name].append(None if answer is True else answer[1])
        return found

    return judge


def _side(side: str, data: Path, out: Path) -> dict[str, float]:
    """Time in the filters alone, and the verdicts to `out`."""
    judge = _ours() if side == "ours" else _theirs()
    wall_s = cpu_s = 0.0
    num_bytes = 0
    dropped: dict[str, list[bool]] = {name: [] for name in _PEERS}
    for chunk in pq.ParquetFile(data).iter_batches(_BATCH_ROWS):
        texts = chunk.column("text")
        given = _batch(texts) if side == "ours" else texts.to_pylist()
        num_bytes += int(sum(len(text.as_py().encode()) for text in texts))
        wall, cpu = time.perf_counter(), time.process_time()
        found = judge(given)
        wall_s, cpu_s = wall_s + time.perf_counter() - wall, cpu_s + time.process_time() - cpu
        for name, reasons in found.items():
            dropped[name] += [reason is not None for reason in reasons]
    pq.write_table(pa.table(dropped), out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall": wall_s, "cpu": cpu_s, "mb": num_bytes / 1e6, "peak_mib": peak}


def _run(side: str, data: Path, out: Path) -> dict[str, float]:
    return in_process("benchmarks.text_rules", "--side", side, str(data), str(out))


def _differences(folder: Path) -> list[list[str]]:
    ours, theirs = (pq.read_table(folder / f"{side}-large.parquet") for side in ("ours", "theirs"))
    rows = []
    for name in _PEERS:
        pairs = list(zip(ours[name].to_pylist(), theirs[name].to_pylist(), strict=True))
        differ = sum(mine != peers for mine, peers in pairs)
        rows.append([name, f"{sum(p for _, p in pairs):,}", f"{differ:,}", f"{len(pairs):,}"])
    return rows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--side", nargs=3, metavar=("SIDE", "DATA", "OUT"))
    asked = parser.parse_args(arguments)
    if asked.side:
        print(json.dumps(_side(asked.side[0], Path(asked.side[1]), Path(asked.side[2]))))
        return 0
    sizes = {"small": asked.documents // 10, "large": asked.documents}
    with work_folder() as folder:
        rates: dict[str, tuple[float, float]] = {}
        rows = []
        for size, number in sizes.items():
            _write(folder / f"{size}.parquet", number)
        for side in ("ours", "theirs"):
            small, large = (
                _run(side, folder / f"{size}.parquet", folder / f"{side}-{size}.parquet")
                for size in sizes
            )
            mb = large["mb"] - small["mb"]
            rates[side] = mb / (large["wall"] - small["wall"]), mb / (large["cpu"] - small["cpu"])
            per_s = (sizes["large"] - sizes["small"]) / (large["wall"] - small["wall"])
            figures = [f"{rates[side][0]:.2f}", f"{rates[side][1]:.2f}", f"{per_s:,.0f}"]
            rows.append([side, *figures, f"{large['peak_mib']:.0f}"])
        columns = ("side", "MB/s", "MB a CPU second", "documents/s", "peak, MiB")
        print_table(f"four filters, {sizes['large']:,} documents", columns, rows)
        print_table("drops", ("filter", "dropped", "differ", "documents"), _differences(folder))
    ratio = rates["ours"][1] / rates["theirs"][1]
    print(f"ours is {ratio:.1f} times datatrove's rate a CPU second (asked: {_ASKED:.0f})")
    return 0 if ratio >= _ASKED else 1


if __name__ == "__main__":
    raise SystemExit(main())
