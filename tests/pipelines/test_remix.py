"""A second mixture of the same store: nothing is curated, and the bytes are those of a first."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.build import build
from pipelines.options import BuildOptions
from tests.conftest import Built
from tests.pipelines.trees import tree_digests

RECIPE = """
name: remix
description: texts and documents
unit: samples
style: smolvlm2
merge: same_media
filters: {{roles: {{}}, image_bounds: {{}}}}
components:
  - {{name: text, share: {text}, modality: text, sources: [magpie]}}
  - {{name: documents, share: {image}, modality: image, sources: [the_cauldron/docvqa]}}
"""


def _mix(mirror: Path, folder: Path, store: Path, text: str, image: str) -> str:
    """Builds FOLDER/out; returns what was printed."""
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(RECIPE.format(text=text, image=image))
    console = Console(file=StringIO(), width=500)
    options = BuildOptions(
        recipe=str(folder / "recipe.yaml"),
        mirror=str(mirror),
        store=str(store),
        out=str(folder / "out"),
        engine="inline",
    )
    build(options, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def _facts(store: Path) -> dict[str, int]:
    """When each file of the store was written; done.json also says when it was last used."""
    files = [path for path in store.rglob("*") if path.is_file() and path.name != "done.json"]
    return {str(path): path.stat().st_mtime_ns for path in files}


def test_another_ratio_curates_nothing_and_says_so(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    first = _mix(built.mirror, tmp_path / "first", store, "1/2", "1/2")
    assert "curate done" in first and "nothing to pull" not in first
    before = _facts(store)

    with monkeypatch.context() as patch:
        tasks = ("curate_rows.run_row_task", "curate_media.run_media_task", "curate.measure_folder")
        for name in tasks:
            patch.setattr(f"pipelines.{name}", None)  # calling it would fail
        again = _mix(built.mirror, tmp_path / "second", store, "1/5", "4/5")
    assert "shards are in the store, nothing to pull" in again
    assert "curate done" not in again and "measure done" not in again
    assert _facts(store) == before

    _mix(built.mirror, tmp_path / "fresh", tmp_path / "other store", "1/5", "4/5")
    second = tree_digests(tmp_path / "second" / "out")
    assert second == tree_digests(tmp_path / "fresh" / "out")
    assert second != tree_digests(tmp_path / "first" / "out")
