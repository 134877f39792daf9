"""An export's folder: stopped and continued, complete, another's; and what is read of a build."""

from __future__ import annotations

import json
import shutil
import tracemalloc
import uuid
from pathlib import Path

import fsspec
import pytest
from rich.console import Console

from manifests.errors import IntegrityError, SmolmixError, UsageError
from pipelines.cli import mixture
from pipelines.export.formats import FORMATS
from pipelines.export.run import export
from tests.pipelines.export.made import Row, mixed, said, sample, write_build
from tests.pipelines.trees import tree_digests

SHARDS = {"train-00000-of-00002": mixed()[:4], "train-00001-of-00002": mixed()[4:]}
LAST = "data/train-00001-of-00002.parquet"


def run(build: str, name: str, out: Path | str, overwrite: bool = False) -> None:
    export(build, name, str(out), overwrite, Console(quiet=True))


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_stopped_goes_on(name: str, tmp_path: Path) -> None:
    """The shard that was whole stays as it is; the end is that of an export in one go."""
    build, out = write_build(tmp_path / "build", SHARDS), tmp_path / "out"
    whole = (tmp_path / "build" / LAST).read_bytes()
    (tmp_path / "build" / LAST).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IntegrityError, match="is damaged"):
        run(build, name, out)
    assert not (out / "export.json").exists()
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    cut = out / "images/train-00001-of-00002/000000011-0.webp"
    if cut.parent.exists():
        cut.write_bytes(b"cut")
    (tmp_path / "build" / LAST).write_bytes(whole)
    run(build, name, out)
    kept = [path for path in times if path.exists() and "train-00000" in str(path)]
    assert all(path.stat().st_mtime_ns == times[path] for path in kept)
    assert kept or name in ("llava", "sharegpt")
    run(build, name, tmp_path / "again")
    assert tree_digests(out) == tree_digests(tmp_path / "again")


def test_the_first_shard_is_not_written_again(tmp_path: Path) -> None:
    build, out = write_build(tmp_path / "build", SHARDS), tmp_path / "out"
    shutil.move(tmp_path / "build" / LAST, tmp_path / "away")
    with pytest.raises(IntegrityError, match=r"train-00001-of-00002.parquet of .* is missing"):
        run(build, "llava", out)
    image = next((out / "images/train-00000-of-00002").iterdir())
    written = image.stat().st_mtime_ns
    shutil.move(tmp_path / "away", tmp_path / "build" / LAST)
    run(build, "llava", out)
    assert image.stat().st_mtime_ns == written


def test_what_is_complete_is_not_done_again(tmp_path: Path) -> None:
    build, out = write_build(tmp_path / "build", SHARDS), tmp_path / "out"
    run(build, "webdataset", out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    run(build, "webdataset", out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_another_export_is_replaced_only_when_asked(tmp_path: Path) -> None:
    build, out = write_build(tmp_path / "build", SHARDS), tmp_path / "out"
    run(build, "llava", out)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"another export \(llava of recipe made, build .*--overw"):
        run(build, "text", out)
    run(build, "text", out, overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == ["data", "export.json", "notes.txt"]
    other = write_build(tmp_path / "other", {"train-00000-of-00001": mixed()[3:4]})
    with pytest.raises(UsageError, match="holds another export"):
        run(other, "text", out)


def test_a_folder_of_other_things_is_never_written_into(tmp_path: Path) -> None:
    build, out = write_build(tmp_path / "build", SHARDS), tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    for place in (out, tmp_path / "build", out / "thesis.tex"):
        for overwrite in (False, True):
            with pytest.raises(UsageError, match="is not empty and not an export"):
                run(build, "llava", place, overwrite)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("name", FORMATS)
def test_addresses_go_as_well_as_folders(name: str, tmp_path: Path) -> None:
    build = write_build(tmp_path / "build", SHARDS)
    memory, place = fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}"
    memory.put(build, f"{place}/build", recursive=True)
    run(f"memory://{place}/build", name, f"memory://{place}/out")
    memory.get(f"{place}/out", str(tmp_path / "fetched"), recursive=True)
    run(build, name, tmp_path / "local")
    assert tree_digests(tmp_path / "fetched") == tree_digests(tmp_path / "local")


def _broken(row: Row) -> Row:
    return {**row, "images": [{"bytes": b"no picture", "path": None}]}


BAD: list[tuple[str, dict[str, list[Row]], str]] = [
    ("unnamed", {"rows": mixed()[:1]}, "data/rows.parquet of .* is not named SPLIT-"),
    ("broken", {"train-00000-of-00001": [_broken(mixed()[0])]}, "does not open .image_undecodable"),
]


@pytest.mark.parametrize(("name", "shards", "what"), BAD, ids=[case[0] for case in BAD])
def test_what_is_wrong_with_a_build_is_told(
    name: str, shards: dict[str, list[Row]], what: str, tmp_path: Path
) -> None:
    build = write_build(tmp_path / "build", shards)
    with pytest.raises(SmolmixError, match=what):
        run(build, "llava", tmp_path / "out")


@pytest.mark.parametrize("name", ["webdataset", "nanovlm", "sharegpt"])
def test_memory_is_that_of_a_row_group(name: str, tmp_path: Path) -> None:
    """Of a build of 64 MB: what is read at once, or a row group of 32 MB that is written."""
    rows = [_large(number) for number in range(1600)]
    build = write_build(tmp_path / "build", {"train-00000-of-00001": rows}, group_rows=50)
    del rows
    tracemalloc.start()
    run(build, name, tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < {"nanovlm": 40_000_000}.get(name, 15_000_000)


def _large(number: int) -> Row:
    """An image of 40 kB, most of it behind the picture."""
    row = sample(number, said("user", None, "What?"), said("assistant", "A cat."))
    row["images"][0]["bytes"] += bytes([number % 256]) * 40_000
    return row


def test_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build, out = write_build(tmp_path / "build", SHARDS), tmp_path / "out"
    for _ in range(2):
        assert mixture(["export", build, "--format", "llava", "--out", str(out)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"{out} train: 6 of 12 rows, 5 images"
        assert "  changed: system_in_question 2 rows" in lines
        assert "  left out: video_clip 1 row" in lines
        assert lines[-1] == f"all counts: {out}/export.json"
    record = json.loads((out / "export.json").read_text())
    assert record["asked"]["format"] == "llava" and record["asked"]["recipe"] == "made"
