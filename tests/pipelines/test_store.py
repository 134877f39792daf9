"""Where facts lie, when they count as complete, and what dead processes leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import filters
from manifests.errors import UsageError
from pipelines.store import (
    check_writable,
    is_done,
    make_spool,
    mark_done,
    measure_path,
    media_folder,
    row_folder,
    sweep_spools,
)
from sources.base import ALL_SUBSETS


@pytest.mark.parametrize(
    ("subset", "name"),
    [
        ("ai2d", "ai2d"),
        (ALL_SUBSETS, "all"),
        ("Magpie-Pro (filtered), v0.1", "Magpie-Pro_filtered_v0.1"),
        ("../../etc", ".._.._etc"),
        ("a/b", "a_b"),
        ("häufig", "h_ufig"),
    ],
)
def test_a_subset_is_one_folder_below_its_source(subset: str, name: str) -> None:
    assert row_folder("/store", "src", subset, "k1") == f"/store/rows/src/{name}/k1"


def test_paths() -> None:
    assert media_folder("memory://store", "src", "k1") == "memory://store/media/src/k1"
    roles = filters.get("roles")
    assert measure_path("/f", roles) == f"/f/measures/roles-{roles.version}.parquet"


def test_done_is_the_only_sign_of_completeness(tmp_path: Path) -> None:
    folder = str(tmp_path / "folder")
    assert not is_done(folder)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "media.parquet").touch()
    assert not is_done(folder)
    mark_done(folder, {"media": 3})
    assert is_done(folder)
    assert (tmp_path / "folder" / "done.json").read_text() == '{\n  "media": 3\n}\n'


def test_spools_of_the_dead_are_swept_and_those_of_the_living_stay(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    mine = make_spool(store)
    (mine / "clip").write_text("mine")
    code = "import sys; from pipelines.store import make_spool; print(make_spool(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, store], capture_output=True, text=True, check=True
    )
    dead = Path(done.stdout.strip())
    assert dead.is_dir() and dead != mine
    sweep_spools(store)
    assert not dead.exists() and (mine / "clip").exists()
    assert list(make_spool(store).iterdir()) == []  # a spool begins empty
    sweep_spools(str(tmp_path / "none"))
    sweep_spools("memory://store")


def test_a_folder_that_can_be_made_is_writable(tmp_path: Path) -> None:
    check_writable(str(tmp_path / "a" / "b"), "--out")
    check_writable("memory://anywhere", "--out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    for below in ("f", "f/a/b"):
        with pytest.raises(UsageError, match="--store .*/f is a file; name a folder"):
            check_writable(str(tmp_path / below), "--store")


def test_a_folder_without_the_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match="--out .* cannot be written to; name another folder"):
        check_writable(str(tmp_path / "a"), "--out")
