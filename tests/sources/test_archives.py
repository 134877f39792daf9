"""Archives: streamed tars, zips whole and split, frames in folders, and each way to be damaged."""

from __future__ import annotations

import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.base import MediaShard
from sources.readers import archives, frames, members, tars, zips
from sources.readers.members import Member, Want
from sources.readers.zip_directory import Parts
from sources.root import FileRef, Root
from tests.sources.packing import gz, picture, special, tar, tar_gz, zip_file, zip_parts

ENTRIES = [("a/1.jpg", b"one"), ("readme.txt", b"no"), ("a/2.PNG", b"two" * 900), ("b.mp4", b"")]
MEDIA = [("a/1.jpg", b"one"), ("a/2.PNG", b"two" * 900), ("b.mp4", b"")]


def read(folder: Path, *parts: bytes, suffix: str = "") -> list[Member]:
    """Writes the parts of an archive and reads the media in it."""
    names = [f"x.z{i:02d}" for i in range(1, len(parts))] + [f"x{suffix or '.zip'}"]
    for name, data in zip(names, parts, strict=True):
        (folder / name).write_bytes(data)
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    refs = tuple(FileRef(name, len(data)) for name, data in zip(names, parts, strict=True))
    root = Root(str(folder), "x")
    return list(archives.read_archive(root, refs, members.want_media, spool))


def held(found: Sequence[Member]) -> list[tuple[str, bytes]]:
    return [(member.name, member.data) for member in found if member.data is not None]


def lost(found: Sequence[Member]) -> list[tuple[str, str]]:
    return [(member.name, member.reason) for member in found if member.reason is not None]


@pytest.mark.parametrize("data", [tar(ENTRIES), tar_gz(ENTRIES), tar_gz(ENTRIES, level=6)])
def test_tars_give_media_in_order(tmp_path: Path, data: bytes) -> None:
    assert held(read(tmp_path, data, suffix=".tar.gz")) == MEDIA


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("part_bytes", [None, 100, 1000, 2500])
def test_zips_whole_and_split_give_media_in_order(
    tmp_path: Path, part_bytes: int | None, compress: bool, zip64: bool
) -> None:
    noise = random.Random(5)
    entries = [(f"d/{i}.jpg", noise.randbytes(noise.randint(0, 700))) for i in range(12)]
    parts = zip_parts(entries, part_bytes, zip64, compress)
    assert (len(parts) > 1) == (part_bytes is not None)
    assert held(read(tmp_path, *parts)) == entries


def test_members_of_a_zip_come_by_name_where_asked(tmp_path: Path) -> None:
    entries = [("b/2.jpg", b"two"), ("a/9.jpg", b"nine"), ("a/10.jpg", b"ten")]
    file = tmp_path / "x.zip"
    file.write_bytes(zip_file(entries))
    root, refs = Root(str(tmp_path), "x"), (FileRef("x.zip", file.stat().st_size),)
    found = archives.read_archive(root, refs, members.want_media, tmp_path, by_name=True)
    assert held(list(found)) == sorted(entries)


def test_zips_of_the_standard_library(tmp_path: Path) -> None:
    out = io.BytesIO(b"a program before the archive")
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("\u00e9t\u00e9")
        archive.writestr("\u00e9t\u00e9/1.jpg", b"x" * 5000)
        archive.comment = b"PK\5\6 is no end here"
    assert held(read(tmp_path, out.getvalue())) == [("\u00e9t\u00e9/1.jpg", b"x" * 5000)]
    assert held(read(tmp_path, out.getvalue()[28:])) == [("\u00e9t\u00e9/1.jpg", b"x" * 5000)]


def test_empty_archives_hold_nothing(tmp_path: Path) -> None:
    folders = zip_file([(f"clips_{i}/", b"") for i in range(20)])
    assert read(tmp_path, folders) == []
    assert read(tmp_path, zip_file([])) == []
    assert read(tmp_path, tar_gz([]), suffix=".tar.gz") == []
    assert read(tmp_path, tar_gz([])) == []
    assert lost(read(tmp_path, b"")) == [("", "archive_damaged")]
    assert lost(read(tmp_path, b"<html>403</html>")) == [("", "archive_damaged")]
    assert lost(read(tmp_path, b"<html>403</html>", suffix=".tar.gz")) == [("", "archive_damaged")]


def test_unsafe_members_are_named_and_never_taken(tmp_path: Path) -> None:
    links = [
        special("soft.jpg", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard.jpg", tarfile.LNKTYPE, "a/1.jpg"),
        special("device.jpg", tarfile.CHRTYPE),
        special("pipe.mp4", tarfile.FIFOTYPE),
        special("folder.jpg", tarfile.DIRTYPE),
    ]
    paths = [("/abs.jpg", b"1"), ("a/../../up.jpg", b"2"), ("C:\\x\\drive.jpg", b"3")]
    fine = [
        ("./a//b.jpg", b"4"),
        ("a..b/..c.jpg", b"5"),
        ("x\\y.jpg", b"6"),
        ("._shadow.jpg", b"7"),
    ]
    found = read(tmp_path, tar([*links, *paths, *fine]), suffix=".tar")
    unsafe = ["soft.jpg", "hard.jpg", "device.jpg", "pipe.mp4"]
    unsafe_paths = ["/abs.jpg", "a/../../up.jpg", "C:/x/drive.jpg"]
    assert lost(found) == [(name, "member_unsafe") for name in unsafe + unsafe_paths]
    assert held(found) == [("a/b.jpg", b"4"), ("a..b/..c.jpg", b"5"), ("x/y.jpg", b"6")]
    zipped = zip_parts([*paths, ("l.jpg", b"/etc/passwd"), *fine], modes={"l.jpg": 0o120777})[0]
    found = read(tmp_path, zipped)
    assert lost(found) == [(name, "member_unsafe") for name in [*unsafe_paths, "l.jpg"]]
    assert [data for _, data in held(found)] == [b"4", b"5", b"6"]
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize("archive", [tar(ENTRIES), tar_gz(ENTRIES), tar_gz(ENTRIES, level=6)])
def test_a_cut_tar_keeps_what_was_before(tmp_path: Path, archive: bytes) -> None:
    end = len(archive) if archive.startswith(tars.GZIP_MAGIC) else tar(ENTRIES).index(b"b.mp4") + 99
    seen = set()
    for size in range(0, end, 37):
        found = read(tmp_path, archive[:size], suffix=".tar.gz")
        assert MEDIA[: len(held(found))] == held(found)
        seen.add(len(held(found)))
        if size % 512 or archive.startswith(tars.GZIP_MAGIC):
            assert [reason for _, reason in lost(found)] == ["archive_damaged"]
            assert found[-1].reason is not None
    assert {0, 1} <= seen


def test_a_cut_zip_is_read_by_its_members(tmp_path: Path) -> None:
    archive = zip_file(ENTRIES)
    directory = archive.index(b"PK\1\2")
    for size in range(4, len(archive), 23):
        found = read(tmp_path, archive[:size])
        assert MEDIA[: len(held(found))] == held(found)
        assert lost(found)[-1] == ("", "archive_damaged")
        if size >= directory:
            assert held(found) == MEDIA


def test_a_missing_part_is_damage(tmp_path: Path) -> None:
    parts = zip_parts(ENTRIES, 1200, zip64=True)
    assert len(parts) == 3
    for wrong in ([parts[0], parts[2]], [parts[2]], [*parts, b"PK"], parts[:2]):
        found = read(tmp_path, *wrong)
        assert lost(found)[-1] == ("", "archive_damaged")


@given(st.integers(0, 2**32), st.booleans())
def test_flipped_bits_never_raise_and_never_pass(seed: int, is_zip: bool) -> None:
    noise = random.Random(seed)
    entries = [(f"{i}.jpg", noise.randbytes(noise.randint(0, 900))) for i in range(4)]
    data = bytearray(zip_parts(entries, compress=True)[0] if is_zip else tar_gz(entries, level=6))
    for _ in range(noise.randint(1, 4)):
        data[noise.randrange(len(data))] ^= 1 << noise.randrange(8)
    handle = io.BytesIO(bytes(data))
    if is_zip:
        found = list(zips.read_zip(Parts([handle], [len(data)]), members.want_media, Path()))
        # A flipped bit of a name may make it another member's: no checksum covers names.
        contents = {content for _, content in entries}
        assert all(content in contents for _, content in held(found))
    else:
        found = list(tars.read_tar(handle, members.want_media, Path()))
        is_same = held(found) == entries or lost(found)
        assert is_same or bytes(data[:10]) != tar_gz(entries, level=6)[:10]


def test_a_wrong_checksum_of_a_gzip_stream_is_told(tmp_path: Path) -> None:
    data = bytearray(tar_gz(ENTRIES, level=6))
    data[-8] ^= 1
    found = read(tmp_path, bytes(data), suffix=".tar.gz")
    assert held(found) == MEDIA
    assert lost(found) == [("", "archive_damaged")]


def test_gzip_streams_may_follow_each_other(tmp_path: Path) -> None:
    raw = tar(ENTRIES)
    data = gz(raw[:700]) + gz(raw[700:3000]) + gz(raw[3000:]) + b"\0" * 600
    assert held(read(tmp_path, data, suffix=".tar.gz")) == MEDIA


def test_sizes_are_capped_by_what_comes_out(tmp_path: Path) -> None:
    want = Want(max_bytes=1000, memory_bytes=100)
    sizes = (99, 100, 101, 1000, 1001, 90_000)
    entries = [(f"{size}.jpg", b"\0" * size) for size in sizes]
    zipped = bytearray(zip_parts(entries, compress=True)[0])
    bomb = zipped.rindex(struct.pack("<L", 90_000))
    zipped[bomb : bomb + 4] = struct.pack("<L", 9)  # the directory lies about the last one
    found = list(
        zips.read_zip(Parts([io.BytesIO(bytes(zipped))], [len(zipped)]), lambda _: want, tmp_path)
    )
    found += tars.read_tar(io.BytesIO(tar(entries)), lambda _: want, tmp_path)
    for part in (found[:6], found[6:]):
        assert [len(member.data or b"") for member in part] == [99, 100, 0, 0, 0, 0]
        assert [m.file.stat().st_size for m in part if m.file] == [101, 1000]
        assert [member.reason for member in part[4:]] == ["media_too_large"] * 2
    assert len(list(tmp_path.iterdir())) == 4


def test_a_spooled_member_that_breaks_leaves_no_file(tmp_path: Path) -> None:
    want = Want(max_bytes=10**9, memory_bytes=10)
    data = tar([("a.mp4", b"x" * 5_000_000)])[:3_000_000]
    (member,) = tars.read_tar(io.BytesIO(data), lambda _: want, tmp_path)
    assert (member.name, member.reason) == ("a.mp4", "archive_damaged")
    assert list(tmp_path.iterdir()) == []


def test_members_of_zips_that_lie_are_damaged_alone(tmp_path: Path) -> None:
    entries = [(f"{i}.jpg", bytes([i]) * 50) for i in range(5)]
    data = bytearray(zip_parts(entries)[0])
    places = [data.index(f"{i}.jpg".encode(), data.index(b"PK\1\2")) - 46 for i in range(5)]
    data[places[1] + 8] |= 1  # encrypted
    data[places[2] + 10] = 93  # zstandard
    data[places[3] + 42 : places[3] + 46] = data[places[0] + 42 : places[0] + 46]  # overlaps 0
    found = read(tmp_path, bytes(data))
    assert held(found) == [entries[0], entries[4]]
    assert sorted(lost(found)) == [(f"{i}.jpg", "archive_damaged") for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("kind", "size"),
    [(tarfile.GNUTYPE_LONGNAME, 3 * 2**30), (tarfile.REGTYPE, -1), (tarfile.REGTYPE, 2**62)],
)
def test_headers_that_lie_about_sizes_cost_no_time_and_no_memory(
    tmp_path: Path, kind: bytes, size: int
) -> None:
    info = tarfile.TarInfo("x.txt")
    info.type, info.size = kind, size
    data = tar(ENTRIES)[:1024] + info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096
    found = read(tmp_path, data, suffix=".tar")
    assert held(found) == MEDIA[:1]
    assert lost(found) == [("", "archive_damaged")]


def test_parts_are_grouped_and_ordered() -> None:
    names = ["b.zip", "a.z10", "a.z02", "a.zip", "a.z100", "a.z01", "c.tar.gz", "a.zst", "z.json"]
    groups = archives.group_parts([FileRef(name, 1) for name in names])
    assert [[file.path for file in group] for group in groups] == [
        ["a.z01", "a.z02", "a.z10", "a.z100", "a.zip"],
        ["b.zip"],
        ["c.tar.gz"],
    ]


def clips(folder: Path, stop: int | None = None) -> list[tuple[str, list[str] | str | None]]:
    root = Root(str(folder), frames.REPO)
    (folder / "spool").mkdir()
    found = []
    for shard in frames.frame_shards("x", "y", root):
        shard = MediaShard(shard.source, shard.subset, shard.files, 0, stop)
        for item in frames.read_frame_clips(root, shard, "hound", folder / "spool"):
            assert item.fps == (2.0 if item.frames else None)
            names = [name for name, _ in item.frames] if item.frames else item.reason
            found.append((item.key, names))
    assert list((folder / "spool").iterdir()) == []
    return found


def chunk(folder: Path, entries: Sequence[tuple[str, bytes]], cut: int | None = None) -> None:
    (folder / "train_300k").mkdir(parents=True)
    (folder / "train_300k" / "chunk_0.tar.gz").write_bytes(tar_gz(entries)[:cut])


def test_frames_are_grouped_wherever_they_lie_and_sorted(tmp_path: Path) -> None:
    names = ["x/b/c01_0002.jpeg", "x/a/1.jpg", "x/b/c01_0010.jpeg", "x/b/c01_0001.jpeg", "0.jpg"]
    chunk(tmp_path, [(name, picture(i)) for i, name in enumerate(names)])
    expected = [
        ("hound/b", [f"c01_00{i}.jpeg" for i in ("01", "02", "10")]),
        ("hound/a", ["1.jpg"]),
    ]
    assert clips(tmp_path / ".") == expected


def test_a_limit_takes_whole_clips(tmp_path: Path) -> None:
    names = ["b/2.jpg", "a/1.jpg", "b/1.jpg", "c/1.jpg"]
    chunk(tmp_path, [(name, picture(1)) for name in names])
    assert clips(tmp_path, stop=1) == [("hound/b", ["1.jpg", "2.jpg"])]


def test_a_clip_that_lost_frames_is_damaged(tmp_path: Path) -> None:
    data = [("a/1.jpg", b"1" * 600), ("b/1.jpg", b"2" * 600), ("b/2.jpg", b"3" * 600)]
    chunk(tmp_path, data, cut=4000)
    assert clips(tmp_path) == [("hound/a", ["1.jpg"]), ("hound/b", "archive_damaged")]


def test_a_cut_between_members_spoils_the_last_clip(tmp_path: Path) -> None:
    chunk(tmp_path, [("a/1.jpg", b"1" * 512), ("b/1.jpg", b"2" * 512)], cut=10 + 5 + 2048)
    assert clips(tmp_path) == [
        ("hound/a", ["1.jpg"]),
        ("hound/b", "archive_damaged"),
        ("train_300k/chunk_0.tar.gz", "archive_damaged"),
    ]


def test_a_clip_too_large_for_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_MAX_CLIP_BYTES", 1500)
    chunk(
        tmp_path,
        [(f"{clip}/{i}.jpg", b"1" * 600) for clip in "ab" for i in range(2 + (clip > "a"))],
    )
    assert clips(tmp_path) == [("hound/a", ["0.jpg", "1.jpg"]), ("hound/b", "media_too_large")]


def test_unpacked_folders_are_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_CLIPS_A_SHARD", 2)
    for clip in ("v_1", "deep/v_2", "v_3"):
        for name in ("2.jpeg", "1.jpeg", "notes.txt"):
            path = tmp_path / "train_300k" / clip / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(1))
    assert clips(tmp_path) == [
        (f"hound/{name}", ["1.jpeg", "2.jpeg"]) for name in ("v_2", "v_1", "v_3")
    ]


def test_zlib_is_the_one_that_cuts_steps() -> None:
    """A gzip bomb of one member never holds more than a step in memory."""
    packed = gz(b"\0" * 30_000_000, level=9)
    stream = tars._Gunzip(io.BytesIO(packed))
    assert len(stream.read(10)) == 10
    assert len(stream._ready) <= 256 * 1024
    assert zlib.crc32(stream.read(40_000_000)) == zlib.crc32(b"\0" * 29_999_990)
