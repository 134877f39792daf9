"""Emit against a plain pyarrow copy of the same rows: MB/s of Parquet written by one process.

    python -m benchmarks.emit_copy

Emit gathers images from the packs and texts from the Arrow files of the store in the order that
resolve drew, and hashes what it writes. The copy reads emit's own shards batch by batch and writes
them again with the same columns, encodings, compression and row groups; it hashes nothing. Both
sides end each file with fsync and run in this process, one file after another, from a warm page
cache. The copy without fsync is shown beside them.
"""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console

from benchmarks.data import CONFIGS, recipe, write_cauldron
from benchmarks.measure import interleaved, print_table, spread, warm, work_folder
from benchmarks.resolve_script import judges_of
from pipelines.build import build, find_work, open_job
from pipelines.emit import EmitTask, parquet_options, run_emit_task
from pipelines.options import BuildOptions
from pipelines.resolution import resolve
from pipelines.scratch import scratch_folder
from pipelines.shard_rows import emit_task
from pipelines.shards import shard_tasks

NUM_ROWS = 10_000
TARGET = 0.8


def _tasks(options: BuildOptions) -> list[EmitTask]:
    """The emit tasks of a build whose store is there already, as pipelines.build makes them."""
    job = open_job(options, Console(file=io.StringIO()))
    try:
        _, curate = find_work(job)
        judges = judges_of(job.recipe, options)
        with scratch_folder(options.store, False) as scratch:
            resolved = resolve(job.runner, curate.curated, judges, scratch, options)
            return [emit_task(task) for task in shard_tasks(options.out, resolved)]
    finally:
        job.runner.close()


def _emit(tasks: Sequence[EmitTask], out: Path) -> float:
    shutil.rmtree(out, ignore_errors=True)
    os.sync()
    started = time.perf_counter()
    size = sum(run_emit_task(replace(task, out=str(out)))["bytes"] for task in tasks)
    return float(size) / (time.perf_counter() - started) / 1e6


def _copy(shards: Sequence[Path], out: Path, fsync: bool) -> float:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    os.sync()
    started = time.perf_counter()
    for shard in shards:
        _copy_file(shard, out / shard.name)
        if fsync:
            with (out / shard.name).open("rb") as handle:
                os.fsync(handle.fileno())
    seconds = time.perf_counter() - started
    return sum(path.stat().st_size for path in out.iterdir()) / seconds / 1e6


def _copy_file(source: Path, target: Path) -> None:
    with pq.ParquetFile(source) as reader:
        rows = max(reader.metadata.row_group(i).num_rows for i in range(reader.num_row_groups))
        with pq.ParquetWriter(target, reader.schema_arrow, **parquet_options()) as writer:
            for batch in reader.iter_batches(batch_size=rows):
                writer.write_batch(batch, row_group_size=rows)


def _prepare(work: Path) -> tuple[list[EmitTask], list[Path]]:
    """The emit tasks of a finished build, and its shards for the copy to read."""
    mirror = work / "mirror"
    write_cauldron(mirror, NUM_ROWS)
    wanted = recipe(work / "recipe.yaml", {f"the_cauldron/{config}": 1 for config in CONFIGS})
    options = BuildOptions(
        recipe=str(wanted),
        mirror=str(mirror),
        store=str(work / "store"),
        out=str(work / "build"),
        engine="inline",
    )
    build(options, Console(file=io.StringIO()))
    return _tasks(options), sorted((work / "build" / "data").iterdir())


def main() -> None:
    with work_folder() as work:
        tasks, shards = _prepare(work)
        size = warm(work / "build" / "data")
        warm(work / "store")
        # Once each, for what is imported or allocated on first use.
        _emit(tasks[:1], work / "emitted")
        _copy(shards[:1], work / "copied", True)
        found = interleaved(
            {
                "emit": partial(_emit, tasks, work / "emitted"),
                "copy": partial(_copy, shards, work / "copied", True),
                "copy, no fsync": partial(_copy, shards, work / "copied", False),
            }
        )
    rows = []
    for name, rates in found.items():
        ratios = [rate / copy for rate, copy in zip(rates, found["copy"], strict=True)]
        rows.append([name, spread(rates), spread(ratios, 2)])
    title = f"emit: {NUM_ROWS} rows, {size / 1e6:.0f} MB, at least {TARGET} of the copy"
    print_table(title, ["side", "MB/s", "ratio to copy"], rows)


if __name__ == "__main__":
    main()
