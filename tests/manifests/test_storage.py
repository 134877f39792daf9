"""Files are whole or absent: after exceptions, after kill -9, locally and on an object store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from manifests import storage
from manifests.errors import IntegrityError, UsageError


class _StopError(Exception):
    pass


def _write_half(uri: str) -> None:
    with storage.atomic_file(uri) as handle:
        handle.write(b"half")
        raise _StopError


def test_write_then_read(folder: str) -> None:
    uri = storage.join(folder, "a", "b.bin")
    assert not storage.exists(uri)
    storage.write_bytes(uri, b"whole")
    assert storage.exists(uri)
    assert storage.read_bytes(uri) == b"whole"
    storage.write_bytes(uri, b"again")
    assert storage.read_bytes(uri) == b"again"
    assert storage.list_files(folder) == ["a/b.bin"]


def test_exception_leaves_nothing(folder: str) -> None:
    uri = storage.join(folder, "b.bin")
    with pytest.raises(_StopError):
        _write_half(uri)
    assert not storage.exists(uri)
    if storage.is_local(folder):
        assert list(Path(folder).iterdir()) == []


def test_exception_leaves_the_old_file(folder: str) -> None:
    uri = storage.join(folder, "b.bin")
    storage.write_bytes(uri, b"old")
    with pytest.raises(_StopError):
        _write_half(uri)
    assert storage.read_bytes(uri) == b"old"
    assert storage.list_files(folder) == ["b.bin"]


_HANG = """
import sys, time
from manifests.storage import atomic_file
with atomic_file(sys.argv[1]) as handle:
    handle.write(bytes(1 << 20))
    handle.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_kill_leaves_no_target_and_a_temporary_that_is_swept(tmp_path: Path) -> None:
    target = tmp_path / "b.bin"
    child = subprocess.Popen(
        [sys.executable, "-c", _HANG, str(target)],
        cwd=Path(storage.__file__).parents[1],
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        storage.sweep_temporary(str(tmp_path))
        assert len(list(tmp_path.iterdir())) == 1, "a living writer keeps its file"
        child.kill()
    assert not target.exists()
    assert len(list(tmp_path.iterdir())) == 1
    assert storage.list_files(str(tmp_path)) == []
    storage.sweep_temporary(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_sweep_keeps_what_is_not_a_writers(tmp_path: Path, remote: str) -> None:
    for name in (".tmp-notes-1", ".tmp-", "kept"):
        (tmp_path / name).touch()
    with storage.atomic_file(str(tmp_path / "own.bin")) as handle:
        handle.write(b"own")
        storage.sweep_temporary(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == [".tmp-", ".tmp-notes-1", "kept", "own.bin"]
    storage.sweep_temporary(str(tmp_path / "absent"))
    storage.sweep_temporary(remote)


def test_written_files_can_be_read_by_others(tmp_path: Path) -> None:
    storage.write_bytes(str(tmp_path / "b.bin"), b"x")
    assert (tmp_path / "b.bin").stat().st_mode & 0o777 == 0o644


def test_list_files_is_sorted_and_filtered(folder: str) -> None:
    for name in ("b/2.json", "a.parquet", "b/10.json", ".tmp-1-x", "b/.tmp-2-y"):
        storage.write_bytes(storage.join(folder, name), b"")
    assert storage.list_files(folder) == ["a.parquet", "b/10.json", "b/2.json"]
    assert storage.list_files(folder + "/", ".json") == ["b/10.json", "b/2.json"]
    assert storage.list_files(storage.join(folder, "absent")) == []


def test_list_files_of_relative_and_odd_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("plain", "~", "a::b", "c d/[e]", "x/../up"):
        storage.write_bytes(storage.join(name, "f"), b"1")
        assert storage.list_files(name) == ["f"], name
        assert storage.read_bytes(storage.join(name, "f")) == b"1"
        assert (tmp_path / name / "f").exists()


def test_remove_tree(folder: str) -> None:
    storage.write_bytes(storage.join(folder, "a", "b"), b"")
    storage.remove_tree(storage.join(folder, "a"))
    storage.remove_tree(storage.join(folder, "a"))
    assert not storage.exists(storage.join(folder, "a", "b"))


def test_addresses() -> None:
    assert storage.is_local("a/b") and storage.is_local("file:///a")
    assert not storage.is_local("s3://bucket/a")
    assert storage.local_path("file:///a/b") == Path("/a/b")
    with pytest.raises(UsageError, match="s3://bucket is not a local path"):
        storage.local_path("s3://bucket")
    with pytest.raises(UsageError, match="nope://x: no file system for this address"):
        storage.filesystem("nope://x")


@pytest.mark.parametrize(
    ("uri", "joined"),
    [
        ("a", "a/x/y"),
        ("/a/", "/a/x/y"),
        ("/", "/x/y"),
        ("s3://b/", "s3://b/x/y"),
        ("memory://", "memory://x/y"),
        ("file:///", "file:///x/y"),
    ],
)
def test_join(uri: str, joined: str) -> None:
    assert storage.join(uri, "x", "/y/") == joined


def test_json_is_canonical(folder: str) -> None:
    uri = storage.join(folder, "v.json")
    storage.write_json(uri, {"b": [1, 2.5, None], "a": "\u00e9"})
    assert storage.read_bytes(uri) == (
        b'{\n  "a": "\xc3\xa9",\n  "b": [\n    1,\n    2.5,\n    null\n  ]\n}\n'
    )
    assert storage.read_json(uri) == {"a": "\u00e9", "b": [1, 2.5, None]}


def test_parquet(folder: str) -> None:
    # A folder that looks like a Hive partition must not become a column.
    uri = storage.join(folder, "year=2024", "t.parquet")
    table = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
    storage.write_parquet(uri, table, row_group_rows=2)
    assert storage.read_parquet(uri).equals(table)
    assert storage.read_parquet(uri, columns=["b"]).equals(table.select(["b"]))


def test_ipc(folder: str) -> None:
    uri = storage.join(folder, "t.arrow")
    batch = pa.record_batch({"a": [1, 2]})

    def write(writer: pa.ipc.RecordBatchFileWriter) -> None:
        writer.write_batch(batch)
        writer.write_batch(batch.slice(1))

    storage.write_ipc(uri, write, batch.schema)
    reader = storage.open_ipc(uri)
    assert reader.num_record_batches == 2
    assert reader.read_all().to_pydict() == {"a": [1, 2, 2]}


def test_free_bytes(tmp_path: Path, remote: str) -> None:
    free = storage.free_bytes(str(tmp_path / "not" / "yet"))
    assert free is not None and free > 0
    assert storage.free_bytes(remote) is None


@pytest.mark.parametrize("sizes", [[], [0], [3], [10, 0, 25, 5], [4] * 12, [100]])
def test_a_table_that_grows_is_the_same_file(tmp_path: Path, sizes: list[int]) -> None:
    schema = pa.schema([("n", pa.int64()), ("text", pa.string())])
    batches = [
        pa.RecordBatch.from_pydict({"n": range(n), "text": [f"row {i}" for i in range(n)]}, schema)
        for n in sizes
    ]
    whole, grown = str(tmp_path / "whole.parquet"), str(tmp_path / "grown.parquet")
    storage.write_parquet(whole, pa.Table.from_batches(batches, schema), 10)
    with storage.open_parquet(grown, schema, 10) as take:
        for batch in batches:
            take(batch)
        assert not Path(grown).exists()
    assert Path(grown).read_bytes() == Path(whole).read_bytes()


@pytest.mark.parametrize("place", ["", "memory://batches"])
def test_rows_are_read_by_the_groups_that_hold_them(tmp_path: Path, place: str) -> None:
    """Groups of ten, in batches of at most four; the last group is short."""
    uri = storage.join(place or str(tmp_path), "t.parquet")
    storage.write_parquet(uri, pa.table({"n": pa.array(range(35))}), 10)
    for first, last, expected in [
        (0, 34, range(35)),
        (0, 0, range(10)),
        (9, 10, range(20)),
        (15, 29, range(10, 30)),
        (34, 99, range(30, 35)),
        (35, 99, []),
    ]:
        found = list(storage.parquet_batches(uri, 4, first, last))
        assert all(batch.num_rows <= 4 for _, batch in found)
        rows = [(at + n, v) for at, b in found for n, v in enumerate(b["n"].to_pylist())]
        assert rows == [(n, n) for n in expected]


def test_batches_of_a_damaged_table_are_told(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(IntegrityError, match="is damaged"):
        list(storage.parquet_batches(str(path), 4, 0, 9))


def test_a_table_that_is_not_finished_is_not_there(tmp_path: Path) -> None:
    schema = pa.schema([("n", pa.int64())])
    with (
        pytest.raises(KeyError),
        storage.open_parquet(str(tmp_path / "t.parquet"), schema, 2) as take,
    ):
        take(pa.RecordBatch.from_pydict({"n": [1, 2, 3]}, schema))
        raise KeyError("stop")
    assert list(tmp_path.iterdir()) == []
