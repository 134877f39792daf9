"""How near duplicates of texts grow: a store of synthetic chats, measured, then resolved.

    python -m benchmarks.text_clusters [--rows 250000 1000000 10000000]

A chat is a question of 14 words and an answer of 40, all made from its number. Six in ten stand
alone; the others are in families of three and five with a base, from which a member differs in up
to 12 of its last words, so that some are alike and some are not. One in a hundred is of one
template: all but the last 8 words are the same, which makes their keys crowded though no two are as
alike as the threshold asks. `measure` is what curate does once; `resolve` is all of resolve,
without near duplicates and with them; on Ray, two workers. `peak` is the highest resident size of
any one process, mapped files included. Asked: 10 M in 600 s on two cores within 12 GiB.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

import sources
from benchmarks.measure import NUM_WORKERS, in_process, print_table, work_folder
from manifests.schema import (
    CONTENT_TYPE,
    MESSAGE_TYPE,
    REJECTED_SCHEMA,
    STORE_SCHEMA,
    TURNS_SCHEMA,
)
from manifests.storage import join, write_ipc, write_parquet
from mixtures.processors import get_processor
from mixtures.recipe import Recipe
from pipelines.alike.texts import plan_text_facts
from pipelines.curate import CuratedSource
from pipelines.curate_rows import BATCH_ROWS
from pipelines.engine import Task
from pipelines.exclude import Exclusions
from pipelines.flat import Ints, offsets
from pipelines.judges import Judges
from pipelines.near.characters import Values, mixed
from pipelines.options import BuildOptions
from pipelines.resolution import Resolved, resolve
from pipelines.runner import Runner
from pipelines.scratch import scratch_folder
from pipelines.store import mark_done
from pipelines.token_counter import Counter

SOURCE, SUBSET = "magpie", "Magpie-Pro-300K-Filtered"
_QUESTION, _ANSWER = 14, 40
_WORDS = _QUESTION + _ANSWER
_TEMPLATE = 46
_CHANGES = 12
_FOLDER_ROWS = 250_000
_VOCABULARY = pa.array([f"{word:x}"[::-1] + "on" for word in range(1 << 16)])
_PLACES = np.arange(_WORDS, dtype=np.uint64)


def _hashes(numbers: Values, salt: int) -> Values:
    return mixed(numbers * np.uint64(64) + np.uint64(salt * 0x3779B97F4A7C15))


def _words(rows: Ints) -> Ints:
    """Places in the vocabulary of each row's words."""
    place = rows % 20
    family = np.where(place < 3, rows - place, np.where(place < 8, rows - place + 3, rows))
    numbers, bases = rows.astype(np.uint64), family.astype(np.uint64)
    own = _hashes(numbers[:, None] * np.uint64(64) + _PLACES, 1)
    shared = _hashes(bases[:, None] * np.uint64(64) + _PLACES, 1)
    changes = _hashes(numbers, 2) % np.uint64(_CHANGES + 1)
    is_own = _PLACES >= np.uint64(_WORDS) - changes[:, None]
    words = np.where(is_own & (bases != numbers)[:, None], own, shared)
    words[rows % 100 == 99, :_TEMPLATE] = _hashes(_PLACES[:_TEMPLATE], 3)
    return (words & np.uint64(0xFFFF)).astype(np.int64)


def _texts(words: Ints) -> pa.Array:
    lists = pa.ListArray.from_arrays(
        offsets(np.full(len(words), words.shape[1])), _VOCABULARY.take(pa.array(words.ravel()))
    )
    return pc.binary_join(lists, " ")


def _messages(rows: Ints) -> pa.Array:
    words, count = _words(rows), len(rows)
    asked, said = _texts(words[:, :_QUESTION]), _texts(words[:, _QUESTION:])
    order = np.arange(2 * count).reshape(2, count).T.ravel()
    texts = pa.concat_arrays([asked, said]).take(pa.array(order))
    items = pa.StructArray.from_arrays(
        [pa.repeat("text", 2 * count), texts], fields=list(CONTENT_TYPE)
    )
    content = pa.ListArray.from_arrays(offsets(np.ones(2 * count, np.int64)), items)
    roles = pa.array(["user", "assistant"]).take(pa.array(np.tile([0, 1], count)))
    messages = pa.StructArray.from_arrays([roles, content], fields=list(MESSAGE_TYPE))
    return pa.ListArray.from_arrays(offsets(np.full(count, 2)), messages)


def _write_folder(folder: str, first: int, count: int) -> None:
    card = sources.get(SOURCE).card
    license_ = card.license_of(card.subset(SUBSET))

    def write(ipc: pa.ipc.RecordBatchFileWriter) -> None:
        for start in range(first, first + count, BATCH_ROWS):
            rows = np.arange(start, min(start + BATCH_ROWS, first + count))
            columns = [
                pa.array(rows),
                pa.array(np.zeros(len(rows), np.int16)),
                *(pa.repeat(text, len(rows)) for text in (SUBSET, "instruction", "chat")),
                _messages(rows),
                pa.array([[]] * len(rows), STORE_SCHEMA.field("media").type),
                pa.repeat(license_, len(rows)),
                pa.nulls(len(rows), pa.string()),
            ]
            ipc.write_batch(pa.RecordBatch.from_arrays(columns, schema=STORE_SCHEMA))

    write_ipc(join(folder, "samples.arrow"), write, STORE_SCHEMA)
    rows = np.arange(first, first + count).astype(np.uint64)
    digests = np.stack([_hashes(rows, 4), _hashes(rows, 5)], axis=1)
    ones = np.ones(count, np.int64)
    turns = {
        "sample": np.arange(count),
        "turn": ones * 0,
        "digest": pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(digests)]),
        "num_messages": ones * 2,
        "num_answers": ones,
        "num_media": ones * 0,
        "system_bytes": ones * 0,
        "user_bytes": ones * 80,
        "assistant_bytes": ones * 230,
    }
    write_parquet(join(folder, "turns.parquet"), pa.table(turns, schema=TURNS_SCHEMA))
    write_parquet(join(folder, "rejected.parquet"), REJECTED_SCHEMA.empty_table())
    mark_done(folder, {"samples": count, "rejected": 0, "passed_over": 0, "file": "x"})


def _write_store(store: Path, rows: int) -> CuratedSource:
    starts = range(0, rows, _FOLDER_ROWS)
    folders = [str(store / "rows" / SOURCE / SUBSET / f"{start:016x}") for start in starts]
    counts = [min(_FOLDER_ROWS, rows - start) for start in starts]
    with ProcessPoolExecutor(NUM_WORKERS, get_context("spawn")) as pool:
        list(pool.map(_write_folder, folders, starts, counts))
    return CuratedSource(SOURCE, False, None, (), tuple((folder, "x") for folder in folders))


def _recipe(near: bool) -> Recipe:
    component = {"name": "text", "share": 1, "sources": [f"{SOURCE}/{SUBSET}"]}
    said = {"name": "clusters", "description": "all", "unit": "samples", "components": [component]}
    return Recipe.model_validate(said | ({"near_duplicates": {"text": {}}} if near else {}))


def _resolve(
    runner: Runner, curated: CuratedSource, options: BuildOptions, near: bool
) -> tuple[Resolved, float]:
    recipe = _recipe(near)
    judges = Judges(
        recipe=recipe,
        cards={SOURCE: sources.get(SOURCE).card},
        licenses="all",
        exclusions=Exclusions(()),
        counter=Counter(get_processor(recipe.processor)),
    )
    started = perf_counter()
    with scratch_folder(options.store, False) as scratch:
        resolved = resolve(runner, [curated], judges, scratch, options)
        return resolved, perf_counter() - started


def _run(folder: Path, rows: int) -> dict[str, float]:
    shutil.rmtree(folder, ignore_errors=True)
    curated = _write_store(folder, rows)
    options = BuildOptions(recipe="x", out="x", store=str(folder), workers=NUM_WORKERS)
    runner = Runner(options, Console(file=sys.stderr, width=110))
    try:
        runner.run("start", [Task("start", "start", _nothing, (), 1)])
        started = perf_counter()
        runner.run("measure", plan_text_facts([curated], _recipe(True)))
        measured = perf_counter() - started
        _, plain = _resolve(runner, curated, options, near=False)
        resolved, near = _resolve(runner, curated, options, near=True)
        lost = sum((sum(counts.values()) for counts in resolved.facts.losses), 0)
        peak = _peak_bytes()
    finally:
        runner.close()
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "measure": measured,
        "plain": plain,
        "near": near,
        "dropped": lost,
        "peak_gib": peak / 2**30,
    }


def _nothing() -> dict[str, Any]:
    return {}


def _peak_bytes() -> int:
    """The highest resident size that this process or one below it ever had (VmHWM)."""
    me = psutil.Process()
    highest = 0
    for process in [me, *me.children(recursive=True)]:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        highest = max(highest, int(found[1]) << 10 if found else 0)
    return highest


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[250_000, 1_000_000])
    parser.add_argument("--one", nargs=2)
    asked = parser.parse_args(arguments)
    if asked.one:
        print(json.dumps(_run(Path(asked.one[0]), int(asked.one[1]))))
        return 0
    found = []
    with work_folder() as folder:
        for size in asked.rows:
            one = in_process("benchmarks.text_clusters", "--one", str(folder / "store"), str(size))
            seconds = [f"{one[name]:.1f}" for name in ("measure", "plain", "near")]
            found.append([f"{size:,}", *seconds, f"{one['dropped']:,}", f"{one['peak_gib']:.2f}"])
    columns = ["rows", "measure s", "resolve s", "with near s", "dropped", "peak GiB"]
    print_table("near duplicates of synthetic chats, two workers", columns, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
