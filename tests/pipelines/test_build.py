"""The whole way, on the samples: what is built, what is dropped and why, and how it loads."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from manifests.build import load_manifest
from manifests.errors import InfeasibleError, UsageError
from manifests.ledger import Fate
from manifests.schema import SAMPLE_SCHEMA, Sample
from mixtures.component import chain_path, walk
from mixtures.order import WINDOW_ROWS
from mixtures.plan import Plan
from mixtures.recipe_file import load_recipe
from pipelines.build import build
from pipelines.emit import ROW_GROUP_BYTES
from pipelines.options import BuildOptions
from pipelines.verify import verify
from pipelines.why import explain, find_places, find_rows, read_ledger
from tests.conftest import Built
from tests.pipelines.mirrors import settled
from tests.pipelines.trees import tree_digests

_PLACE = ("source", "subset", "file", "row", "group")
# What no built-in recipe asks for: they take text in any language.
_ASKED_FOR = "foreign_language"


def _rows(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted((out / "data").glob("*.parquet")):
        rows += pq.read_table(path).to_pylist()
    return rows


def _options(built: Built, out: Path, **more: Any) -> BuildOptions:
    settings = {"recipe": "video", "mirror": str(built.mirror), "store": str(built.store)}
    return BuildOptions(**{**settings, "out": str(out), "engine": "inline", **more})


def _build(built: Built, out: Path, **more: Any) -> Path:
    build(_options(built, out, **more), Console(quiet=True))
    return out


def test_rows_of_each_component_are_what_was_asked(built: Built) -> None:
    """Exactly the quotas, and these are each level's shares by largest remainder."""
    plan = Plan.from_json((built.out / "plan.json").read_bytes(), "plan.json")
    counts = Counter(row["component"] for row in _rows(built.out))
    assert counts == {leaf.path: leaf.asked for leaf in plan.leaves}
    assert plan.total == counts.total() >= 200
    for chain in walk(load_recipe("video").components):
        path, share = chain_path(chain), chain[-1].share
        assert share is not None
        above = _rows_below(counts, chain_path(chain[:-1]))
        assert abs(_rows_below(counts, path) - share * above) < 1, path


def _rows_below(counts: Counter[str], path: str) -> int:
    """Rows of a component, those below it included; of all where the path is empty."""
    return sum(n for leaf, n in counts.items() if not path or f"{leaf}/".startswith(f"{path}/"))


def test_a_row_has_what_its_component_takes(built: Built) -> None:
    leaves = {leaf.path: leaf for leaf in load_recipe("video").leaves()}
    for row in _rows(built.out):
        facts = {name: row[name] for name in ("source", "subset", "modality", "category")}
        assert leaves[row["component"]].claims(**facts), row["id"]


def test_every_prefix_of_whole_windows_has_the_shares(built: Built) -> None:
    """Of a component at depth d to within d rows."""
    names = [row["component"] for row in _rows(built.out)]
    whole = Counter(names)
    paths = [chain_path(chain) for chain in walk(load_recipe("video").components)]
    for end in range(WINDOW_ROWS, len(names) + 1, WINDOW_ROWS):
        counts = Counter(names[:end])
        for path in paths:
            drawn = _rows_below(whole, path) / len(names)
            assert abs(_rows_below(counts, path) - drawn * end) < path.count("/") + 1


def _planted(built: Built) -> list[dict[str, Any]]:
    """What was planted in the rows that the recipe draws on."""
    truth = json.loads((built.mirror / "truth.json").read_text())
    fields = ("source", "subset", "file")
    ledger = read_ledger(str(built.out))
    read = set(ledger.select(fields).iter_rows())
    planted = [entry for entry in truth["planted"] if tuple(entry[f] for f in fields) in read]
    return settled(planted, ledger)


def test_what_was_planted_is_found_and_nothing_else_is_dropped(built: Built) -> None:
    planted = {
        tuple(entry[name] for name in _PLACE): (entry["fate"], entry["rule"])
        for entry in _planted(built)
        if entry["issue"] <= 6 and entry["defect"] != _ASKED_FOR
    }
    ledger = read_ledger(str(built.out))
    lost = ledger.filter(~pl.col("fate").is_in([Fate.KEPT, Fate.NOT_DRAWN, Fate.MERGED]))
    lost = lost.filter(~((pl.col("fate") == Fate.TRIMMED) & (pl.col("rule") == "turns_over_limit")))
    found = {
        tuple(row[name] for name in _PLACE): (row["fate"], row["rule"]) for row in lost.to_dicts()
    }
    assert found == planted


def test_a_duplicate_names_the_planted_original(built: Built) -> None:
    """By the id that the original has now: that of the conversation where it was merged."""
    pairs = [entry for entry in _planted(built) if entry["fate"] == Fate.DUPLICATE]
    assert {entry["rule"] for entry in pairs} == {"exact_duplicate", "near_duplicate"}
    assert any(entry["source"] != entry["matched"]["source"] for entry in pairs)
    rows = {tuple(row[n] for n in _PLACE): row for row in read_ledger(str(built.out)).to_dicts()}
    for entry in pairs:
        original = rows[tuple(entry["matched"][name] for name in _PLACE)]
        copy = rows[tuple(entry[name] for name in _PLACE)]
        merged = original["fate"] == Fate.MERGED
        assert copy["matched"] == original["matched" if merged else "id"]


def test_the_ledger_has_every_upstream_turn_group_once(built: Built) -> None:
    """Twice where some of its turns are not written: these are an entry of their own."""
    ledger = read_ledger(str(built.out))
    assert not ledger.select(*_PLACE, "turns").is_duplicated().any()
    assert not ledger.filter(pl.col("fate") != Fate.TRIMMED).select(_PLACE).is_duplicated().any()
    assert ledger["fate"].null_count() == 0
    manifest = load_manifest(str(built.out))
    assert sum(entry.read for entry in manifest.funnel) == ledger.height


def test_rows_are_samples(built: Built) -> None:
    for row in _rows(built.out):
        sample = Sample.model_validate(row)
        items = [item.type for message in sample.messages for item in message.content]
        assert items.count("image") == len(sample.images) == len(sample.media)
        assert sample.repeat == 1 and not sample.videos


def test_frames_stand_after_their_times(built: Built) -> None:
    videos = [row for row in _rows(built.out) if row["modality"] == "video"]
    assert videos
    for row in videos:
        times = [info["timestamp_ms"] for info in row["media"]]
        assert times == sorted(times) and times[0] is not None and len(times) <= 64
        items = [item for message in row["messages"] for item in message["content"]]
        for before, item in zip(items, items[1:], strict=False):
            if item["type"] == "image":
                assert before["text"].startswith("Frame from ")
        assert all(max(info["width"], info["height"]) <= 512 for info in row["media"])


def test_datasets_loads_it_without_any_option(built: Built, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(built.out), cache_dir=str(tmp_path))
    assert list(loaded) == ["train"]
    for row in loaded["train"].select(range(20)):
        assert row["messages"][0]["role"] in ("system", "user")
        for image, info in zip(row["images"], row["media"], strict=True):
            assert image.size == (info["width"], info["height"])


def test_parquet_as_promised(built: Built) -> None:
    files = sorted((built.out / "data").glob("*.parquet"))
    assert [f.name for f in files][0] == f"train-00000-of-{len(files):05d}.parquet"
    for path in files:
        file = pq.ParquetFile(path)
        assert file.schema_arrow.metadata[b"huggingface"] == SAMPLE_SCHEMA.metadata[b"huggingface"]
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            assert group.total_byte_size <= ROW_GROUP_BYTES * 1.1 or group.num_rows == 1
            codecs = {
                group.column(i).path_in_schema: group.column(i).compression
                for i in range(group.num_columns)
            }
            assert codecs["images.list.element.bytes"] == "UNCOMPRESSED"
            assert codecs["messages.list.element.content.list.element.text"] == "ZSTD"
    assert all(f.metadata.num_rows % WINDOW_ROWS == 0 for f in map(pq.ParquetFile, files[:-1]))


def test_verify_holds(built: Built) -> None:
    seen: list[str] = []
    assert verify(str(built.out), seen.append).num_rows == len(_rows(built.out))
    assert {Path(name).parts[0] for name in seen} >= {"data", "ledger", "plan.json", "README.md"}


def test_building_again_does_nothing(built: Built) -> None:
    before = {path: path.stat().st_mtime_ns for path in built.out.rglob("*") if path.is_file()}
    _build(built, built.out)
    assert {p: p.stat().st_mtime_ns for p in built.out.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_a_second_recipe_of_the_same_store_is_another_build(built: Built, tmp_path: Path) -> None:
    out = _build(built, tmp_path / "seed1", seed=1, num_samples=100)
    assert len(_rows(out)) == 100
    assert {row["id"] for row in _rows(out)} != {row["id"] for row in _rows(built.out)}
    verify(str(out), lambda path: None)


def test_a_smaller_mixture_is_drawn_from_the_same_order(built: Built, tmp_path: Path) -> None:
    out = _build(built, tmp_path / "small", num_samples=64)
    whole = {row["id"] for row in _rows(built.out)}
    assert {row["id"] for row in _rows(out)} <= whole


def test_num_tokens_is_an_upper_bound(built: Built, tmp_path: Path) -> None:
    manifest = load_manifest(str(_build(built, tmp_path / "tokens", num_tokens=100_000)))
    assert 50_000 < manifest.num_tokens <= 100_000


def test_too_many_samples_is_infeasible(built: Built, tmp_path: Path) -> None:
    with pytest.raises(InfeasibleError, match="the largest total that works is"):
        _build(built, tmp_path / "big", num_samples=1_000_000)
    assert not (tmp_path / "big" / "manifest.json").exists()


@pytest.mark.slow
def test_another_plan_is_refused_unless_overwritten(built: Built, tmp_path: Path) -> None:
    out = _build(built, tmp_path / "b", num_samples=64)
    with pytest.raises(UsageError, match="--overwrite"):
        _build(built, out, num_samples=128)
    assert len(_rows(_build(built, out, num_samples=128, overwrite=True))) == 128
    verify(str(out), lambda path: None)


def test_a_folder_that_is_no_build_is_not_written_into(built: Built, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="not a build"):
        _build(built, tmp_path)


_TASTE = """
name: taste
description: archives, Parquet and JSON lines
unit: samples
components:
  - {name: text, share: 40%, modality: text, sources: [magpie]}
  - {name: video, share: 30%, modality: video, sources: [llava_video_178k/0_30_s_nextqa]}
  - {name: image, share: 30%, modality: image, sources: [the_cauldron, mathwriting]}
"""


def test_a_limit_takes_the_first_rows_of_every_subset(built: Built, tmp_path: Path) -> None:
    # In a store of its own: other tests count what the shared one holds.
    recipe = tmp_path / "taste.yaml"
    recipe.write_text(_TASTE)
    more = {"recipe": str(recipe), "limit": 20, "store": str(tmp_path / "store")}
    out = _build(built, tmp_path / "limited", **more)
    ledger = read_ledger(str(out))
    rows = ledger.group_by("source", "subset").agg(pl.struct("file", "row").n_unique())
    assert set(rows["source"]) == set(load_recipe(str(recipe)).sources())
    assert all(count <= 20 for count in rows["file"].to_list())
    assert max(rows["file"].to_list()) == 20
    verify(str(out), lambda path: None)


def test_why_answers_for_both_ends(built: Built) -> None:
    row = _rows(built.out)[0]
    (entry,) = [e for e in find_rows(str(built.out), row["id"]) if e["fate"] == Fate.KEPT]
    assert find_places(str(built.out), row["id"]) == [("data/train-00000-of-00001.parquet", 0)] or (
        find_places(str(built.out), row["id"])
    )
    origin = row["origins"][0]
    place = f"{origin['source']}/{origin['subset']}/{origin['file']}#{origin['row']}"
    assert entry in find_rows(str(built.out), place)
    assert row["id"] in explain(entry)


@pytest.mark.parametrize("wanted", ["nothing", "a/b/c#x", "the_cauldron/ai2d/none.parquet#0"])
def test_why_says_what_it_takes(built: Built, wanted: str) -> None:
    with pytest.raises(UsageError):
        find_rows(str(built.out), wanted)


@pytest.mark.slow
def test_the_store_may_be_moved_and_bytes_stay(built: Built, tmp_path: Path) -> None:
    again = Built(built.recipe, built.mirror, tmp_path / "store", tmp_path / "out")
    _build(again, again.out)
    assert tree_digests(again.out) == tree_digests(built.out)
