"""`--media NAME=DIR`: clips of the user's own folder reach the build; mistakes are one sentence."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

import sources
from manifests.errors import UsageError
from manifests.storage import read_json
from pipelines.build import build
from pipelines.local_media import check_names, local_roots, parse_media
from pipelines.options import BuildOptions
from pipelines.upstream import file_identity, find_upstream
from sources.base import LOCAL_MEDIA
from sources.root import FileRef, Root

FIXTURE = Path(__file__).parents[1] / "sources" / "fixtures" / "video_star" / "mirror"
REPO = "orrzohar/Video-STaR"
RECIPE = """
name: stars
description: clips of a folder of mine
unit: samples
filters: {roles: {}, placeholders: {}}
components: [{name: video, share: 100%, modality: video, sources: [video_star]}]
"""


@pytest.fixture
def apart(tmp_path: Path) -> tuple[Path, Path]:
    """(mirror with annotations alone, folder with the clips alone)."""
    mirror, mine = tmp_path / "mirror", tmp_path / "mine"
    shutil.copytree(FIXTURE / REPO / "ft_json", mirror / REPO / "ft_json")
    shutil.copytree(FIXTURE / REPO, mine, ignore=shutil.ignore_patterns("ft_json"))
    return mirror, mine


def _build(tmp_path: Path, mirror: Path, out: str, *mine: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    options = BuildOptions(
        recipe=str(tmp_path / "recipe.yaml"),
        mirror=str(mirror),
        store=str(tmp_path / f"store-{out}"),
        out=str(tmp_path / out),
        engine="inline",
        media=tuple(("video_star", str(folder)) for folder in mine),
    )
    build(options, Console(quiet=True))
    return tmp_path / out


def _fates(out: Path) -> Counter[tuple[str, str | None]]:
    table = pl.read_parquet(out / "ledger" / "video_star.parquet")
    return Counter(zip(table["fate"], table["rule"], strict=True))


def _facts(store: Path) -> dict[Path, int]:
    """When each file of facts was written."""
    files = [*store.rglob("media.parquet"), *store.rglob("samples.arrow")]
    return {path: path.stat().st_mtime_ns for path in files}


def test_a_folder_gives_what_the_mirror_gives(tmp_path: Path, apart: tuple[Path, Path]) -> None:
    mirror, mine = apart
    whole = _build(tmp_path, FIXTURE, "whole")
    local = _build(tmp_path, mirror, "local", mine)
    assert _fates(local) == _fates(whole)
    assert _fates(local)["kept", "video"] == 5
    assert _fates(local)["unreadable", "media_missing"] == 1
    assert _fates(local)["duplicate_of", "exact_duplicate"] == 1
    assert read_json(str(local / "plan.json")) == read_json(str(whole / "plan.json"))


def test_neither_plan_nor_facts_know_where_the_folder_is(
    tmp_path: Path, apart: tuple[Path, Path]
) -> None:
    mirror, mine = apart
    first = _build(tmp_path, mirror, "first", mine)
    moved = tmp_path / "moved" / "elsewhere"
    moved.parent.mkdir()
    mine.rename(moved)
    shutil.copytree(tmp_path / "store-first", tmp_path / "store-second")
    facts = _facts(tmp_path / "store-second")
    second = _build(tmp_path, mirror, "second", moved)
    assert read_json(str(first / "plan.json")) == read_json(str(second / "plan.json"))
    for name in ("plan.json", "run.json"):
        assert str(moved) not in (second / name).read_text()
    assert _facts(tmp_path / "store-second") == facts


def test_a_changed_clip_has_another_identity(tmp_path: Path) -> None:
    root, file = Root(str(tmp_path), LOCAL_MEDIA), FileRef("a.mp4", 3)
    (tmp_path / "a.mp4").write_bytes(b"one")
    before = file_identity(root, file)
    (tmp_path / "a.mp4").write_bytes(b"two")
    os.utime(tmp_path / "a.mp4", ns=(1, 1))
    assert file_identity(root, file) != before


def test_a_limit_takes_files_until_it_has_enough(apart: tuple[Path, Path]) -> None:
    mirror, mine = apart
    source = sources.get("video_star")
    (root,) = local_roots(source, [("video_star", str(mine))])
    upstream = find_upstream(source, None, str(mirror), 1, [root])
    found = [(shard.subset, shard.stop) for _, shard in upstream.media]
    assert found == [("Kinetics700", 1), ("STAR-benchmark", 1), ("FineDiving", 1), ("*", 1)]


@pytest.mark.parametrize("text", ["video_star", "=folder", "video_star="])
def test_the_option_is_a_name_and_a_folder(text: str) -> None:
    with pytest.raises(UsageError, match="it takes NAME=DIR"):
        parse_media(text)


def test_names_must_be_drawn_on() -> None:
    known = ["magpie", "video_star"]
    check_names([("video_star", "x")], ["video_star"], known)
    with pytest.raises(UsageError, match="did you mean 'video_star'"):
        check_names([("video_sta", "x")], ["video_star"], known)
    with pytest.raises(UsageError, match="the recipe draws nothing from magpie"):
        check_names([("magpie", "x")], ["video_star"], known)


def test_folders_must_hold_media(tmp_path: Path) -> None:
    star, magpie = sources.get("video_star"), sources.get("magpie")
    with pytest.raises(UsageError, match="there is no folder .*name a folder with the clips"):
        local_roots(star, [("video_star", str(tmp_path / "nothing"))])
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match="holds no media that it reads"):
        local_roots(star, [("video_star", str(tmp_path))])
    with pytest.raises(UsageError, match="magpie has no use for media of yours"):
        local_roots(magpie, [("magpie", str(tmp_path))])
    assert local_roots(magpie, [("video_star", str(tmp_path))]) == []
