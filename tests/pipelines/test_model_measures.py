"""Model filters in a build: measured in processes that keep the model, the same on both engines."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

import filters
from manifests.build import load_manifest
from manifests.errors import RecipeError
from manifests.storage import read_parquet
from pipelines.build import build
from pipelines.engine import RayEngine
from pipelines.ledger_filters import build_filters
from pipelines.model_measures import measure_by_model
from pipelines.options import BuildOptions
from pipelines.rejudge import rejudge
from pipelines.samples.stock import photo
from pipelines.verify import verify
from tests.models import bind, lid_176, open_nsfw
from tests.pipelines.hand_made import Chat, write_chats
from tests.pipelines.on_ray import build_on
from tests.pipelines.trees import tree_digests

_TALKS = ("one", "two", "three", "four", "five")
_ANSWERS = [
    "The cat sat on the warm stones of the garden wall.",
    "Le chat est assis sur le mur du jardin depuis ce matin.",
    "It will rain this afternoon, so take an umbrella with you.",
    "Es wird heute Nachmittag regnen, nimm einen Schirm mit.",
]
_TEXTS = """
name: talks
description: chats that models like
unit: samples
filters:
  roles: {}
  fasttext_quality: {weights: ./lid.ftz, label: __label__en, min_score: %s}
  ./word_list.py: {weights: ./words.txt, max_listed_share: 0.1}
local: {%s}
components: [{name: all, share: 1, sources: [local]}]
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A recipe on five small sets of chats, its models beside it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(lid_176(), folder / "lid.ftz")
    shutil.copy(Path(__file__).parent / "word_list.py", folder)
    (folder / "words.txt").write_text("umbrella cat five")
    for name in _TALKS:
        rows = [
            [{"role": "user", "content": name}, {"role": "assistant", "content": a}]
            for a in _ANSWERS
        ]
        lines = [json.dumps({"messages": messages}) for messages in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    _write(folder, "r.yaml")
    return folder


def _write(folder: Path, name: str, min_score: float = 0.5) -> None:
    sets = ", ".join(f"{name}: {{path: {name}.jsonl}}" for name in _TALKS)
    (folder / name).write_text(_TEXTS % (min_score, sets))


def options(folder: Path, **more: Any) -> BuildOptions:
    places = {name: str(folder / name) for name in ("store", "out")}
    recipe = str(folder / "r.yaml")
    return BuildOptions(**{"recipe": recipe, **places, "engine": "inline", **more})


def fates(out: Path) -> Counter[str | None]:
    ledger = read_parquet(str(out / "ledger/local.parquet"))
    return Counter(ledger["rule"].to_pylist())


def loads(store: Path) -> list[int]:
    """Processes that loaded the list of words, once for each time."""
    (log,) = (store / "weights").rglob("loads.log")
    return [int(line) for line in log.read_text().split()]


def test_a_build_is_judged_by_models_and_says_by_which(here: Path) -> None:
    build(options(here), Console(quiet=True))
    # Where "five" was asked, a sixth of the words is listed, else a twelfth.
    assert fates(here / "out") == {"all": 8, "words_are_listed": 2, "fasttext_score_too_low": 10}
    assert loads(here / "store") == [os.getpid()]
    used = {use.name: use.params for use in load_manifest(str(here / "out")).filters}
    quality = {"weights": "lid.ftz", "label": "__label__en", "min_score": 0.5}
    assert used["fasttext_quality"] == quality
    plan = (here / "out/plan.json").read_text()
    assert str(here) not in plan
    pinned = json.loads(plan)["pins"]["filter:fasttext_quality"]
    assert len(list((here / "store").rglob(f"fasttext_quality-{pinned}.parquet"))) == 5
    verify(str(here / "out"), lambda path: None)


def test_a_moved_threshold_loads_no_model(here: Path) -> None:
    build(options(here), Console(quiet=True))
    measures = {p: p.stat().st_mtime_ns for p in (here / "store").rglob("measures/*")}
    _write(here, "loose.yaml", min_score=0)
    found = rejudge(options(here, recipe=str(here / "loose.yaml")), str(here / "out"))
    assert not found.unmeasured
    assert {c.reason: (c.before, c.now) for c in found.changes} == {
        "fasttext_score_too_low": (10, 0),
        "words_are_listed": (2, 2),
    }
    loose = options(here, recipe=str(here / "loose.yaml"), out=str(here / "loose"))
    build(loose, Console(quiet=True))
    assert measures == {p: p.stat().st_mtime_ns for p in (here / "store").rglob("measures/*")}
    assert len(loads(here / "store")) == 1


def test_a_finished_build_is_looked_at_without_its_weights(here: Path) -> None:
    build(options(here), Console(quiet=True))
    shutil.rmtree(here / "store" / "weights")
    (here / "lid.ftz").unlink()
    found = build_filters(str(here / "out"))
    rule = found.rules["fasttext_quality"]
    (kept,) = (here / "store").rglob(f"*/one/*/measures/fasttext*{rule.filter.fingerprint}.parquet")
    reasons = rule.filter.judge(pl.read_parquet(kept), rule.settings()[0])
    assert reasons.to_list() == [None, "fasttext_score_too_low", None, "fasttext_score_too_low"]


def test_other_weights_are_measured_anew(here: Path) -> None:
    build(options(here), Console(quiet=True))
    (here / "words.txt").write_text("stones")
    build(options(here, out=str(here / "again")), Console(quiet=True))
    assert fates(here / "again")["words_are_listed"] == 0
    assert len(list((here / "store").rglob("word_list-1-*.parquet"))) == 10
    assert len(list((here / "store").rglob("fasttext_quality-1-*.parquet"))) == 5


@pytest.mark.slow
def test_on_ray_a_model_is_loaded_once_an_actor(
    here: Path, ray_engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five folders, at most two processes; the bytes are those of one process."""
    build(options(here), Console(quiet=True))
    build_on(ray_engine, monkeypatch)
    more = {"store": str(here / "store-of-ray"), "out": str(here / "out-of-ray")}
    build(options(here, engine="ray", **more), Console(quiet=True))
    found = loads(here / "store-of-ray")
    assert len(set(found)) == len(found) <= 2 and os.getpid() not in found
    for part in ("data", "ledger"):
        assert tree_digests(here / "out" / part) == tree_digests(here / "out-of-ray" / part)
    mine, theirs = (
        {path.name: path.read_bytes() for path in sorted((here / store).rglob("one/*/measures/*"))}
        for store in ("store", "store-of-ray")
    )
    assert mine == theirs and len(mine) == 3


def test_nothing_to_score_loads_nothing(here: Path) -> None:
    words = bind(filters.get(str(here / "word_list.py")), here / "words.txt")
    for name, chats in {"none": [], "silent": [Chat(0, text="", answer="")] * 2}.items():
        folder = write_chats(here / name, *chats)
        measure_by_model(folder, words.ref)
        scores = read_parquet(f"{folder}/measures/word_list-{words.fingerprint}.parquet")
        assert scores["listed_share"].to_pylist() == [0.0] * len(chats)
    assert not (here / "loads.log").exists()


def test_without_weights_nothing_is_read(here: Path) -> None:
    (here / "lid.ftz").unlink()
    with pytest.raises(RecipeError, match=r"r\.yaml, line 7: .*there is no .*lid\.ftz"):
        build(options(here), Console(quiet=True))
    assert not (here / "store").exists()


# --- pictures -------------------------------------------------------------------------------------

_PHOTOS = """
name: photos
description: photos of no harm
unit: samples
filters: {nsfw: {weights: ./open_nsfw.onnx, max_score: %s}}
local: {pics: {path: rows.json, media: ., modality: image, license: CC0-1.0}}
components: [{name: all, share: 1, sources: [local/pics]}]
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photos, one of them under two names, and a file that is none."""
    shutil.copy(open_nsfw(), tmp_path)
    names = ["chelsea.png", "coffee.png", "rocket.jpg"]
    for name in names:
        photo(name).save(tmp_path / name)
    shutil.copy(tmp_path / names[0], tmp_path / "again.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "This."}]
    rows = [
        {"image": name, "conversations": [turns[0], {"from": "gpt", "value": name}]}
        for name in [*names, "again.png", "broken.png"]
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (tmp_path / "r.yaml").write_text(_PHOTOS % 0.8)
    return tmp_path


def test_photos_are_scored_from_the_store(photos: Path) -> None:
    build(options(photos), Console(quiet=True))
    assert fates(photos / "out")["all"] == 4
    (path,) = (photos / "store").rglob("measures/nsfw-1-*.parquet")
    media = pl.read_parquet(path.parents[1] / "media.parquet").with_columns(pl.read_parquet(path))
    found = {row["key"].rsplit("/")[-1]: row for row in media.to_dicts()}
    assert [row["is_measured"] for row in found.values()].count(False) == 1
    assert not found["broken.png"]["is_measured"]
    assert all(0 < row["nsfw_score"] < 0.03 for n, row in found.items() if n != "broken.png")
    assert found["again.png"]["nsfw_score"] == found["chelsea.png"]["nsfw_score"]
    (photos / "strict.yaml").write_text(_PHOTOS % 0.001)
    strict = options(photos, recipe=str(photos / "strict.yaml"), out=str(photos / "strict"))
    build(strict, Console(quiet=True))
    assert fates(photos / "strict")["nsfw_score_too_high"] == 1  # coffee, 0.013


@pytest.mark.slow
def test_photos_on_ray_have_the_same_scores(
    photos: Path, ray_engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(options(photos), Console(quiet=True))
    build_on(ray_engine, monkeypatch)
    more = {"store": str(photos / "store-of-ray"), "out": str(photos / "out-of-ray")}
    build(options(photos, engine="ray", **more), Console(quiet=True))
    mine, theirs = (
        [path.read_bytes() for path in (photos / store).rglob("measures/nsfw-1-*.parquet")]
        for store in ("store", "store-of-ray")
    )
    assert mine == theirs and len(mine) == 1
