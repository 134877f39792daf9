"""Files that resolve writes for itself: tables of one batch, mapped, with rows sorted by a key.

They lie in a folder that all tasks of a build see, and go with it; kept_parts.py keeps some.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests.storage import (
    is_left_behind,
    is_local,
    join,
    local_path,
    open_ipc,
    remove_tree,
    write_ipc,
)

_PREFIX = ".scratch-"


@contextmanager
def scratch_folder(store: str, shared: bool) -> Iterator[str]:
    """A fresh folder, removed at the end: in the store, or on this machine if nobody else looks."""
    parent = store if shared or is_local(store) else tempfile.gettempdir()
    sweep_scratch(parent)
    folder = join(parent, f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}")
    if is_local(folder):
        local_path(folder).mkdir(parents=True)
    try:
        yield folder
    finally:
        remove_tree(folder)


def sweep_scratch(parent: str) -> None:
    """Remove the folders of processes that were killed."""
    if not is_local(parent):
        return
    for folder in Path(local_path(parent)).glob(f"{_PREFIX}*-*"):
        if is_left_behind(folder.name.removeprefix(_PREFIX).split("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)


def write_frame(path: str, frame: pl.DataFrame) -> None:
    """The frame as one uncompressed batch."""
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    write_table(path, table.cast(pa.schema([_narrow(field) for field in table.schema])))


def _narrow(field: pa.Field) -> pa.Field:
    """With offsets of 32 bits: a part is far from 2 GiB."""
    kind = field.type
    if pa.types.is_large_string(kind):
        return field.with_type(pa.string())
    if pa.types.is_large_list(kind):
        return field.with_type(pa.list_(kind.value_field))
    return field


def write_table(path: str, table: pa.Table) -> None:
    """The table as one batch. Not synced: what a kill leaves is swept, not read."""
    table = table.combine_chunks()
    batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    if not is_local(path):
        write_ipc(path, lambda ipc: ipc.write_batch(batches[0]), table.schema)
        return
    file = local_path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as ipc:
        ipc.write_batch(batches[0])


def read_batch(path: str, columns: Sequence[str] | None = None) -> pa.RecordBatch:
    """The whole table, mapped: only what is looked at is read."""
    batch = open_ipc(path).get_batch(0)
    return batch if columns is None else batch.select(list(columns))


def read_slice(
    path: str, key: str, start: int, stop: int, columns: Sequence[str] | None = None
) -> pa.RecordBatch:
    """The rows whose key is in [start, stop); the table is sorted by it."""
    batch = read_batch(path)
    keys = column(batch, key)
    low, high = np.searchsorted(keys, np.array([start, stop - 1], keys.dtype))
    high = np.searchsorted(keys, np.array([stop - 1], keys.dtype), side="right")[0]
    batch = batch.slice(int(low), int(high - low))
    return batch if columns is None else batch.select(list(columns))


def column(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.generic]:
    """A column of numbers without nulls, not copied. (Arrow's `to_numpy` would load pandas.)"""
    array = batch.column(name)
    kind = np.dtype(str(array.type))
    if not len(array):
        return np.empty(0, kind)
    start = array.offset * kind.itemsize
    return np.frombuffer(array.buffers()[1], kind, len(array), start)


def frame(batches: Sequence[pa.RecordBatch]) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(pa.Table.from_batches(list(batches))))
