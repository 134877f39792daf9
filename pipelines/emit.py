"""Emit task: writes one output shard, reading from the store only the byte ranges that it needs.

It drops nothing: order and membership were decided in resolve.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.build import CONTENT_COLUMNS
from manifests.schema import SAMPLE_SCHEMA
from manifests.storage import atomic_file, join, write_json
from pipelines.emit_rows import ROW_GROUP_BYTES, EmitTask, StoreReader

__all__ = ["ROW_GROUP_BYTES", "EmitTask", "parquet_options", "run_emit_task"]

_HASH_AHEAD = 32
_HASH_BYTES = 1 << 20
_DICTIONARY_LEAVES = {
    *("source", "subset", "modality", "category", "component", "kind", "license"),
    *("messages.list.element.role", "messages.list.element.content.list.element.type"),
    *("media.list.element.kind", "media.list.element.video"),
    *(f"origins.list.element.{name}" for name in ("source", "subset", "file", "license")),
}
_MEDIA_LEAVES = {"images.list.element.bytes", "videos.list.element.bytes"}


class _Hashed:
    """A write-only file that knows the SHA-256 and size of what went through it.

    A thread of its own hashes: that takes as long as writing, and neither holds the interpreter's
    lock. Pieces are handed to it by the megabyte, and at most _HASH_AHEAD of those wait.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._state = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()
        self._pieces: list[bytes] = []
        self._pieces_bytes = 0
        self.size = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._pieces.append(data)
        self._pieces_bytes += len(data)
        if self._pieces_bytes >= _HASH_BYTES:
            self._hand_over()
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self.size

    def close(self) -> None:
        self._hand_over()
        self._thread.shutdown()
        self.closed = True

    def _hand_over(self) -> None:
        self._waiting.append(self._thread.submit(self._update, self._pieces))
        self._pieces, self._pieces_bytes = [], 0
        if len(self._waiting) > _HASH_AHEAD:
            self._waiting.popleft().result()

    def _update(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._state.update(piece)

    @property
    def sha256(self) -> str:
        """Of all that was written; only once it is closed."""
        assert self.closed
        return self._state.hexdigest()


def _leaves(data_type: pa.DataType, path: str) -> Iterator[str]:
    if pa.types.is_list(data_type):
        yield from _leaves(data_type.value_type, f"{path}.list.element")
    elif pa.types.is_struct(data_type):
        for field in data_type:
            yield from _leaves(field.type, f"{path}.{field.name}")
    else:
        yield path


_LEAVES = [leaf for field in SAMPLE_SCHEMA for leaf in _leaves(field.type, field.name)]
_COMPRESSION = {leaf: "none" if leaf in _MEDIA_LEAVES else "zstd" for leaf in _LEAVES}


def parquet_options() -> dict[str, Any]:
    """How builds are written: media untouched, texts in zstd, with a page index."""
    return {
        "compression": _COMPRESSION,
        "use_dictionary": [leaf for leaf in _LEAVES if leaf in _DICTIONARY_LEAVES],
        "write_statistics": [leaf for leaf in _LEAVES if leaf not in _MEDIA_LEAVES],
        "write_page_index": True,
    }


def _count_contents(
    batch: pa.RecordBatch, rows: Counter[tuple[str, ...]], tokens: Counter[tuple[str, ...]]
) -> None:
    """Rows and their ids by what the card tells of them."""
    columns = [batch.column(name).to_pylist() for name in CONTENT_COLUMNS]
    for *key, count in zip(*columns, batch.column("num_tokens").to_pylist(), strict=True):
        rows[tuple(key)] += 1
        tokens[tuple(key)] += count


def run_emit_task(task: EmitTask) -> dict[str, Any]:
    """Task: write the shard; returns rows, bytes and SHA-256, which are also kept beside it."""
    target = join(task.out, "data", task.name)
    with atomic_file(target) as file, closing(_Hashed(file)) as hashed:
        with (
            pq.ParquetWriter(hashed, SAMPLE_SCHEMA, **parquet_options()) as writer,
            StoreReader(task) as reader,
        ):
            contents: Counter[tuple[str, ...]] = Counter()
            tokens: Counter[tuple[str, ...]] = Counter()
            for start, stop in reader.row_groups():
                batch = reader.batch(start, stop)
                writer.write_batch(batch)
                _count_contents(batch, contents, tokens)
            num_images = reader.num_images
    record = {
        "path": f"data/{task.name}",
        "rows": task.rows.num_rows,
        "bytes": hashed.size,
        "sha256": hashed.sha256,
        "images": num_images,
        "contents": [[*key, rows, tokens[key]] for key, rows in sorted(contents.items())],
    }
    write_json(join(task.out, ".work", f"{task.name}.json"), record)
    return record
