"""Codes of media: wanted by a recipe, made by its build, read back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

import filters
from mixtures.recipe import Recipe
from pipelines.build import build
from pipelines.measures import CODES, find
from pipelines.media_measures import MEASURES, wanted_measures
from pipelines.near.clip_codes import FRAME_EDGE
from pipelines.near.clip_columns import ClipColumns
from pipelines.options import BuildOptions

MIRROR = Path(__file__).parents[1] / "sources" / "fixtures" / "video_star" / "mirror"
RECIPE = """
name: stars
description: clips that are alike
unit: samples
filters: {roles: {}, placeholders: {}}
components: [{name: video, share: 100%, modality: video, sources: [video_star]}]
"""
CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"near_duplicates": {}}, []),
    ({"near_duplicates": {"text": {}}}, []),
    ({"near_duplicates": {"image": {}}}, ["image_codes"]),
    ({"near_duplicates": {"video": {}}}, ["clip_codes"]),
    ({"near_duplicates": {"image": {}, "video": {}}}, ["image_codes", "clip_codes"]),
    ({"decontaminate": {}}, ["image_codes", "clip_codes"]),
]


@pytest.mark.parametrize(("said", "names"), CASES, ids=str)
def test_a_recipe_has_what_it_asks_for_measured(said: dict[str, Any], names: list[str]) -> None:
    about = {"name": "r", "description": "d", "unit": "samples"}
    leaf = {"name": "all", "share": "1", "sources": ["video_star"]}
    recipe = Recipe.model_validate({**about, "components": [leaf], **said})
    assert [measure.name for measure in wanted_measures(recipe)] == names


def test_they_are_found_by_name_and_are_no_filters() -> None:
    assert tuple(MEASURES) == CODES
    assert [find(name) for name in CODES] == list(MEASURES.values())
    assert not set(CODES) & set(filters.names())


def _build(folder: Path, store: Path, out: str, more: str = "") -> dict[str, bytes]:
    """Column files of codes that a build leaves in the store, by path."""
    recipe = folder / f"{out}.yaml"
    recipe.write_text(RECIPE + more)
    options = BuildOptions(
        recipe=str(recipe),
        mirror=str(MIRROR),
        store=str(store),
        out=str(folder / out),
        engine="inline",
    )
    build(options, Console(quiet=True))
    files = store.rglob("*_codes-*.parquet")
    return {str(file.relative_to(store)): file.read_bytes() for file in files}


def test_builds_leave_the_same_early_and_late(tmp_path: Path) -> None:
    """While upstream is read, and for a store that has the media already."""
    store = tmp_path / "store"
    assert _build(tmp_path, store, "plain") == {}
    late = _build(tmp_path, store, "late", "near_duplicates: {video: {}}")
    early = _build(tmp_path, tmp_path / "new", "early", "near_duplicates: {video: {}}")
    assert late == early and late
    assert sum(_checked(store / path) for path in late) > 3


def _checked(path: Path) -> int:
    """How many clips a column file has codes of, which are the media table's."""
    table = pq.read_table(path)
    clips = ClipColumns.of_table(table.filter(table["is_measured"]))
    media = pq.read_table(path.parent.parent / "media.parquet").to_pylist()
    rows = [row for row in media if row["reason"] is None]
    assert len(media) == table.num_rows and len(clips) == len(rows)
    for number, row in enumerate(rows):
        clip = clips.clip(number)
        assert clip.times_ms.tolist() == row["timestamps_ms"]
        assert clip.duration_ms == row["duration_ms"]
        assert clip.means.shape == (len(clip.times_ms), FRAME_EDGE**2)
    assert clips.sizes.tolist() == [[row["width"], row["height"]] for row in rows]
    return len(clips)
