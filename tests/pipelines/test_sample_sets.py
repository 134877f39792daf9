"""`mixture samples` of every source: each is read whole, and loses only what was planted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

import sources
from mixtures.recipe_file import load_recipe
from pipelines.build import build
from pipelines.options import BuildOptions
from pipelines.samples.kit import writers
from tests.pipelines.mirrors import settled
from tests.pipelines.trees import tree_digests

# Every source's samples take a minute to be written, and two to be built.
pytestmark = pytest.mark.slow

# Issues whose rules exist: what is planted for later ones is still kept.
_SOLVED = {2, 3, 5, 6}
# What no built-in recipe asks for: they take text in any language.
_ASKED_FOR = "foreign_language"


@pytest.fixture(scope="module")
def names(all_samples: Path) -> list[str]:
    written: list[str] = json.loads((all_samples / "truth.json").read_text())["sources"]
    return written


@pytest.fixture(scope="module")
def ledger(
    all_samples: Path, names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> pl.DataFrame:
    """Every row of every source, in a build that has all sources at equal shares."""
    folder = tmp_path_factory.mktemp("everything")
    video = load_recipe("video")
    parts = [{"name": n, "share": f"1/{len(names)}", "sources": [n]} for n in names]
    recipe = {
        "name": "everything",
        "description": "all sources",
        "unit": "samples",
        "max_sample_tokens": "none",
        "filters": {name: dict(params) for name, params in video.filters.items()},
        "policies": video.model_dump(mode="json")["policies"],
        "decontaminate": {},
        "components": parts,
    }
    (folder / "everything.yaml").write_text(json.dumps(recipe))
    options = BuildOptions(
        recipe=str(folder / "everything.yaml"),
        mirror=str(all_samples),
        store=str(folder / "store"),
        out=str(folder / "out"),
        engine="inline",
    )
    build(options, Console(quiet=True))
    return pl.read_parquet(folder / "out/ledger/*.parquet")


def test_every_source_is_written(names: list[str]) -> None:
    assert set(names) == set(sources.discover())


def test_the_mirror_is_small(all_samples: Path) -> None:
    sizes = [path.stat().st_size for path in all_samples.rglob("*") if path.is_file()]
    assert sum(sizes) < 150e6


def test_every_source_keeps_rows(ledger: pl.DataFrame, names: list[str]) -> None:
    good = ledger.filter(pl.col("fate").is_in(["kept", "not_drawn"]))
    counts = Counter(good["source"].to_list())
    assert {name: counts[name] for name in names if counts[name] < 8} == {}


def test_what_was_planted_is_lost_and_nothing_else(all_samples: Path, ledger: pl.DataFrame) -> None:
    truth = json.loads((all_samples / "truth.json").read_text())
    fields = ("source", "subset", "file", "row", "group")
    planted = {
        tuple(entry[field] for field in fields): (entry["fate"], entry["rule"])
        for entry in settled(truth["planted"], ledger)
        if entry["issue"] in _SOLVED and entry["defect"] != _ASKED_FOR
        # Documents of the samples are made of few sentences: many are nearly the same.
        if entry["rule"] != "near_duplicate"
    }
    lost = ledger.filter(~pl.col("fate").is_in(["kept", "not_drawn"]))
    found = {row[:5]: row[5:] for row in lost.select(*fields, "fate", "rule").iter_rows()}
    assert found == planted


def test_a_set_is_the_same_beside_others(all_samples: Path, samples: Path) -> None:
    """What a stage's mirror holds of a source does not depend on which others it has."""
    for name in writers().keys() & load_recipe("video").sources().keys():
        for repo in writers()[name].repos:
            assert tree_digests(samples / repo) == tree_digests(all_samples / repo)
