"""Samples of WebDataset tars: how members are grouped, ranges, and what cannot be read."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sources.base import MediaRef, MediaShard
from sources.readers.webdataset import read_sample_media, read_samples, split_name
from sources.root import FileRef, Root
from tests.sources.packing import Entry, picture, special, tar, tar_gz, zip_file

MEMBERS: list[Entry] = [
    ("a/0.jpg", picture(1)),
    ("a/0.json", b"{}"),
    ("a/0.info.json", b"not of the two"),
    ("a/0.cls", b"3"),
    ("a/1.TXT", b"first"),
    ("a/1.txt", b"second"),
    ("a/1.0.png", picture(2)),
    ("a/1.mp4", b"clip"),
    ("b/1.txt", b"the same name elsewhere"),
    ("b/._1.txt", b"shadow"),
]


def write(folder: Path, data: bytes, name: str = "x.tar") -> tuple[Root, FileRef]:
    (folder / name).write_bytes(data)
    return Root(str(folder), "x"), FileRef(name, len(data))


@pytest.mark.parametrize("pack", [tar, tar_gz, zip_file])
def test_members_are_grouped_by_key(
    tmp_path: Path, pack: Callable[[Sequence[Entry]], bytes]
) -> None:
    root, file = write(tmp_path, pack(MEMBERS))
    first, second, third = read_samples(root, file)
    assert first == (0, "a/0", {"json": b"{}"}, [MediaRef("image", "x.tar/a/0.jpg")], None, "")
    assert second.texts == {"txt": b"first"}
    assert second.media == [
        MediaRef("image", "x.tar/a/1.0.png"),
        MediaRef("video", "x.tar/a/1.mp4"),
    ]
    assert (third.row, third.key, third.media) == (2, "b/1", [])


def test_media_have_the_keys_that_samples_refer_to(tmp_path: Path) -> None:
    root, file = write(tmp_path, tar(MEMBERS))
    shard = MediaShard("local", "x", (file,))
    items = list(read_sample_media(root, shard, tmp_path))
    refs = [ref for sample in read_samples(root, file) for ref in sample.media]
    assert [MediaRef(item.kind, item.key) for item in items] == refs
    assert items[0].data == picture(1)


def test_ranges_are_parts_of_the_whole(tmp_path: Path) -> None:
    root, file = write(tmp_path, tar(MEMBERS))
    whole = list(read_samples(root, file))
    for cut in range(4):
        head, tail = read_samples(root, file, 0, cut), read_samples(root, file, cut)
        assert [*head, *tail] == whole
    shard = MediaShard("local", "x", (file,), stop=1)
    assert len(list(read_sample_media(root, shard, tmp_path))) == 1


def test_members_apart_are_samples_of_their_own(tmp_path: Path) -> None:
    parts = [("0.jpg", picture(1)), ("1.jpg", picture(2)), ("0.json", b"{}"), ("1.json", b"{}")]
    root, file = write(tmp_path, tar(parts))
    assert [sample.key for sample in read_samples(root, file)] == ["0", "1", "0", "1"]


def test_a_cut_tar_ends_in_one_damaged_sample(tmp_path: Path) -> None:
    whole = tar([("0.txt", b"0"), ("1.jpg", b"x" * 2000), ("1.txt", b"1")])
    root, file = write(tmp_path, whole[: 2 * 512 + 512 + 900])
    first, second, rest = read_samples(root, file)
    assert (first.texts, first.reason) == ({"txt": b"0"}, None)
    assert (second.key, second.texts) == ("1", {})
    assert (rest.row, rest.key, rest.reason) == (2, "", "archive_damaged")
    items = list(read_sample_media(root, MediaShard("local", "x", (file,)), tmp_path))
    assert [item.reason for item in items] == ["archive_damaged"]


def test_a_text_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    link = special("0.json", tarfile.SYMTYPE, "/etc/passwd")
    root, file = write(tmp_path, tar([("0.jpg", picture(1)), link]))
    (sample,) = read_samples(root, file)
    assert (sample.texts, sample.reason) == ({}, "member_unsafe")


def test_an_empty_tar_has_no_samples(tmp_path: Path) -> None:
    root, file = write(tmp_path, tar([]))
    assert list(read_samples(root, file)) == []


def test_the_extension_begins_at_the_first_dot() -> None:
    assert split_name("a.b/c.d.JSON") == ("a.b/c", "d.json")
    assert split_name("plain") == ("plain", "")
