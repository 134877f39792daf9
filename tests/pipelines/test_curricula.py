"""A curriculum: its stages from one store, each a build of its own; the same command continues."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manifests.build import load_manifest
from pipelines.cli import build_mixture, mixture
from tests.conftest import Built
from tests.pipelines.trees import tree_digests

Printed = pytest.CaptureFixture[str]

CURRICULUM = """
name: two-steps
description: texts, then pages
stages:
  - {name: read, recipe: ./texts.yaml}
  - {name: look, recipe: ./pages.yaml}
"""
RECIPE = """
name: {name}
description: one source
unit: samples
filters: {{roles: {{}}}}
components:
  - {{name: all, share: 1, modality: {modality}, sources: [{source}]}}
"""


@pytest.fixture
def curriculum(tmp_path: Path) -> str:
    folder = tmp_path / "mine"
    folder.mkdir()
    texts = RECIPE.format(name="texts", modality="text", source="magpie")
    (folder / "texts.yaml").write_text(texts)
    pages = RECIPE.format(name="pages", modality="image", source="the_cauldron/docvqa")
    (folder / "pages.yaml").write_text(pages)
    (folder / "curriculum.yaml").write_text(CURRICULUM)
    return str(folder / "curriculum.yaml")


def arguments(curriculum: str, built: Built, out: Path, *more: str) -> list[str]:
    folders = ["--mirror", str(built.mirror), "--store", str(built.store), "--out", str(out)]
    return ["--curriculum", curriculum, "--engine", "inline", *folders, *more]


def test_stages_are_built_in_order_and_once(
    curriculum: str, built: Built, tmp_path: Path, capsys: Printed
) -> None:
    out = tmp_path / "out"
    command = arguments(curriculum, built, out, "--num-samples", "8")
    assert build_mixture(command) == 0
    text = capsys.readouterr().out
    assert text.index("stage 1 of 2: read") < text.index("stage 2 of 2: look")
    assert text.count("shards are in the store, nothing to pull") == 2
    assert sorted(path.name for path in out.iterdir()) == ["1-read", "2-look"]
    manifests = [load_manifest(str(out / name)) for name in ("1-read", "2-look")]
    assert [(m.recipe, m.num_rows) for m in manifests] == [("texts", 8), ("pages", 8)]
    tokens = sum(manifest.num_tokens for manifest in manifests)
    assert text.endswith(
        f"curriculum two-steps: 2 stages, 16 rows, {tokens:,} tokens, in {out}: 1-read, 2-look\n"
    )
    before = tree_digests(out)
    assert build_mixture(command) == 0
    assert capsys.readouterr().out.count("this build is complete already; nothing to do") == 2
    assert tree_digests(out) == before


def test_no_stage_is_built_where_a_recipe_is_wrong(
    curriculum: str, built: Built, tmp_path: Path, capsys: Printed
) -> None:
    pages = Path(curriculum).parent / "pages.yaml"
    pages.write_text(pages.read_text().replace("unit: samples", "unit: rows"))
    assert build_mixture(arguments(curriculum, built, tmp_path / "out")) == 2
    assert f"{pages}, line 4: unit" in capsys.readouterr().err
    pages.unlink()
    assert build_mixture(arguments(curriculum, built, tmp_path / "out")) == 2
    assert "curriculum.yaml, line 6: look: there is no recipe './pages.yaml'" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()


def test_a_plan_of_every_stage(
    curriculum: str, built: Built, tmp_path: Path, capsys: Printed
) -> None:
    command = ["plan", *arguments(curriculum, built, tmp_path / "out", "--num-samples", "8")]
    assert mixture(command) == 0
    text = capsys.readouterr().out
    assert text.index("plan of texts, by the facts") < text.index("plan of pages, by the facts")
    assert mixture([*command, "--json"]) == 0
    views = json.loads(capsys.readouterr().out)
    assert [(view["recipe"], view["total"]["rows"]) for view in views] == [
        ("texts", 8),
        ("pages", 8),
    ]
    assert not (tmp_path / "out").exists()
