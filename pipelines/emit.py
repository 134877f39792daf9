"""Emit task: writes one output shard, reading from the store only the byte ranges that it needs.

It drops nothing: order and membership were decided in resolve. Media bytes go from the pack
straight into the Arrow buffer that Parquet writes: no row is ever a Python object with bytes in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.errors import IntegrityError
from manifests.packs import PackReader, PackSlice
from manifests.schema import (
    MEDIA_FILE_TYPE,
    MEDIA_INFO_TYPE,
    ORIGIN_TYPE,
    SAMPLE_SCHEMA,
)
from manifests.storage import atomic_file, join, open_ipc, write_json
from pipelines.curate_rows import BATCH_ROWS
from pipelines.render import render_messages

# design.md section 5: row groups and write batches of at most 32 MB.
ROW_GROUP_BYTES = 32_000_000
_ROW_GROUP_ROWS = 8192
_DICTIONARY_LEAVES = {
    *("source", "subset", "modality", "category", "kind", "license"),
    *("messages.list.element.role", "messages.list.element.content.list.element.type"),
    *("media.list.element.kind", "media.list.element.video"),
    *(f"origins.list.element.{name}" for name in ("source", "subset", "file", "license")),
}
_MEDIA_LEAVES = {"images.list.element.bytes", "videos.list.element.bytes"}


@dataclass(frozen=True, slots=True)
class EmitTask:
    """One output shard: its rows in order, and where their facts lie.

    `rows` columns: folder, pos, id, source, subset, modality, category, kind, license, file, row,
    num_turns, repeat, text_bytes, num_tokens and its parts, media (positions in `media`).
    `media` has MEDIA_SCHEMA's columns and `folder`.
    """

    out: str
    name: str
    rows: pa.Table
    media: pa.Table
    row_folders: tuple[str, ...]
    media_folders: tuple[str, ...]


class _Hashed:
    """A write-only file that knows the SHA-256 and size of what went through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._state = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._state.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self.size

    def close(self) -> None:
        self.closed = True

    @property
    def sha256(self) -> str:
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
    """How builds are written: media untouched, texts in zstd, page index (design.md section 5)."""
    return {
        "compression": _COMPRESSION,
        "use_dictionary": [leaf for leaf in _LEAVES if leaf in _DICTIONARY_LEAVES],
        "write_statistics": [leaf for leaf in _LEAVES if leaf not in _MEDIA_LEAVES],
        "write_page_index": True,
    }


def run_emit_task(task: EmitTask) -> dict[str, Any]:
    """Task: write the shard; returns rows, bytes and SHA-256, which are also kept beside it."""
    target = join(task.out, "data", task.name)
    with atomic_file(target) as file:
        hashed = _Hashed(file)
        writer = pq.ParquetWriter(hashed, SAMPLE_SCHEMA, **parquet_options())
        with writer, _StoreReader(task) as reader:
            for start, stop in _row_groups(task):
                writer.write_batch(reader.batch(start, stop))
    record = {
        "path": f"data/{task.name}",
        "rows": task.rows.num_rows,
        "bytes": hashed.size,
        "sha256": hashed.sha256,
        "images": _num_images(task),
    }
    write_json(join(task.out, ".work", f"{task.name}.json"), record)
    return record


def _media_bytes(media: pa.Table) -> npt.NDArray[np.int64]:
    sums = [sum(lengths) for lengths in media["lengths"].to_pylist()]
    return np.array(sums, dtype=np.int64)


def _num_images(task: EmitTask) -> int:
    counts = [len(lengths) for lengths in task.media["lengths"].to_pylist()]
    return sum(counts[p] for positions in task.rows["media"].to_pylist() for p in positions)


def _row_groups(task: EmitTask) -> Iterator[tuple[int, int]]:
    """Row ranges whose text and media fit a row group; a row larger than that stands alone."""
    sizes = _media_bytes(task.media)
    texts = task.rows["text_bytes"].to_numpy()
    start = total = 0
    for row, positions in enumerate(task.rows["media"].to_pylist()):
        here = int(texts[row]) + int(sizes[positions].sum() if positions else 0)
        full = total + here > ROW_GROUP_BYTES or row - start == _ROW_GROUP_ROWS
        if full and row > start:
            yield start, row
            start, total = row, 0
        total += here
    yield start, task.rows.num_rows


def _offsets(counts: Sequence[int]) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]), pa.int32())


def _constant_list(length: int, item: pa.DataType) -> pa.Array:
    return pa.ListArray.from_arrays(_offsets([0] * length), pa.array([], type=item))


class _StoreReader:
    """Builds batches of `SAMPLE_SCHEMA` from the store."""

    def __init__(self, task: EmitTask) -> None:
        self._task = task
        self._media: list[dict[str, Any]] = task.media.to_pylist()
        self._packs: dict[int, PackReader] = {}
        self._texts: dict[int, pa.ipc.RecordBatchFileReader] = {}

    def __enter__(self) -> _StoreReader:
        return self

    def __exit__(self, *error: object) -> None:
        for reader in self._packs.values():
            reader.close()

    def batch(self, start: int, stop: int) -> pa.RecordBatch:
        rows = self._task.rows.slice(start, stop - start).combine_chunks()
        media = [[self._media[p] for p in positions] for positions in rows["media"].to_pylist()]
        texts = self._store_rows(rows)
        clips = [[m["timestamps_ms"] for m in one if m["kind"] == "video"] for one in media]
        images, infos = self._images(media), _infos(media)
        made = {
            "messages": render_messages(texts.column("messages"), clips),
            "images": images,
            "videos": _constant_list(len(media), MEDIA_FILE_TYPE),
            "media": infos,
            "origins": _origins(rows),
            "extra": texts.column("extra"),
        }
        columns = [
            made[field.name] if field.name in made else _plain(rows[field.name], field.type)
            for field in SAMPLE_SCHEMA
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SAMPLE_SCHEMA)

    def _store_rows(self, rows: pa.Table) -> pa.RecordBatch:
        """Messages and extra of the rows, in their order: a take in each batch of the store."""
        folders, positions = rows["folder"].to_numpy(), rows["pos"].to_numpy()
        where: dict[tuple[int, int], list[int]] = {}
        for at, (folder, pos) in enumerate(zip(folders, positions, strict=True)):
            where.setdefault((int(folder), int(pos) // BATCH_ROWS), []).append(at)
        parts, order = [], []
        for (folder, number), ats in where.items():
            batch = self._text_reader(folder).get_batch(number).select(["messages", "extra"])
            parts.append(batch.take(pa.array(positions[ats] % BATCH_ROWS)))
            order += ats
        joined = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
        return joined.take(pa.array(np.argsort(np.array(order), kind="stable")))

    def _text_reader(self, folder: int) -> pa.ipc.RecordBatchFileReader:
        if folder not in self._texts:
            path = join(self._task.row_folders[folder], "samples.arrow")
            self._texts[folder] = open_ipc(path)
        return self._texts[folder]

    def _images(self, media: list[list[dict[str, Any]]]) -> pa.Array:
        """The `images` column: pack bytes read straight into one Arrow binary buffer."""
        flat = [m for one in media for m in one]
        counts = [sum(len(m["lengths"]) for m in one) for one in media]
        lengths = [length for m in flat for length in m["lengths"]]
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        total = int(starts[-1])
        buffer = pa.allocate_buffer(total)
        self._fill(flat, memoryview(buffer).cast("B"), starts)
        offsets = pa.py_buffer(starts.astype(np.int32))
        data = pa.Array.from_buffers(pa.binary(), len(lengths), [None, offsets, buffer])
        nothing = pa.nulls(len(lengths), pa.string())
        files = pa.StructArray.from_arrays([data, nothing], fields=list(MEDIA_FILE_TYPE))
        return pa.ListArray.from_arrays(_offsets(counts), files)

    def _fill(
        self, flat: list[dict[str, Any]], target: memoryview, starts: npt.NDArray[np.int64]
    ) -> None:
        by_folder: dict[int, tuple[list[PackSlice], list[int]]] = {}
        at = 0
        for m in flat:
            slices, places = by_folder.setdefault(m["folder"], ([], []))
            for offset, length in zip(m["offsets"], m["lengths"], strict=True):
                slices.append(PackSlice(m["pack"], offset, length))
                places.append(int(starts[at]))
                at += 1
        for folder, (slices, places) in by_folder.items():
            try:
                self._pack_reader(folder).read_into(slices, target, places)
            except (OSError, EOFError) as error:
                raise IntegrityError(
                    f"a pack in {self._task.media_folders[folder]} cannot be read ({error}); "
                    "remove that folder and run the same command again"
                ) from error

    def _pack_reader(self, folder: int) -> PackReader:
        if folder not in self._packs:
            self._packs[folder] = PackReader(self._task.media_folders[folder])
        return self._packs[folder]


def _plain(column: pa.ChunkedArray, data_type: pa.DataType) -> pa.Array:
    return column.combine_chunks().cast(data_type)


def _infos(media: list[list[dict[str, Any]]]) -> pa.Array:
    """The `media` column: what each of the images is."""
    rows = []
    for one in media:
        infos: list[dict[str, Any]] = []
        for m in one:
            sizes = m["frame_sizes"]
            frame = m["kind"] == "video"
            for i in range(len(m["lengths"])):
                infos.append(
                    {
                        "kind": "frame" if frame else "image",
                        "video": m["digest"] if frame else None,
                        "timestamp_ms": m["timestamps_ms"][i] if frame else None,
                        "width": sizes[2 * i],
                        "height": sizes[2 * i + 1],
                    }
                )
        rows.append(infos)
    return pa.array(rows, type=pa.list_(MEDIA_INFO_TYPE))


def _origins(rows: pa.Table) -> pa.Array:
    names = ("source", "subset", "file", "row", "license")
    origins = [
        [{**{name: row[name] for name in names}, "turns": list(range(row["num_turns"]))}]
        for row in rows.select([*names, "num_turns"]).to_pylist()
    ]
    return pa.array(origins, type=pa.list_(ORIGIN_TYPE))
