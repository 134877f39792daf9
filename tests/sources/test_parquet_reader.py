"""The Parquet reader: ranges, projection, and damage that stays where it is."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import SchemaDriftError, SourceError
from sources.conversations import RowError
from sources.readers.parquet import (
    Batch,
    Damage,
    leaf_name,
    parquet_shards,
    read_batches,
    read_rows,
)
from sources.root import FileRef, Root

NAME = "a.parquet"


def put(folder: Path, columns: dict[str, Any], **options: Any) -> tuple[Root, FileRef]:
    pq.write_table(pa.table(columns), folder / NAME, **options)
    return Root(str(folder), "org/set"), FileRef(NAME, (folder / NAME).stat().st_size)


def every(_: str) -> bool:
    return True


def rows(root: Root, file: FileRef, start: int = 0, stop: int | None = None) -> list[Any]:
    return list(read_rows(root, file, start, stop, every))


def reasons(found: list[Any]) -> list[Any]:
    return [(row, v.reason if isinstance(v, RowError) else v["n"]) for row, v in found]


def damage(path: Path, group: int, column: int) -> None:
    """Overwrite the pages of one column of one row group."""
    meta = pq.read_metadata(path).row_group(group).column(column)
    at = meta.dictionary_page_offset or meta.data_page_offset
    data = bytearray(path.read_bytes())
    data[at : at + meta.total_compressed_size] = b"\xff" * meta.total_compressed_size
    path.write_bytes(bytes(data))


def test_shards_end_on_row_group_borders(tmp_path: Path) -> None:
    root, file = put(tmp_path, {"n": list(range(10))}, row_group_size=3)
    size = pq.read_metadata(tmp_path / NAME).row_group(0).total_byte_size
    assert parquet_shards(root, [file], ("n",), target_bytes=2 * size) == [
        (file, 0, 6),
        (file, 6, 10),
    ]
    assert parquet_shards(root, [file], ("n",), target_bytes=1) == [
        (file, 0, 3),
        (file, 3, 6),
        (file, 6, 9),
        (file, 9, 10),
    ]
    assert parquet_shards(root, [file], ("n",)) == [(file, 0, 10)]


def test_an_empty_file_has_no_shard(tmp_path: Path) -> None:
    root, file = put(tmp_path, {"n": pa.array([], pa.int64())})
    assert parquet_shards(root, [file], ("n",)) == []
    assert rows(root, file) == []


@given(st.integers(0, 12), st.integers(0, 12), st.sampled_from([1, 40, 10_000]))
def test_any_range_gives_its_rows(
    tmp_path_factory: pytest.TempPathFactory, start: int, stop: int, batch_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("range")
    root, file = put(folder, {"n": list(range(10))}, row_group_size=4)
    found = []
    for piece in read_batches(root, file, start, stop, every, batch_bytes):
        assert isinstance(piece, Batch)
        assert piece.records.num_rows > 0
        found += list(enumerate(piece.records.column("n").to_pylist(), piece.start))
    assert found == [(n, n) for n in range(10)[start:stop]]


def test_batches_are_bounded_in_bytes(tmp_path: Path) -> None:
    values = pa.array([os.urandom(1000) for _ in range(64)], pa.binary())
    root, file = put(tmp_path, {"b": values})
    sizes = [
        piece.records.num_rows
        for piece in read_batches(root, file, 0, None, every, batch_bytes=10_000)
        if isinstance(piece, Batch)
    ]
    assert sum(sizes) == 64
    assert max(sizes) <= 10
    one = list(read_batches(root, file, 0, None, every, batch_bytes=1))
    assert len(one) == 64


@pytest.mark.parametrize(
    ("path", "leaf"),
    [
        ("images.list.element.path", "images[].path"),
        ("images.list.item.path", "images[].path"),
        ("images.bag.array_element.path", "images[].path"),
        ("a.list.element.list.element", "a[][]"),
        ("list", "list"),
        ("item.element", "item.element"),
        ("json.scenes.list.element.list.list.element", "json.scenes[].list[]"),
        ("mp4", "mp4"),
    ],
)
def test_leaf_names_do_not_depend_on_the_writer(path: str, leaf: str) -> None:
    assert leaf_name(path) == leaf


@pytest.mark.parametrize("compliant", [True, False])
def test_a_projected_leaf_reads_no_byte_of_its_sibling(tmp_path: Path, compliant: bool) -> None:
    """`images[].path` is read though the bytes beside it are damaged, whatever the items' name."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.large_string())])
    images = pa.array([[{"bytes": b"12", "path": "p"}], [], None], pa.list_(image))
    root, file = put(tmp_path, {"images": images}, use_compliant_nested_type=compliant)
    damage(tmp_path / NAME, 0, 0)
    found = list(read_rows(root, file, 0, None, lambda leaf: leaf == "images[].path"))
    assert found == [(0, {"images": [{"path": "p"}]}), (1, {"images": []}), (2, {"images": None})]
    whole = [value for _, value in rows(root, file)]
    assert [isinstance(value, RowError) for value in whole] == [True, True, True]


def test_a_damaged_row_group_costs_its_rows_only(tmp_path: Path) -> None:
    root, file = put(tmp_path, {"n": list(range(9))}, row_group_size=3)
    damage(tmp_path / NAME, 1, 0)
    bad = "row_malformed"
    found = rows(root, file)
    assert reasons(found) == [
        (0, 0), (1, 1), (2, 2), (3, bad), (4, bad), (5, bad), (6, 6), (7, 7), (8, 8),
    ]  # fmt: skip
    assert "row group 1 cannot be read" in found[3][1].detail
    assert reasons(rows(root, file, 4, 7)) == [(4, bad), (5, bad), (6, 6)]
    pieces = list(read_batches(root, file, 4, 5, every))
    assert [(type(p), p.start, p.stop) for p in pieces] == [(Damage, 4, 5)]


def test_damage_within_a_row_group_starts_at_the_same_row_for_any_range(tmp_path: Path) -> None:
    """Two pages, the second damaged: the batch that reaches it fails, and all after it."""
    values = pa.array([os.urandom(4000) for _ in range(40)], pa.binary())
    root, file = put(
        tmp_path,
        {"n": list(range(40)), "b": values},
        data_page_size=80_000,
        write_batch_size=10,
        use_dictionary=False,
        compression="none",
    )
    column = pq.read_metadata(tmp_path / NAME).row_group(0).column(1)
    data = bytearray((tmp_path / NAME).read_bytes())
    end = column.data_page_offset + column.total_compressed_size
    middle = end - column.total_compressed_size // 2
    data[middle:end] = b"\xff" * (end - middle)
    (tmp_path / NAME).write_bytes(bytes(data))
    pieces = list(read_batches(root, file, 0, None, every, batch_bytes=10 * 4100))
    assert isinstance(pieces[0], Batch) and isinstance(pieces[-1], Damage)
    border = pieces[-1].start
    assert 0 < border < 40 and pieces[-1].stop == 40
    for start in (1, border - 1, border + 1):
        (*_, last) = read_batches(root, file, start, None, every, batch_bytes=10 * 4100)
        assert isinstance(last, Damage) and last.start == max(start, border)


def test_text_that_is_not_utf8_costs_its_row(tmp_path: Path) -> None:
    offsets = pa.array([0, 1, 3, 4], pa.int32()).buffers()[1]
    text = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"a\xff\xfeb")])
    root, file = put(tmp_path, {"n": [0, 1, 2], "text": text})
    found = rows(root, file)
    assert reasons(found) == [(0, 0), (1, "row_malformed"), (2, 2)]
    assert "utf-8" in found[1][1].detail


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" * 9, b"<html>not found</html>"])
def test_a_file_without_a_footer_is_a_source_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    root, file = Root(str(tmp_path), "org/set"), FileRef(NAME, len(data))
    with pytest.raises(SourceError, match=r"a\.parquet .* is not a whole Parquet file"):
        parquet_shards(root, [file], ("n",))


def test_a_truncated_file_is_a_source_error(tmp_path: Path) -> None:
    root, file = put(tmp_path, {"n": list(range(1000))})
    data = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match="fetch it again"):
        rows(root, file)


def test_a_missing_file_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        rows(Root(str(tmp_path), "org/set"), FileRef("gone.parquet", 1))


def test_schema_drift_names_what_is_there_and_what_was_looked_for(tmp_path: Path) -> None:
    root, file = put(tmp_path, {"n": [1], "texts": [["a"]]})
    with pytest.raises(SchemaDriftError) as caught:
        parquet_shards(root, [file], ("texts[].user", "texts[].assistant"), ("text",))
    message = str(caught.value)
    assert "a.parquet has the columns n, texts[]; " in message
    assert "looked for texts[].user with texts[].assistant, or text: " in message
    assert parquet_shards(root, [file], ("absent",), ("n", "texts[]")) == [(file, 0, 1)]


class _FailingFile(io.BytesIO):
    """A remote file whose connection goes away once the footer is read."""

    def __init__(self, data: bytes, error: BaseException) -> None:
        super().__init__(data)
        self.error = error
        self.broken = False

    def read(self, size: int | None = -1) -> bytes:
        if self.broken:
            raise self.error
        return super().read(size)


@pytest.mark.parametrize(
    "error",
    [
        OSError(5, "Input/output error"),
        ConnectionResetError("reset"),
        TimeoutError(),
        MemoryError(),
    ],
)
def test_an_error_of_the_store_is_no_rejection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Rows must not disappear from a build because a disk or the network failed once."""
    root, file = put(tmp_path, {"n": list(range(9))}, row_group_size=3)
    handle = _FailingFile((tmp_path / NAME).read_bytes(), error)

    def open_failing(self: Root, path: str) -> IO[bytes]:
        return handle

    monkeypatch.setattr(Root, "open", open_failing)
    pieces = read_batches(root, file, 0, None, every)
    next(pieces)
    handle.broken = True
    with pytest.raises(type(error)):
        list(pieces)


def test_remote_files_are_read_by_the_same_code(tmp_path: Path) -> None:
    root, file = put(tmp_path, {"n": [1, 2]})
    fsspec.filesystem("memory").pipe("/set/a.parquet", (tmp_path / NAME).read_bytes())
    remote = Root("memory://set", "org/set")
    assert rows(remote, file) == rows(root, file) == [(0, {"n": 1}), (1, {"n": 2})]
    assert parquet_shards(remote, remote.glob("*.parquet"), ("n",))[0][1:] == (0, 2)
