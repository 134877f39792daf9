"""Limits on shards, roots, and what names a version of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

import sources
from manifests.errors import SourceError, UsageError
from pipelines.upstream import check_mirror, file_identity, find_upstream, make_root, media_key
from sources.base import MediaShard
from sources.root import FileRef, Root

FIXTURES = Path(__file__).parents[1] / "sources" / "fixtures"
CAULDRON = str(FIXTURES / "the_cauldron" / "mirror")


def test_a_limit_cuts_every_subset_to_its_first_rows() -> None:
    source = sources.get("the_cauldron")
    whole = find_upstream(source, None, CAULDRON, None)
    cut = find_upstream(source, None, CAULDRON, 1)
    assert {shard.subset for _, shard in cut.rows} == {shard.subset for _, shard in whole.rows}
    assert {(shard.start, shard.stop) for _, shard in cut.rows} == {(0, 1)}
    assert {(shard.start, shard.stop) for _, shard in cut.media} == {(0, 1)}


def test_only_the_wanted_subsets_are_listed() -> None:
    upstream = find_upstream(sources.get("the_cauldron"), {"ai2d"}, CAULDRON, None)
    assert {shard.subset for _, shard in upstream.rows} == {"ai2d"}
    assert {shard.subset for _, shard in upstream.media} == {"ai2d"}


def test_a_source_that_is_not_in_the_mirror_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="source the_cauldron has no annotation files"):
        find_upstream(sources.get("the_cauldron"), None, str(tmp_path), None)


def test_a_mirror_that_is_not_there_names_samples(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mixture samples"):
        check_mirror(str(tmp_path / "nothing"))


def test_roots() -> None:
    card = sources.get("mathwriting").card
    assert make_root(card, card.repo, "/mirror").uri == "/mirror/mathwriting"
    assert make_root(card, card.repo, None).files == ("mathwriting-2024.tgz",)
    card = sources.get("the_cauldron").card
    assert make_root(card, card.repo, "/mirror").uri == f"/mirror/{card.repo}"


def test_an_unreachable_hub_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="cannot be reached .*mixture samples DIR"):
        find_upstream(sources.get("the_cauldron"), None, None, None)


def test_a_changed_file_has_another_identity(tmp_path: Path) -> None:
    root = Root(str(tmp_path), "org/repo")
    (tmp_path / "a.tar").write_bytes(b"one")
    ref = FileRef("a.tar", 3)
    before = file_identity(root, ref)
    (tmp_path / "a.tar").write_bytes(b"two")
    assert file_identity(root, ref) != before
    (tmp_path / "a.tar").write_bytes(b"one")
    assert file_identity(root, ref) == before


def test_an_etag_is_the_identity_where_there_is_one() -> None:
    root = Root("memory://nowhere", "org/repo")
    assert file_identity(root, FileRef("a.tar", 3, "abc")) == "a.tar:3:abc"


def test_the_key_holds_range_version_and_makers(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"one")
    root = Root(str(tmp_path), "org/repo")
    file = FileRef("a.tar", 3)
    shard = MediaShard("s", "x", (file,))
    keys = {
        media_key(root, shard, "1", "m"),
        media_key(root, shard, "2", "m"),
        media_key(root, shard, "1", "n"),
        media_key(root, MediaShard("s", "x", (file,), stop=5), "1", "m"),
        media_key(Root(str(tmp_path), "org/other"), shard, "1", "m"),
    }
    assert len(keys) == 5
