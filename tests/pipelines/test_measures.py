"""Measures: one column file a filter, made once, and made later where one is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import filters
from manifests.build import load_manifest
from pipelines.build import build
from pipelines.measures import measure_folder, missing, write_measures
from pipelines.options import BuildOptions
from tests.conftest import Built
from tests.pipelines.hand_made import Chat, image, write_chats, write_media
from tests.pipelines.trees import tree_digests

ROLES, LENGTH, BOUNDS = (filters.get(n) for n in ("roles", "turn_length", "image_bounds"))


def _times(folder: Path) -> dict[str, int]:
    """Times of change of the facts in a store; that of done.json says when it was last used."""
    found = [p for kind in ("media", "rows") for p in sorted((folder / kind).rglob("*"))]
    files = [p for p in found if p.is_file() and p.name != "done.json"]
    return {str(path): path.stat().st_mtime_ns for path in files}


def test_one_file_a_filter_with_a_row_a_sample(tmp_path: Path) -> None:
    folder = write_chats(tmp_path / "r", Chat(0), Chat(1, answer=""), Chat(2))
    assert missing(folder, [ROLES, LENGTH]) == [ROLES, LENGTH]
    measure_folder(folder, ["roles"])
    assert missing(folder, [ROLES, LENGTH]) == [LENGTH]
    table = pq.read_table(f"{folder}/measures/roles-{ROLES.version}.parquet")
    assert table["num_messages"].to_pylist() == [2, 1, 2]
    assert table["ends_with_assistant"].to_pylist() == [True, False, True]


def test_media_are_measured_from_their_index(tmp_path: Path) -> None:
    folder = write_media(tmp_path / "m", image("a", (30, 60)), image("b", (100, 50)))
    measure_folder(folder, ["image_bounds"])
    table = pq.read_table(f"{folder}/measures/image_bounds-{BOUNDS.version}.parquet")
    assert table["shortest_side_px"].to_pylist() == [30, 50]


def test_a_folder_of_nothing_still_has_the_columns(tmp_path: Path) -> None:
    measure_folder(write_chats(tmp_path / "r"), ["roles", "turn_length"])
    measure_folder(write_media(tmp_path / "m"), ["image_bounds"])
    for path in ("r/measures/roles-1", "r/measures/turn_length-2", "m/measures/image_bounds-1"):
        table = pq.read_table(tmp_path / f"{path}.parquet")
        assert table.num_rows == 0 and table.num_columns > 1


def test_all_filters_see_every_batch_once(tmp_path: Path) -> None:
    passes = 0

    def batches() -> object:
        nonlocal passes
        passes += 1
        for row in (Chat(0), Chat(1)):
            yield pa.RecordBatch.from_pylist([row.as_row()])

    write_measures(str(tmp_path), [ROLES, LENGTH], batches())  # type: ignore[arg-type]
    assert passes == 1
    for name in ("roles-1", "turn_length-2"):
        assert pq.read_table(tmp_path / "measures" / f"{name}.parquet").num_rows == 2
    write_measures(str(tmp_path / "none"), [], batches())  # type: ignore[arg-type]
    assert passes == 2 and not (tmp_path / "none").exists()


def test_a_recipe_without_filters_stores_the_same_rows(
    built: Built, samples: Path, tmp_path: Path
) -> None:
    """What lies in the store serves later recipes that do have filters."""
    recipe = tmp_path / "texts.yaml"
    recipe.write_text(
        "{name: texts, description: all texts, unit: samples, components: "
        "[{name: text, share: 1, modality: text, sources: [magpie]}]}"
    )
    options = BuildOptions(
        recipe=str(recipe),
        mirror=str(samples),
        store=str(tmp_path / "store"),
        out=str(tmp_path / "out"),
        engine="inline",
    )
    build(options, Console(quiet=True))
    for name in ("samples.arrow", "turns.parquet", "rejected.parquet", "done.json"):
        mine = sorted((tmp_path / "store" / "rows" / "magpie").rglob(name))
        theirs = sorted((built.store / "rows" / "magpie").rglob(name))
        assert mine and [f.read_bytes() for f in mine] == [f.read_bytes() for f in theirs]


def test_a_missing_measure_is_made_from_the_store_and_nothing_else(
    small_built: Built, tmp_path: Path
) -> None:
    """The build is the same, byte for byte."""
    store = Path(shutil.copytree(small_built.store, tmp_path / "store"))
    lost = sorted(store.rglob("roles-*.parquet"))[1]
    content = lost.read_bytes()
    lost.unlink()
    before = _times(store)
    small_built.again(store, tmp_path / "out")
    after = _times(store)
    assert {path for path in after if after[path] != before.get(path)} == {str(lost)}
    assert lost.read_bytes() == content
    assert tree_digests(tmp_path / "out") == tree_digests(small_built.out)


def test_a_new_version_of_a_filter_is_measured_without_curating(
    small_built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Path(shutil.copytree(small_built.store, tmp_path / "store"))
    before = _times(store)
    monkeypatch.setattr(type(BOUNDS), "version", BOUNDS.version + 1)
    small_built.again(store, tmp_path / "out")
    after = _times(store)
    new = {Path(path) for path in after if after[path] != before.get(path)}
    folders = {path.parent for path in store.rglob("media.parquet")}
    assert new == {
        folder / "measures" / f"image_bounds-{BOUNDS.version}.parquet" for folder in folders
    }
    (used,) = [f for f in load_manifest(str(tmp_path / "out")).filters if f.name == "image_bounds"]
    assert used.version == BOUNDS.version
    assert tree_digests(tmp_path / "out" / "data") == tree_digests(small_built.out / "data")
