"""A filter of pairs through every layer: measured apart, joined to judge, dropped with a reason.

The model is a tiny CLIP that knows three colours (tests/models.py).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image
from rich.console import Console

import filters
from filters.contract import batch_of
from filters.pairs import PairFilter
from manifests.build import load_manifest
from manifests.errors import InfeasibleError, RecipeError
from manifests.ledger import Fate
from manifests.storage import read_parquet
from pipelines import pair_scores as module
from pipelines.build import build, find_work, open_job
from pipelines.build_store import open_build_store
from pipelines.engine import RayEngine
from pipelines.join import Joined, join_rows
from pipelines.judge import Rule, judge_filters
from pipelines.ledger_near import near_view
from pipelines.ledger_view import ledger_view
from pipelines.options import BuildOptions
from pipelines.pair_scores import pair_scores
from pipelines.parts import cut_parts
from pipelines.rejudge import rejudge
from pipelines.verify import verify
from tests.models import COLORS, bind, towers_of_run
from tests.pipelines.on_ray import build_on

pytest.importorskip("torch", reason="torch is not installed")

_RECIPE = """
name: colours
description: pictures with what is said of them
unit: samples
filters:
  roles: {}
  image_text_alignment: {weights: ./clip%s}
%s
local:
  one: {path: one.json, media: ., modality: image, license: CC0-1.0}
  two: {path: two.jsonl, license: CC0-1.0}
components: [{name: all, share: 1, sources: [local]}]
"""
# What is said, and of which pictures.
_SAID = [
    ("it is red", ["red"]),
    ("it is red", ["blue"]),
    ("it is green", ["red"]),
    ("it is green", ["red", "green"]),
    ("a blue picture", ["blue"]),
    ("a blue picture", ["red", "green"]),
]
_OFF = [1, 2, 5]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    shutil.copytree(towers_of_run("clip"), tmp_path / "clip")
    for name, color in COLORS.items():
        Image.new("RGB", (40, 30), color).save(tmp_path / f"{name}.png")
    rows = [
        {
            "image": [f"{name}.png" for name in names],
            "conversations": [
                {"from": "human", "value": "<image>" * len(names) + "\nwhat is it"},
                {"from": "gpt", "value": text},
            ],
        }
        for text, names in _SAID
    ]
    (tmp_path / "one.json").write_text(json.dumps(rows))
    talk = [{"role": "user", "content": "red"}, {"role": "assistant", "content": "blue"}]
    (tmp_path / "two.jsonl").write_text(json.dumps({"messages": talk}))
    write(tmp_path, "r.yaml")
    return tmp_path


def write(folder: Path, name: str, params: str = "", policies: str = "") -> None:
    (folder / name).write_text(_RECIPE % (params, policies))


def options(folder: Path, **more: Any) -> BuildOptions:
    places = {name: str(folder / name) for name in ("store", "out")}
    recipe = str(folder / "r.yaml")
    return BuildOptions(**{"recipe": recipe, **places, "engine": "inline", **more})


def ledger(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_parquet(str(out / "ledger/local.parquet")).to_pylist()
    return rows


def dropped(out: Path, subset: str = "one") -> dict[int, str]:
    return {
        row["row"]: row["rule"]
        for row in ledger(out)
        if row["subset"] == subset and row["fate"] == Fate.DROPPED.value
    }


def measures(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (folder / "store").rglob("measures/*")}


def test_what_does_not_go_together_is_dropped_with_its_score(here: Path) -> None:
    build(options(here), Console(quiet=True))
    assert dropped(here / "out") == dict.fromkeys(_OFF, "alignment_too_low")
    assert dropped(here / "out", "two") == {}  # words alone are passed over
    rows = {row["row"]: row for row in ledger(here / "out") if row["subset"] == "one"}
    assert rows[1]["stage"] == "filter"
    name, score = rows[1]["value"].split()[0].split("=")
    assert name == "similarity_cosine" and -1 <= float(score) < 0.3
    assert rows[1]["value"].split()[1:] == ["is_pair=true", "is_measured=true"]
    (use,) = [u for u in load_manifest(str(here / "out")).filters if u.name != "roles"]
    assert use.params == {"weights": "clip", "min_similarity": 0.3}
    assert str(here) not in (here / "out/plan.json").read_text()
    # A side of its own in each kind of folder, by the same fingerprint.
    pinned = json.loads((here / "out/plan.json").read_text())["pins"]["filter:image_text_alignment"]
    store = here / "store"
    texts = list((store / "rows").rglob(f"image_text_alignment_text-{pinned}.parquet"))
    media = list((store / "media").rglob(f"image_text_alignment_media-{pinned}.parquet"))
    assert len(texts) == 2 and media
    assert len(list(store.rglob("image_text_alignment*"))) == len(texts) + len(media)
    verify(str(here / "out"), lambda path: None)


def test_a_moved_threshold_measures_nothing(here: Path) -> None:
    build(options(here), Console(quiet=True))
    before = measures(here)
    write(here, "loose.yaml", ", min_similarity: -1")
    loose = options(here, recipe=str(here / "loose.yaml"), out=str(here / "loose"))
    found = rejudge(loose, str(here / "out"))
    assert not found.unmeasured
    assert {c.reason: (c.before, c.now) for c in found.changes} == {"alignment_too_low": (3, 0)}
    build(loose, Console(quiet=True))
    assert dropped(here / "loose") == {} and measures(here) == before


def test_a_side_that_is_missing_is_told_by_rejudge_and_made_by_a_build(here: Path) -> None:
    build(options(here), Console(quiet=True))
    (side,) = (here / "store").rglob("one/*/measures/image_text_alignment_text*")
    kept = side.read_bytes()
    side.unlink()
    found = rejudge(options(here), str(here / "out"))
    (lack,) = found.unmeasured
    assert (lack.filter_name, lack.num_lacking) == ("image_text_alignment", 1)
    build(options(here, out=str(here / "again")), Console(quiet=True))
    assert side.read_bytes() == kept and dropped(here / "again") == dropped(here / "out")


def test_policies_have_thresholds_of_their_own(here: Path) -> None:
    write(here, "r.yaml", "", "policies: {photo: {image_text_alignment: off}}")
    build(options(here), Console(quiet=True))
    assert dropped(here / "out") == {}
    said = "policies: {photo: {image_text_alignment: {min_similarity: 0.999}}}"
    write(here, "strict.yaml", ", min_similarity: -1", said)
    strict = options(here, recipe=str(here / "strict.yaml"), out=str(here / "strict"))
    build(strict, Console(quiet=True))
    assert set(_OFF) <= set(dropped(here / "strict"))


def test_a_finished_build_tells_what_stood_near_without_its_weights(here: Path) -> None:
    write(here, "r.yaml", ", min_similarity: 0.6")
    build(options(here), Console(quiet=True))
    shutil.rmtree(here / "store" / "weights")
    shutil.rmtree(here / "clip")
    out = str(here / "out")
    store = open_build_store(out, None)
    view = near_view(out, None, store)
    assert (view.num_passed, view.num_measured) == (4, 4)
    near = [row for row in view.rows if row.filter_name == "image_text_alignment"]
    assert {(row.at.param, row.at.threshold) for row in near} == {("min_similarity", 0.6)}
    kept = [row.entry["row"] for row in near if row.side == "kept"]
    assert set(kept) == {0, 3, 4}  # not the one of words alone
    assert {row.entry["row"] for row in near if row.side == "dropped"} <= set(_OFF)
    assert all(row.at.then == "alignment_too_low" for row in near if row.side == "kept")
    shown = ledger_view(out, None, "filter", store)
    assert "alignment_too_low" in str(shown.as_json())


def test_a_component_takes_what_goes_together(here: Path) -> None:
    """Rows without media have no score, and meet no condition on it."""
    write(here, "r.yaml", ", min_similarity: -1")
    text = (here / "r.yaml").read_text()
    asked = "where: image_text_alignment.similarity_cosine > 0.5"
    text = text.replace("share: 1, sources", f"share: 1, {asked}, sources")
    (here / "r.yaml").write_text(text)
    build(options(here), Console(quiet=True))
    rows = {(row["subset"], row["row"]): row["fate"] for row in ledger(here / "out")}
    kept = {place for place, fate in rows.items() if fate == Fate.KEPT.value}
    assert kept == {("one", row) for row in range(len(_SAID)) if row not in _OFF}
    (here / "r.yaml").write_text(text.replace("> 0.5", "> 1"))
    with pytest.raises(InfeasibleError):
        build(options(here, out=str(here / "none")), Console(quiet=True))


# --- joined in pieces -----------------------------------------------------------------------------


def joined_of(here: Path) -> tuple[PairFilter, list[Joined]]:
    job = open_job(options(here), Console(quiet=True))
    try:
        _, curate = find_work(job)
    finally:
        job.runner.close()
    (found,) = [rule.filter for rule in job.rules if isinstance(rule.filter, PairFilter)]
    parts = cut_parts([source for source in curate.curated if source.rows])
    return found, [join_rows(part) for part in parts]


def test_pieces_give_what_all_at_once_gives(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where rows stand in another order, and where one alone is asked for."""
    build(options(here), Console(quiet=True))
    found, (joined,) = joined_of(here)
    index = joined.index.filter(pl.col("subset") == "one")
    ((rows, whole),) = pair_scores(joined, index, found)
    assert rows["row"].to_list() == list(range(len(_SAID)))
    monkeypatch.setattr(module, "_BATCH_ROWS", 2)
    pieces = list(pair_scores(joined, index.sample(fraction=1, shuffle=True, seed=1), found))
    assert len(pieces) == 3
    assert pl.concat([scores for _, scores in pieces]).equals(whole)
    assert pl.concat([some for some, _ in pieces])["row"].to_list() == rows["row"].to_list()
    monkeypatch.setattr(module, "_BATCH_MEDIA", 1)
    pieces = list(pair_scores(joined, index, found))
    assert [some["row"].to_list() for some, _ in pieces] == [[n] for n in range(len(_SAID))]
    assert pl.concat([scores for _, scores in pieces]).equals(whole)
    ((one, alone),) = pair_scores(joined, index.filter(pl.col("row") == 3), found)
    assert one["row"].to_list() == [3] and alone.row(0) == whole.row(3)
    assert list(pair_scores(joined, index.clear(), found)) == []


def test_scores_are_those_of_samples_with_their_pictures(here: Path) -> None:
    """What `measure` gives where both sides are at hand."""
    build(options(here), Console(quiet=True))
    found, (joined,) = joined_of(here)
    ((_, scores),) = pair_scores(joined, joined.index.filter(pl.col("subset") == "one"), found)
    asked = [
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        *[{"type": "image", "text": ""}] * len(names),
                        {"type": "text", "text": f"what is it\n{text}"},
                    ],
                }
            ],
            "media": [{"kind": "image", "key": name} for name in names],
            "pictures": [[(here / f"{name}.png").read_bytes()] for name in names],
        }
        for text, names in _SAID
    ]
    whole = bind(filters.get(found.name), here / "clip")
    assert pl.DataFrame(whole.measure(batch_of(whole, asked))).equals(scores)


def test_what_has_no_vector_is_dropped_by_its_own_reason(here: Path) -> None:
    """As a picture has none that this decoder cannot read and curate's could."""
    build(options(here), Console(quiet=True))
    found, (joined,) = joined_of(here)
    (path,) = (here / "store/media").rglob("image_text_alignment_media*")
    table = pl.read_parquet(path)
    keys = pl.read_parquet(path.parents[1] / "media.parquet")["key"]
    is_red = keys.str.contains("red")
    table.with_columns(
        vector_bytes=pl.when(is_red).then(pl.lit(b"")).otherwise("vector_bytes"),
        is_measured=~is_red,
    ).write_parquet(path)
    rule = Rule(found, found.params_type(), {})
    judged = judge_filters(joined, [rule]).filter(pl.col("subset") == "one")
    names = {0: "unmeasured", 1: "too_low", 2: "unmeasured", 3: "unmeasured", 5: "unmeasured"}
    rules = dict(zip(judged["row"], judged["rule"], strict=True))
    assert rules == {n: f"alignment_{names[n]}" if n in names else None for n in range(len(_SAID))}
    assert "is_measured=false" in judged["value"].to_list()[0]


@pytest.mark.slow
def test_on_ray_the_bytes_are_the_same(
    here: Path, ray_engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(options(here), Console(quiet=True))
    build_on(ray_engine, monkeypatch)
    more = {"store": str(here / "store-of-ray"), "out": str(here / "out-of-ray")}
    build(options(here, engine="ray", **more), Console(quiet=True))
    mine, theirs = (
        {
            path.relative_to(here / store): path.read_bytes()
            for path in (here / store).rglob("measures/image_text*")
        }
        for store in ("store", "store-of-ray")
    )
    assert mine == theirs and len(mine) >= 3
    assert dropped(here / "out-of-ray") == dropped(here / "out")


# --- what is wrong is told when a build is planned ------------------------------------------------


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("tokenizer*", "there is no tokenizer.json or"),
        ("model.safetensors", "pickled weights .* are not loaded"),
        ("*", r"it holds no config\.json or"),
    ],
)
def test_a_folder_without_what_it_needs(here: Path, without: str, message: str) -> None:
    for path in (here / "clip").glob(without):
        path.unlink()
    said = rf"r\.yaml, line 7: .*filter image_text_alignment: weights \./clip: .*{message}"
    with pytest.raises(RecipeError, match=said):
        build(options(here), Console(quiet=True))
    assert not (here / "store").exists()


def test_without_the_packages(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filters.models.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"needs torch and transformers, .*smolmix\[models\]"):
        build(options(here), Console(quiet=True))
