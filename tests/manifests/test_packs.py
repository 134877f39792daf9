"""Packs: plain tar for everyone else, byte ranges for us, errors where bytes are missing."""

from __future__ import annotations

import os
import resource
import tarfile
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import packs, storage
from manifests.packs import PackReader, PackSlice, PackWriter, pack_name

Members = list[tuple[str, bytes]]


def _groups() -> list[Members]:
    """Sizes around the 512-byte blocks of tar, a name outside ASCII, an empty member."""
    sizes = [0, 1, 511, 512, 513, 1024, 70_000]
    groups = [[(f"m{size}.jpg", bytes([size % 251]) * size)] for size in sizes]
    groups.append([(f"clip/{n}-\u00e9.jpg", os.urandom(300)) for n in range(4)])
    groups.append([(f"{'long/' * 30}{'n' * 90}.png", b"deep")])
    return groups


def _write(folder: str, groups: list[Members], limit: int = packs.PACK_BYTES) -> list[PackSlice]:
    with PackWriter(folder, limit) as writer:
        return [here for group in groups for here in writer.add(group)]


def _datas(groups: list[Members]) -> list[bytes]:
    return [data for group in groups for _, data in group]


def test_tarfile_reads_what_was_written(tmp_path: Path) -> None:
    groups = _groups()
    _write(str(tmp_path), groups)
    assert os.listdir(tmp_path) == ["pack-000.tar"]
    with tarfile.open(tmp_path / "pack-000.tar") as tar:
        found = [(info.name, _content(tar, info)) for info in tar]
        assert all((info.mode, info.mtime, info.uid) == (0o644, 0, 0) for info in tar)
    assert found == [member for group in groups for member in group]


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    handle = tar.extractfile(info)
    assert handle is not None
    return handle.read()


def test_equal_members_equal_bytes(tmp_path: Path) -> None:
    groups = _groups()
    for name in ("one", "two"):
        _write(str(tmp_path / name), groups, limit=4096)
    for number in range(len(os.listdir(tmp_path / "one"))):
        one, two = (tmp_path / name / pack_name(number) for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


@given(
    sizes=st.lists(st.lists(st.integers(0, 2000), min_size=1, max_size=3), max_size=8),
    limit=st.integers(1, 8192),
)
def test_groups_never_span_packs(sizes: list[list[int]], limit: int) -> None:
    folder = f"memory://{uuid.uuid4().hex}"
    groups = [[(f"m{n}", bytes(size)) for n, size in enumerate(group)] for group in sizes]
    with PackWriter(folder, limit) as writer:
        where = [writer.add(group) for group in groups]
    for slices in where:
        assert len({here.pack for here in slices}) == 1
    numbers = [slices[0].pack for slices in where]
    assert numbers == sorted(numbers)
    assert storage.list_files(folder) == [pack_name(number) for number in sorted(set(numbers))]
    for name in storage.list_files(folder):
        members = [slices for slices in where if pack_name(slices[0].pack) == name]
        size = len(storage.read_bytes(storage.join(folder, name)))
        # The limit may be passed by one group alone, and by the two blocks that end a tar.
        assert len(members) == 1 or size <= limit + 1024
    storage.remove_tree(folder)


@pytest.mark.parametrize("limit", [packs.PACK_BYTES, 2048])
def test_reader_gives_what_the_writer_took(folder: str, limit: int) -> None:
    groups = _groups()
    slices = _write(folder, groups, limit)
    with PackReader(folder) as reader:
        assert reader.read(slices) == _datas(groups)
        assert reader.read(slices[::-1]) == _datas(groups)[::-1]
        assert reader.read([slices[3], slices[3]]) == [_datas(groups)[3]] * 2
        assert reader.read([slices[0]]) == [b""]
        assert reader.read([]) == []


def test_reader_fills_places_in_any_order(folder: str) -> None:
    slices = _write(folder, [[("a", b"aaaa")], [("b", b"bb")]])
    buffer = bytearray(b".........")
    with PackReader(folder) as reader:
        reader.read_into(slices, memoryview(buffer), [5, 1])
    assert bytes(buffer) == b".bb..aaaa"


def test_neighbours_are_one_request_and_far_ones_two(
    remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gap = packs._GAP_BYTES
    groups = [[(f"m{n}", bytes([n]) * size)] for n, size in enumerate([10, 10, gap + 1, 10, 10])]
    slices = _write(remote, groups)
    asked: list[tuple[int, int]] = []
    store = type(storage.filesystem(remote)[0])
    plain = store.cat_file

    def cat_file(self: object, path: str, start: int, end: int) -> bytes:
        asked.append((start, end))
        data: bytes = plain(self, path, start, end)
        return data

    monkeypatch.setattr(store, "cat_file", cat_file)
    with PackReader(remote) as reader:
        near = [slices[0], slices[1], slices[3], slices[4]]
        assert reader.read(near) == [b"\0" * 10, b"\1" * 10, b"\3" * 10, b"\4" * 10]
    assert asked == [
        (slices[0].offset, slices[1].offset + 10),
        (slices[3].offset, slices[4].offset + 10),
    ]


def test_empty_members_are_no_request(remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server answers an empty range with an error."""
    slices = _write(remote, [[("a", b"")], [("b", b"b")]])

    def cat_file(self: object, path: str, start: int, end: int) -> bytes:
        assert start < end
        return b"b"

    monkeypatch.setattr(type(storage.filesystem(remote)[0]), "cat_file", cat_file)
    with PackReader(remote) as reader:
        assert reader.read(slices) == [b"", b"b"]
        assert reader.read(slices[:1]) == [b""]


def test_short_pack_is_an_error(folder: str) -> None:
    slices = _write(folder, [[("a", b"a" * 600)], [("b", b"b" * 600)]])
    path = storage.join(folder, pack_name(0))
    storage.write_bytes(path, storage.read_bytes(path)[: slices[1].offset + 100])
    with PackReader(folder) as reader:
        assert reader.read(slices[:1]) == [b"a" * 600]
        with pytest.raises(EOFError, match=rf"pack-000\.tar ends before byte {2148 + 1}"):
            reader.read(slices)


def test_offset_behind_the_end_is_an_error(folder: str) -> None:
    _write(folder, [[("a", b"a")]])
    with PackReader(folder) as reader, pytest.raises(EOFError, match=r"pack-000\.tar ends before"):
        reader.read([PackSlice(0, 1 << 20, 5)])


def test_missing_pack_is_an_error(folder: str) -> None:
    _write(folder, [[("a", b"a")]])
    with PackReader(folder) as reader, pytest.raises(OSError, match=r"pack-007\.tar"):
        reader.read([PackSlice(7, 512, 1)])


def test_exception_keeps_whole_packs_only(folder: str) -> None:
    with pytest.raises(RuntimeError, match="stop"), PackWriter(folder, pack_bytes=2048) as writer:
        writer.add([("a", b"a" * 1000)])
        writer.add([("b", b"b" * 1000)])
        raise RuntimeError("stop")
    assert storage.list_files(folder) == ["pack-000.tar"]
    if storage.is_local(folder):
        assert os.listdir(folder) == ["pack-000.tar"]


@pytest.mark.parametrize("blocks", range(1, 18))
def test_full_disk_at_the_end_leaves_nothing(tmp_path: Path, blocks: int) -> None:
    """Whatever of the pack is still in a buffer when the writer closes it (blocks of 512 bytes)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(OSError, match="File too large"), PackWriter(str(tmp_path)) as writer:
        writer.add([("a", bytes(512 * blocks))])
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
        try:
            writer.__exit__(None, None, None)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_writer_of_nothing_makes_no_pack(folder: str) -> None:
    assert _write(folder, []) == []
    assert storage.list_files(folder) == []
