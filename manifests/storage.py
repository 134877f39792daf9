"""Files that are either whole or absent, on a local disk or any fsspec store.

Local: a unique temporary name beside the target, fsync, rename, fsync of the folder. Object stores:
one direct put to the final key (they publish an object only when it is complete), so concurrent
writers of the same pure output are harmless.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import fsspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.errors import IntegrityError, UsageError, without_secrets

_TEMPORARY_PREFIX = ".tmp-"
_BUCKETS = ("s3", "s3a", "gs", "gcs")


def is_local(uri: str) -> bool:
    return "://" not in uri or uri.startswith("file://")


def local_path(uri: str) -> Path:
    """The path behind a local URI; an error for any other scheme."""
    if not is_local(uri):
        raise UsageError(f"{uri} is not a local path")
    return Path(uri.removeprefix("file://"))


def join(uri: str, *parts: str) -> str:
    """Parts below a URI; a bare scheme (`memory://`) keeps both of its slashes."""
    head = uri if uri.endswith(("://", ":///")) else uri.rstrip("/") + "/"
    return head + "/".join(part.strip("/") for part in parts)


def filesystem(uri: str) -> tuple[Any, str]:
    """(fsspec file system, absolute path inside it) of a URI; unknown schemes are a usage error.

    Local paths are never parsed: fsspec would expand `~` and take `::` for a chain of URLs.
    """
    if is_local(uri):
        return fsspec.filesystem("file"), os.path.abspath(local_path(uri))
    try:
        return fsspec.core.url_to_fs(uri, **_settings(uri))  # type: ignore[no-any-return]
    except (ValueError, ImportError) as error:
        raise UsageError(f"{uri}: no file system for this address ({error})") from error


def _settings(uri: str) -> dict[str, Any]:
    """Buckets are asked each time: a listing kept here does not show what other workers wrote."""
    return {"use_listings_cache": False} if uri.partition("://")[0] in _BUCKETS else {}


def exists(uri: str) -> bool:
    if is_local(uri):
        return os.path.exists(local_path(uri))
    fs, path = filesystem(uri)
    return bool(fs.exists(path))


def remove_tree(uri: str) -> None:
    """Remove a folder and all in it; absent is fine."""
    fs, path = filesystem(uri)
    if fs.exists(path):
        fs.rm(path, recursive=True)


def list_files(uri: str, suffix: str = "") -> list[str]:
    """Sorted paths, relative to `uri`, of all finished files below it that end on `suffix`."""
    fs, path = filesystem(uri)
    if not fs.exists(path):
        return []
    base = path.rstrip("/") + "/"
    names = [str(name)[len(base) :] for name in fs.find(path)]
    kept = [
        n for n in names if n.endswith(suffix) and not Path(n).name.startswith(_TEMPORARY_PREFIX)
    ]
    return sorted(kept)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_file(uri: str) -> Iterator[IO[bytes]]:
    """A binary file for writing that appears at `uri` whole when the block ends, or not at all."""
    if not is_local(uri):
        with tempfile.TemporaryDirectory() as folder:
            spool = Path(folder) / "spool"
            with spool.open("wb") as handle:
                yield handle
            fs, path = filesystem(uri)
            fs.put_file(str(spool), path)
        return
    target = local_path(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{_TEMPORARY_PREFIX}{os.getpid()}-"
    handle_no, name = tempfile.mkstemp(prefix=prefix, dir=target.parent)
    try:
        os.fchmod(handle_no, 0o644)
        with os.fdopen(handle_no, "wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(name, target)
        _fsync_folder(target.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def sweep_temporary(uri: str) -> None:
    """Remove what writers that were killed left in a local folder; living writers keep theirs."""
    if not is_local(uri) or not local_path(uri).is_dir():
        return
    for file in local_path(uri).rglob(f"{_TEMPORARY_PREFIX}*-*"):
        if is_left_behind(file.name.removeprefix(_TEMPORARY_PREFIX).split("-", 1)[0]):
            file.unlink(missing_ok=True)


def write_bytes(uri: str, data: bytes) -> None:
    with atomic_file(uri) as handle:
        handle.write(data)


def read_bytes(uri: str) -> bytes:
    fs, path = filesystem(uri)
    try:
        return bytes(fs.cat_file(path))
    except OSError:
        raise
    except Exception as error:  # network libraries raise of everything, and quote addresses
        kind = type(error).__name__
        raise OSError(f"{without_secrets(uri)} cannot be read ({kind})") from error


def canonical_json(value: Any) -> bytes:
    """Sorted keys, two spaces, a final newline: equal values, equal bytes."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(value, option=options)


def write_json(uri: str, value: Any) -> None:
    """Canonical JSON; atomic."""
    write_bytes(uri, canonical_json(value))


def read_json(uri: str) -> Any:
    return orjson.loads(read_bytes(uri))


def write_parquet(uri: str, table: pa.Table, row_group_rows: int = 100_000) -> None:
    """A small table, zstd, with page index; atomic."""
    with atomic_file(uri) as handle:
        pq.write_table(
            table, handle, compression="zstd", row_group_size=row_group_rows, write_page_index=True
        )


@contextmanager
def open_parquet(
    uri: str, schema: pa.Schema, row_group_rows: int = 100_000
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """A function that takes the batches of a table that grows: no more than a row group is held.

    Atomic, and the same file as `write_parquet` of all batches together.
    """
    held: list[pa.RecordBatch] = []
    num_written = 0

    def write(num_rows: int) -> None:
        nonlocal held, num_written
        table = pa.Table.from_batches(held, schema).combine_chunks()
        writer.write_table(table.slice(0, num_rows), row_group_rows)
        held = table.slice(num_rows).to_batches()
        num_written += num_rows

    def take(batch: pa.RecordBatch) -> None:
        held.append(batch)
        while (num_held := sum(len(piece) for piece in held)) >= row_group_rows:
            write(min(num_held, row_group_rows))

    with (
        atomic_file(uri) as handle,
        pq.ParquetWriter(handle, schema, compression="zstd", write_page_index=True) as writer,
    ):
        yield take
        num_held = sum(len(piece) for piece in held)
        if num_held or not num_written:
            write(num_held)


@contextmanager
def undamaged(uri: str) -> Iterator[None]:
    """IntegrityError for what pyarrow raises of a file of ours that is cut off or overwritten."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise IntegrityError(
            f"{uri} is damaged ({str(error).splitlines()[0]}); remove the build or the folder of "
            "the store that it lies in, and run the build-mixture command again"
        ) from error


def read_parquet(uri: str, columns: list[str] | None = None) -> pa.Table:
    """The whole table; IntegrityError where the file is damaged."""
    with undamaged(uri):
        if is_local(uri):
            with pq.ParquetFile(local_path(uri), memory_map=True) as file:
                return file.read(columns=columns)
        fs, path = filesystem(uri)
        # On this thread alone: an Arrow thread that still holds a Python file when the process ends
        # would abort it.
        with fs.open(path, "rb") as handle, pq.ParquetFile(handle, pre_buffer=False) as file:
            return file.read(columns=columns, use_threads=False)


def parquet_batches(
    uri: str, num_rows: int, first: int, last: int, columns: list[str] | None = None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(number of the first, at most `num_rows` rows) of all row groups with rows `first` to `last`.

    IntegrityError where the file is damaged.
    """
    with undamaged(uri), ExitStack() as opened:
        if is_local(uri):
            file = opened.enter_context(pq.ParquetFile(local_path(uri), memory_map=True))
        else:
            fs, path = filesystem(uri)
            handle = opened.enter_context(fs.open(path, "rb"))
            file = opened.enter_context(pq.ParquetFile(handle, pre_buffer=False))
        start = 0
        for group in range(file.metadata.num_row_groups):
            stop = start + file.metadata.row_group(group).num_rows
            if first < stop and start <= last:
                for batch in file.iter_batches(num_rows, [group], columns, use_threads=False):
                    yield start, batch
                    start += batch.num_rows
            start = stop


def changed_ns(uri: str) -> int:
    """When a local file was last written; 0 for a remote one, which nobody rewrites in place."""
    return local_path(uri).stat().st_mtime_ns if is_local(uri) else 0


def parquet_span(uri: str, column: str) -> tuple[int, str, str]:
    """(rows, the least and the greatest text of a column) by the file's statistics.

    The least is empty, and the greatest beyond all texts, where a row group has no statistics.
    """
    with undamaged(uri):
        if is_local(uri):
            about = pq.read_metadata(local_path(uri), memory_map=True)
        else:
            fs, path = filesystem(uri)
            with fs.open(path, "rb") as handle:
                about = pq.read_metadata(handle)
        place = about.schema.names.index(column)
        groups = [about.row_group(n).column(place).statistics for n in range(about.num_row_groups)]
    if not all(group is not None and group.has_min_max for group in groups):
        return about.num_rows, "", "\U0010ffff"
    ends = [(group.min, group.max) for group in groups] or [("", "")]
    return about.num_rows, min(low for low, _ in ends), max(high for _, high in ends)


def write_ipc(
    uri: str, write: Callable[[pa.ipc.RecordBatchFileWriter], None], schema: pa.Schema
) -> None:
    """An uncompressed Arrow IPC file, which readers map and take single rows from; atomic."""
    with atomic_file(uri) as handle, pa.ipc.new_file(handle, schema) as writer:
        write(writer)


def open_ipc(uri: str) -> pa.ipc.RecordBatchFileReader:
    """Only the batches that are taken are read: local files are mapped, remote ones ranged."""
    with undamaged(uri):
        if is_local(uri):
            return pa.ipc.open_file(pa.memory_map(str(local_path(uri))))
        fs, path = filesystem(uri)
        return pa.ipc.open_file(pa.PythonFile(fs.open(path, "rb", cache_type="none"), "r"))


def is_left_behind(owner: str) -> bool:
    """Whether what a process named by its id (`owner`) was left by one that is gone."""
    if not owner.isdigit():
        return False
    import psutil

    return not psutil.pid_exists(int(owner))


def free_bytes(uri: str) -> int | None:
    """Free space where `uri` lies; None where nothing can be said (object stores)."""
    if not is_local(uri):
        return None
    folder = local_path(uri).absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
