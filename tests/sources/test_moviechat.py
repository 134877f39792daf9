"""What the contract cannot say of MovieChat-1K: the folder is one file, named by all its files."""

from __future__ import annotations

import shutil
from pathlib import Path

from sources.base import Rejected
from sources.moviechat import SOURCE
from sources.root import Root
from tests.sources import reading


def _etag(folder: Path) -> str:
    (shard, *_) = SOURCE.rows(Root(str(folder), SOURCE.card.repo))
    return shard.file.etag


def test_the_folder_is_one_shard_a_subset() -> None:
    (root,) = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    shards = SOURCE.rows(root)
    assert [shard.subset for shard in shards] == [subset.name for subset in SOURCE.card.subsets]
    assert {shard.file.path for shard in shards} == {"jsons"}
    assert {shard.file.size for shard in shards} == {sum(f.size for f in root.glob("jsons/*"))}


def test_a_changed_movie_is_another_identity(tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(reading.mirror_of(SOURCE) / SOURCE.card.repo, tmp_path / name)
    changed = tmp_path / "b" / "jsons" / "TFS-1.json"
    changed.write_text(changed.read_text().replace("stop", "halt"))
    untouched = reading.mirror_of(SOURCE) / SOURCE.card.repo
    assert _etag(tmp_path / "a") == _etag(untouched) != _etag(tmp_path / "b")


def test_losses_name_their_file() -> None:
    (root,) = reading.roots(SOURCE, reading.mirror_of(SOURCE))
    rows = [row for shard in SOURCE.rows(root) for row in SOURCE.read_rows(root, shard)]
    details = [row.detail.split(":")[0] for row in rows if isinstance(row, Rejected)]
    assert sorted(details) == ["jsons/1.json", "jsons/2.json", "jsons/3.json", "jsons/4.json"]
