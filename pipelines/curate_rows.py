"""Row task: turns a range of annotation rows into conversations, their turns index and measures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pyarrow as pa

import filters
import sources
from manifests.cards import SourceCard
from manifests.ids import turn_digest
from manifests.schema import REJECTED_SCHEMA, STORE_SCHEMA, TURNS_SCHEMA
from manifests.storage import join, sweep_temporary, write_ipc, write_parquet
from pipelines.curate_media import load_media
from pipelines.measures import write_measures
from pipelines.media_index import MediaIndex
from pipelines.store import mark_done
from sources.base import Draft, Message, Rejected, RowShard
from sources.root import Root

# Rows in one Arrow batch of samples.arrow; fixed, so that a row's batch follows from its position.
BATCH_ROWS = 1024


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


def split_turns(messages: list[Message]) -> list[list[Message]]:
    """Turns of a conversation: each starts at a user (or leading system) message."""
    turns: list[list[Message]] = []
    for message in messages:
        starts = message.role == "user" and not _only_system(turns)
        if not turns or starts:
            turns.append([])
        turns[-1].append(message)
    return turns


def _only_system(turns: list[list[Message]]) -> bool:
    return len(turns) == 1 and all(message.role == "system" for message in turns[0])


def _turn_facts(turn: list[Message]) -> dict[str, Any]:
    num_bytes = {"system": 0, "user": 0, "assistant": 0}
    for message in turn:
        num_bytes[message.role] += sum(len(text.encode()) for _, text in message.content)
    return {
        "digest": turn_digest((m.role, kind, text) for m in turn for kind, text in m.content),
        "num_messages": len(turn),
        "num_answers": sum(message.role == "assistant" for message in turn),
        **{f"{role}_bytes": count for role, count in num_bytes.items()},
    }


def run_row_task(task: RowTask) -> dict[str, Any]:
    """Task: store the shard's conversations; returns the counts that `done.json` keeps."""
    sweep_temporary(task.folder)
    writer = _RowWriter(task)
    write_ipc(join(task.folder, "samples.arrow"), writer.write, STORE_SCHEMA)
    return writer.finish()


class _RowWriter:
    def __init__(self, task: RowTask) -> None:
        self._task = task
        self._card = sources.get(task.source).card
        self._rejected: list[dict[str, Any]] = []
        self._turns: list[dict[str, Any]] = []
        self._count = 0
        self._passed_over = 0

    def write(self, ipc: pa.ipc.RecordBatchFileWriter) -> None:
        wanted = [filters.get(name) for name in self._task.filters]
        write_measures(self._task.folder, wanted, self._batches(ipc))

    def finish(self) -> dict[str, Any]:
        folder = self._task.folder
        turns = pa.Table.from_pylist(self._turns, schema=TURNS_SCHEMA)
        write_parquet(join(folder, "turns.parquet"), turns)
        rejected = pa.Table.from_pylist(self._rejected, schema=REJECTED_SCHEMA)
        write_parquet(join(folder, "rejected.parquet"), rejected)
        record = {
            "samples": self._count,
            "rejected": len(self._rejected),
            "passed_over": self._passed_over,
            "file": self._task.shard.file.path,
        }
        mark_done(folder, record)
        return record

    def _batches(self, ipc: pa.ipc.RecordBatchFileWriter) -> Iterator[pa.RecordBatch]:
        """Store rows batch by batch as they are measured; at least one batch, maybe of no rows."""
        rows: list[dict[str, Any]] = []
        written = False
        for item in self._items():
            if isinstance(item, Rejected):
                self._reject(item)
                continue
            rows.append(self._row(item))
            if len(rows) == BATCH_ROWS:
                written = True
                yield self._flush(ipc, rows)
                rows = []
        if rows or not written:
            yield self._flush(ipc, rows)

    def _flush(
        self, ipc: pa.ipc.RecordBatchFileWriter, rows: list[dict[str, Any]]
    ) -> pa.RecordBatch:
        batch = pa.RecordBatch.from_pylist(rows, schema=STORE_SCHEMA)
        ipc.write_batch(batch)
        return batch

    def _items(self) -> Iterator[Draft | Rejected]:
        task = self._task
        source = sources.get(task.source)
        if task.take is None:
            yield from source.read_rows(task.root, task.shard)
            return
        whole = replace(task.shard, stop=None)
        yield from self._take(source.read_rows(task.root, whole), task.take)

    def _take(self, items: Iterator[Draft | Rejected], take: int) -> Iterator[Draft | Rejected]:
        """The first `take` upstream rows of each subset whose media lie in the media folders."""
        index = _media_index(self._task)
        taken: dict[str, set[int]] = {}
        for item in items:
            rows = taken.setdefault(item.subset, set())
            if item.row not in rows and len(rows) >= take:
                if all(len(seen) >= take for seen in taken.values()):
                    return
                continue
            if isinstance(item, Draft) and any(index.find(ref.key) < 0 for ref in item.media):
                self._passed_over += 1
                continue
            rows.add(item.row)
            yield item

    def _reject(self, item: Rejected) -> None:
        names = ("row", "group", "subset", "reason", "detail")
        self._rejected.append({name: getattr(item, name) for name in names})

    def _row(self, draft: Draft) -> dict[str, Any]:
        for number, turn in enumerate(split_turns(draft.messages)):
            self._turns.append({"sample": self._count, "turn": number, **_turn_facts(turn)})
        self._count += 1
        return store_row(draft, self._card)


def _media_index(task: RowTask) -> MediaIndex:
    table = load_media(list(task.media_folders))
    suffix = sources.get(task.source).media_lookup == "suffix"
    return MediaIndex(table["key"].to_pylist(), table["digest"].to_pylist(), suffix)


def store_row(draft: Draft, card: SourceCard) -> dict[str, Any]:
    """A `STORE_SCHEMA` row; category and license come from the card's subset."""
    subset = card.subset(draft.subset)
    return {
        "row": draft.row,
        "group": draft.group,
        "subset": draft.subset,
        "category": subset.category,
        "kind": draft.kind,
        "messages": [
            {
                "role": message.role,
                "content": [{"type": kind, "text": text} for kind, text in message.content],
            }
            for message in draft.messages
        ],
        "media": [{"kind": ref.kind, "key": ref.key} for ref in draft.media],
        "license": subset.license or card.license,
        "extra": _extra(draft.extra),
    }


def _extra(extra: dict[str, Any] | None) -> str | None:
    """Upstream columns without a place, as JSON with sorted keys; null where there are none."""
    if not extra:
        return None
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    return orjson.dumps(extra, default=str, option=options).decode()
