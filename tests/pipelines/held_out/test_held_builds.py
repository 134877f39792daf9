"""Builds with `--holdout`: what users and trainers see of the validation split."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pytest
from rich.console import Console

from manifests.errors import IntegrityError
from manifests.ledger import LEDGER_SCHEMA
from mixtures.holdout import parse_holdout
from pipelines import parts
from pipelines.build import build
from pipelines.cli import mixture
from pipelines.options import BuildOptions
from pipelines.verify import verify
from pipelines.why import read_ledger
from tests.conftest import Built
from tests.pipelines.tampering import edit_manifest, read, write
from tests.pipelines.trees import tree_digests

RECIPE = """
name: held
description: texts, pages, pairs of pictures and clips
unit: samples
style: smolvlm2
merge: same_media
near_duplicates: {{text: {{}}, image: {{}}}}
filters: {{roles: {{}}, image_bounds: {{}}}}
components:
  - {{name: text, share: {text}, modality: text, sources: [magpie]}}
  - {{name: pages, share: {pages}, modality: image, sources: [the_cauldron/docvqa]}}
  - {{name: pairs, share: 1/5, modality: multi_image, sources: [the_cauldron]}}
"""
ONE = {"text": "1/5", "pages": "3/5"}
OTHER = {"text": "3/5", "pages": "1/5"}
VALIDATION = "data/validation-00000-of-00001.parquet"


class Maker:
    """Builds into folders of its own, from one store."""

    def __init__(self, built: Built, folder: Path) -> None:
        self.built, self.folder = built, folder

    def __call__(self, name: str, shares: dict[str, str] = ONE, **asked: Any) -> Path:
        recipe = self.folder / f"{name}.yaml"
        recipe.write_text(RECIPE.format(**shares))
        asked = {"holdout": parse_holdout("15%")} | asked
        out = self.folder / name
        options = BuildOptions(
            recipe=str(recipe),
            mirror=str(self.built.mirror),
            store=str(self.built.store),
            out=str(out),
            engine="inline",
            **asked,
        )
        build(options, Console(file=StringIO()))
        return out


@pytest.fixture(scope="module")
def make(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(built, tmp_path_factory.mktemp("held"))


@pytest.fixture(scope="module")
def out(make: Maker) -> Path:
    return make("one")


def rows_of(out: Path, split: str) -> list[dict[str, Any]]:
    paths = sorted((out / "data").glob(f"{split}-*.parquet"))
    return [row for path in paths for row in read(out, str(path.relative_to(out)))]


def test_datasets_loads_both_splits(out: Path, tmp_path: Path) -> None:
    found = datasets.load_dataset(str(out), cache_dir=str(tmp_path))
    manifest = json.loads((out / "manifest.json").read_text())
    assert {name: len(rows) for name, rows in found.items()} == {
        "train": manifest["num_rows"],
        "validation": sum(manifest["validation"]["rows"].values()),
    }
    assert set(manifest["validation"]["rows"]) == {"text", "pages", "pairs"}
    assert found["train"].features == found["validation"].features


def test_no_picture_and_no_upstream_row_is_in_both(out: Path) -> None:
    """Near duplicates are looked for, and equal bytes are those of one picture."""
    seen = []
    for split in ("train", "validation"):
        rows = rows_of(out, split)
        pictures = {image["bytes"] for row in rows for image in row["images"]}
        origins = {(o["source"], o["file"], o["row"]) for r in rows for o in r["origins"]}
        seen.append((pictures, origins, {row["id"] for row in rows}))
        assert split == "train" or {row["repeat"] for row in rows} == {1}
    for train, held in zip(*seen, strict=True):
        assert held and train.isdisjoint(held)


def test_other_shares_sizes_and_seeds_hold_out_the_same(make: Maker, out: Path) -> None:
    data = (out / VALIDATION).read_bytes()
    for other in (make("other", OTHER), make("small", num_samples=20)):
        assert (other / VALIDATION).read_bytes() == data
    again = rows_of(make("seed", seed=7), "validation")
    assert sorted(r["id"] for r in again) == sorted(r["id"] for r in rows_of(out, "validation"))


def test_how_the_work_is_cut_does_not_matter_nor_where_it_was_stopped(
    make: Maker, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tree_digests(out)
    monkeypatch.setattr("pipelines.kept_parts.MAX_BYTES", 0)
    monkeypatch.setattr(parts, "PART_ROWS", 1)
    cut = make("cut", memory_bytes=20_000)
    assert {k: v for k, v in tree_digests(cut).items() if k.startswith(("data", "ledger"))} == {
        k: v for k, v in expected.items() if k.startswith(("data", "ledger"))
    }
    whole = tree_digests(cut)
    (cut / "manifest.json").unlink()
    (cut / VALIDATION).unlink()
    assert tree_digests(make("cut", memory_bytes=20_000)) == whole


def test_verify_holds_both_splits(out: Path) -> None:
    seen: list[str] = []
    manifest = verify(str(out), seen.append)
    assert VALIDATION in seen and manifest.validation is not None
    ledger = read_ledger(str(out)).filter(pl.col("fate") == "held_out")
    assert set(ledger["stage"]) == {"holdout"}
    held = ledger.filter(pl.col("rule") == "validation")
    assert dict(held["value"].value_counts().iter_rows()) == manifest.validation.rows


def less_held(out: Path) -> None:
    rows = read(out, VALIDATION)
    write(out, VALIDATION, [*rows[:-1], rows[0]])


def trained_on(out: Path) -> None:
    (path,) = sorted((out / "data").glob("train-*"))[:1]
    name = str(path.relative_to(out))
    rows, held = read(out, name), read(out, VALIDATION)[0]
    at = next(n for n, row in enumerate(rows) if row["component"] == held["component"])
    rows[at] = rows[at] | {"id": held["id"].replace("/", "/x", 1)}
    write(out, name, rows)


def other_share(out: Path) -> None:
    edit_manifest(out, lambda manifest: manifest["validation"].update(share="1/2"))


def other_tokens(out: Path) -> None:
    def edit(manifest: Any) -> None:
        manifest["validation"]["num_images"] += 1

    edit_manifest(out, edit)


def other_rule(out: Path) -> None:
    path = "ledger/magpie.parquet"
    rows = read(out, path)
    next(row for row in rows if row["fate"] == "held_out").update(rule="shares_media")
    write(out, path, rows, LEDGER_SCHEMA)


TAMPERED = [
    (less_held, "row .*: id .* occurs twice"),
    (trained_on, "data/: .* is in the validation split, and .* in the train split"),
    (other_share, "manifest.json: its validation is not that of plan.json"),
    (other_tokens, "manifest.json: its validation.num_images is "),
    (other_rule, "ledger/magpie.parquet: 1 ids are only here or only in the data files"),
]


@pytest.mark.parametrize(("change", "words"), TAMPERED, ids=lambda v: getattr(v, "__name__", ""))
def test_tampering_is_found(make: Maker, tmp_path: Path, change: Any, words: str) -> None:
    out = make(f"tampered-{change.__name__}")
    change(out)
    with pytest.raises(IntegrityError, match=words):
        verify(str(out), lambda path: None)


def test_views_know_the_split(out: Path, make: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    first = rows_of(out, "validation")[0]["id"]
    assert mixture(["show", str(out), "--split", "validation"]) == 0
    assert first in capsys.readouterr().out
    assert mixture(["why", str(out), first]) == 0
    printed = capsys.readouterr().out
    assert "held out at holdout by validation" in printed and VALIDATION in printed
    plain = make("plain", holdout=None)
    assert mixture(["show", str(plain), "--split", "validation"]) == 2
    assert "--holdout makes one" in capsys.readouterr().err
    assert mixture(["diff", str(plain), str(out)]) == 1
    assert "holdout: none -> 3/20" in capsys.readouterr().out
    assert "validation" not in (plain / "manifest.json").read_text()
    assert "validation" not in (plain / "plan.json").read_text()
