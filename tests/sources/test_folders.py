"""Media in plain folders: how they are grouped, named and handed on."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from sources.base import MediaItem, MediaShard
from sources.readers import folders
from sources.readers.folders import folder_ref, folder_shards, read_folder
from sources.root import Root


def _fill(folder: Path, *paths: str) -> Root:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())
    return Root(str(folder), "org/repo")


def _paths(shards: list[MediaShard]) -> list[list[str]]:
    return [[file.path for file in shard.files] for shard in shards]


def _read(root: Root, shard: MediaShard, spool: Path, prefix: str = "") -> list[MediaItem]:
    spool.mkdir(exist_ok=True)
    return list(read_folder(root, shard, prefix, spool))


def test_shards_end_where_they_are_full_or_the_top_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = _fill(tmp_path, "a/1.mp4", "a/2.MP4", "a/b/3.mkv", "c/4.mp4", "5.mp4", "6.webm")
    monkeypatch.setattr(folders, "_SHARD_BYTES", 10)
    shards = folder_shards("s", "x", root, ("video",))
    assert _paths(shards) == [
        ["5.mp4", "6.webm"],
        ["a/1.mp4", "a/2.MP4"],
        ["a/b/3.mkv"],
        ["c/4.mp4"],
    ]
    assert [(shard.start, shard.stop) for shard in shards] == [(0, 2), (0, 2), (0, 1), (0, 1)]


def test_other_kinds_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    root = _fill(tmp_path, "a/1.mp4", "a/2.jpg", "a/._1.mp4", "a/notes.txt", "b/3.jpg")
    assert _paths(folder_shards("s", "x", root, ("image",))) == [["a/2.jpg"], ["b/3.jpg"]]
    assert _paths(folder_shards("s", "x", root, ("image", "video"), "a")) == [
        ["a/1.mp4", "a/2.jpg"]
    ]


def test_a_local_clip_is_linked_and_an_image_read(tmp_path: Path) -> None:
    root = _fill(tmp_path / "media", "a/1.mp4", "a/2.jpg")
    (shard,) = folder_shards("s", "x", root, ("image", "video"))
    clip, image = _read(root, shard, tmp_path / "spool", "clips")
    assert (clip.key, clip.kind, image.key, image.kind) == (
        "clips/a/1.mp4",
        "video",
        "clips/a/2.jpg",
        "image",
    )
    assert image.data == b"a/2.jpg"
    assert clip.file is not None and clip.file.read_bytes() == b"a/1.mp4"
    clip.file.unlink()  # as a media task does with what it has used
    assert (tmp_path / "media/a/1.mp4").read_bytes() == b"a/1.mp4"


def test_a_remote_clip_is_fetched(tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/folders/a/1.mp4", b"clip")
    root = Root("memory://folders", "org/repo")
    (shard,) = folder_shards("s", "x", root, ("video",))
    (item,) = _read(root, shard, tmp_path / "spool")
    assert (item.key, item.data) == ("a/1.mp4", b"clip")


def test_a_file_that_is_gone_costs_itself(tmp_path: Path) -> None:
    root = _fill(tmp_path / "media", "1.mp4", "2.mp4", "3.mp4")
    (shard,) = folder_shards("s", "x", root, ("video",))
    (tmp_path / "media/1.mp4").unlink()
    (tmp_path / "media/2.mp4").unlink()
    os.mkfifo(tmp_path / "media/2.mp4")
    first, second, third = _read(root, shard, tmp_path / "spool")
    assert (first.key, first.reason) == ("1.mp4", "file_unreadable")
    assert (second.key, second.reason) == ("2.mp4", "file_unreadable")
    assert str(tmp_path) not in first.detail and first.detail
    assert third.reason is None


def test_the_stop_counts_files(tmp_path: Path) -> None:
    root = _fill(tmp_path / "media", "1.mp4", "2.mp4", "3.mp4")
    (shard,) = folder_shards("s", "x", root, ("video",))
    head = MediaShard(shard.source, shard.subset, shard.files, 0, 2)
    assert [item.key for item in _read(root, head, tmp_path / "spool")] == ["1.mp4", "2.mp4"]


def test_a_folder_as_one_file_is_named_by_what_its_files_hold(tmp_path: Path) -> None:
    first = _fill(tmp_path / "first", "a.json", "b.json")
    second = _fill(tmp_path / "second", "a.json", "b.json")
    files = first.glob("*.json")
    ref = folder_ref(first, "all", files)
    assert (ref.path, ref.size) == ("all", 12)
    assert folder_ref(second, "all", files) == ref
    (tmp_path / "second/b.json").write_bytes(b"B.json")
    assert folder_ref(second, "all", files) != ref
    assert folder_ref(first, "all", files[:1]) != ref
