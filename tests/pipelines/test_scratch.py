"""Scratch folders: gone when their resolve is, and swept when their process was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pipelines.scratch import (
    column,
    frame,
    read_batch,
    read_slice,
    scratch_folder,
    sweep_scratch,
    write_frame,
)


def scratches(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.glob(".scratch-*"))


def test_a_folder_lives_as_long_as_its_block(tmp_path: Path) -> None:
    with scratch_folder(str(tmp_path), shared=False) as folder:
        write_frame(f"{folder}/a.arrow", pl.DataFrame({"n": [1]}))
        assert scratches(tmp_path) == [Path(folder).name]
        with scratch_folder(str(tmp_path), shared=True) as other:
            assert other != folder and len(scratches(tmp_path)) == 2
        assert scratches(tmp_path) == [Path(folder).name]
    assert scratches(tmp_path) == []


def test_a_folder_goes_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch_folder(str(tmp_path), shared=False) as folder:
        write_frame(f"{folder}/a.arrow", pl.DataFrame({"n": [1]}))
        raise KeyboardInterrupt
    assert scratches(tmp_path) == []


def test_folders_of_dead_processes_are_swept_and_no_others(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
    dead = int(done.stdout)
    names = [f".scratch-{dead}-0a", f".scratch-{os.getpid()}-0b", ".scratch-mine-0c", "rows"]
    for name in names:
        (tmp_path / name / "deep").mkdir(parents=True)
    sweep_scratch(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])
    (tmp_path / names[0]).mkdir()
    with scratch_folder(str(tmp_path), shared=False):
        assert names[0] not in scratches(tmp_path)


def test_slices_by_key(tmp_path: Path) -> None:
    """Keys of both halves of the 64-bit numbers, the last one included."""
    last = (1 << 64) - 1
    keys = pl.Series("key", [0, 5, 5, 1 << 63, last], dtype=pl.UInt64)
    path = str(tmp_path / "a.arrow")
    write_frame(path, pl.DataFrame({"key": keys, "n": range(5)}))

    def found(start: int, stop: int) -> list[int]:
        return frame([read_slice(path, "key", start, stop)])["n"].to_list()

    assert found(0, 1 << 64) == [0, 1, 2, 3, 4]
    assert (found(0, 5), found(5, 6), found(6, last), found(last, last + 1)) == (
        [0], [1, 2], [3], [4]
    )  # fmt: skip
    assert read_slice(path, "key", 0, 6, ["n"]).schema.names == ["n"]
    assert column(read_batch(path, ["n"]), "n").tolist() == list(range(5))


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    path = str(tmp_path / "a.arrow")
    write_frame(path, pl.DataFrame({"key": []}, schema={"key": pl.UInt64}))
    assert read_slice(path, "key", 0, 1 << 64).num_rows == 0
    assert read_batch(path).schema.names == ["key"]
