"""Row task: turns a range of annotation rows into conversations, their turns index and measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

import filters
import sources
from manifests.schema import REJECTED_SCHEMA, STORE_SCHEMA, TURNS_SCHEMA
from manifests.storage import join, open_parquet, sweep_temporary, write_ipc
from pipelines.curate_media import load_media
from pipelines.measures import write_measures
from pipelines.media_index import MediaIndex
from pipelines.row_batches import SampleBatch, rejected_batch
from pipelines.store import mark_done
from sources.base import Draft, Rejected, RowShard
from sources.root import Root

# Rows in one Arrow batch of samples.arrow; fixed, so that a row's batch follows from its position.
BATCH_ROWS = 1024
# How many rows a taste (`--limit`) looks at after the last one that it could take.
_LOOK_ROWS = 20_000

_Taker = Callable[[pa.RecordBatch], None]


@dataclass(frozen=True, slots=True)
class RowTask:
    """All that a row task needs.

    `take` (from `--limit`) keeps the first rows of each subset whose media are all among those of
    `media_folders`; rows passed over on the way are counted as `passed_over`.
    """

    source: str
    root: Root
    shard: RowShard
    folder: str
    filters: tuple[str, ...]
    take: int | None = None
    media_folders: tuple[str, ...] = ()


def run_row_task(task: RowTask) -> dict[str, Any]:
    """Task: store the shard's conversations; returns the counts that `done.json` keeps.

    All files grow while rows are read: memory is that of one batch and of a row group of each.
    """
    sweep_temporary(task.folder)
    with (
        open_parquet(join(task.folder, "turns.parquet"), TURNS_SCHEMA) as turns,
        open_parquet(join(task.folder, "rejected.parquet"), REJECTED_SCHEMA) as rejected,
    ):
        writer = _RowWriter(task, turns, rejected)
        write_ipc(join(task.folder, "samples.arrow"), writer.write, STORE_SCHEMA)
    mark_done(task.folder, writer.record)
    return writer.record


class _RowWriter:
    def __init__(self, task: RowTask, turns: _Taker, rejected: _Taker) -> None:
        self._task = task
        self._turns = turns
        self._rejected = rejected
        self._num_samples = 0
        self._num_rejected = 0
        self._passed_over = 0

    def write(self, ipc: pa.ipc.RecordBatchFileWriter) -> None:
        wanted = [filters.get(name) for name in self._task.filters]
        write_measures(self._task.folder, wanted, self._batches(ipc))

    @property
    def record(self) -> dict[str, Any]:
        return {
            "samples": self._num_samples,
            "rejected": self._num_rejected,
            "passed_over": self._passed_over,
            "file": self._task.shard.file.path,
        }

    def _batches(self, ipc: pa.ipc.RecordBatchFileWriter) -> Iterator[pa.RecordBatch]:
        """Store rows batch by batch as they are measured; at least one batch, maybe of no rows."""
        card = sources.get(self._task.source).card
        batch, lost = SampleBatch(card, 0), list[Rejected]()
        for item in self._items():
            if isinstance(item, Rejected):
                lost.append(item)
            else:
                batch.add(item)
            if len(lost) == BATCH_ROWS:
                self._reject(lost)
                lost = []
            if len(batch) == BATCH_ROWS:
                yield self._store(ipc, batch)
                batch = SampleBatch(card, self._num_samples)
        self._reject(lost)
        if len(batch) or not self._num_samples:
            yield self._store(ipc, batch)

    def _store(self, ipc: pa.ipc.RecordBatchFileWriter, batch: SampleBatch) -> pa.RecordBatch:
        samples = batch.samples()
        ipc.write_batch(samples)
        self._turns(batch.turns(samples))
        self._num_samples += len(batch)
        return samples

    def _reject(self, items: list[Rejected]) -> None:
        self._rejected(rejected_batch(items))
        self._num_rejected += len(items)

    def _items(self) -> Iterator[Draft | Rejected]:
        task = self._task
        source = sources.get(task.source)
        if task.take is None:
            yield from source.read_rows(task.root, task.shard)
            return
        whole = replace(task.shard, stop=None)
        yield from self._take(source.read_rows(task.root, whole), task.take)

    def _take(self, items: Iterator[Draft | Rejected], take: int) -> Iterator[Draft | Rejected]:
        """The first `take` upstream rows of each subset whose media lie in the media folders.

        Ends where none was found for long: a file of millions of rows is not read for a taste.
        """
        index = _media_index(self._task)
        taken: dict[str, set[int]] = {}
        last = self._task.shard.start
        for item in items:
            if item.row - last > _LOOK_ROWS:
                return
            rows = taken.setdefault(item.subset, set())
            if item.row not in rows and len(rows) >= take:
                if all(len(seen) >= take for seen in taken.values()):
                    return
                continue
            if isinstance(item, Draft) and any(index.find(ref.key) < 0 for ref in item.media):
                self._passed_over += 1
                continue
            rows.add(item.row)
            last = item.row
            yield item


def _media_index(task: RowTask) -> MediaIndex:
    table = load_media(list(task.media_folders))
    suffix = sources.get(task.source).media_lookup == "suffix"
    return MediaIndex(table["key"].to_pylist(), table["digest"].to_pylist(), suffix)
