"""Resolve as a whole, on store folders written by hand: fates, draws, and how the work is cut."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from manifests.errors import InfeasibleError
from manifests.ids import stable_draws
from mixtures.recipe import Recipe
from pipelines import kept_parts, parts, resolution, shards
from pipelines.exclude import Exclusions
from pipelines.ledger import number_ranges
from pipelines.shard_rows import emit_task
from pipelines.shards import shard_tasks
from tests.pipelines.hand_made import Chat, curated, image, reject, write_media
from tests.pipelines.resolving import RECIPE, Case, write_rows

TEXTS = [Chat(n, f"text {n}") for n in range(6)]
IMAGES = [Chat(10 + n, f"image {n}", media=(f"k{n}",)) for n in range(4)]
OTHERS = [Chat(20, "not asked for", media=("k0",), subset="aokvqa")]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    media = [write_media(tmp_path / "m", *(image(f"k{n}") for n in range(4)))]
    folders = [
        (write_rows(tmp_path / "a", *TEXTS[:4], *IMAGES[:1]), "a.parquet"),
        (write_rows(tmp_path / "b", *TEXTS[4:], rejected=[reject(9, "no_turns")]), "b.parquet"),
        (write_rows(tmp_path / "c", *IMAGES[1:], *OTHERS), "c.parquet"),
    ]
    return Case(tmp_path, [curated(media, folders)])


def fates(ledger: pl.DataFrame) -> dict[int, tuple[Any, ...]]:
    rows = ledger.select("row", "fate", "stage", "rule").rows()
    return {row: tuple(rest) for row, *rest in rows}


def test_every_row_ends_with_a_fate_and_its_component(case: Case) -> None:
    resolved = case.resolve(num_samples=4)
    assert resolved.solution.quotas == (2, 2)
    found = fates(case.ledger(resolved))
    ids = {chat.row: chat.content_id for chat in [*TEXTS, *IMAGES]}
    for chats, component in ((TEXTS, "text"), (IMAGES, "visual/image")):
        order = sorted(stable_draws([ids[chat.row] for chat in chats], 0).tolist())
        for chat in chats:
            is_kept = stable_draws([chat.content_id], 0).tolist()[0] in order[:2]
            fate = "kept" if is_kept else "not_drawn"
            assert found[chat.row] == (fate, "quota", component)
    assert found[9] == ("unreadable", "curate", "no_turns")
    assert found[20] == ("not_drawn", "quota", "no_component")
    assert resolved.totals["num_tokens"] == sum(row["num_tokens"] for row in case.rows(resolved))
    assert resolved.rows == {"the_cauldron/ai2d": 4}


def test_what_emit_is_given(case: Case) -> None:
    rows = case.rows(case.resolve())
    assert len(rows) == 9 and len({row["id"] for row in rows}) == 9
    for row in rows:
        assert row["component"] == ("visual/image" if row["modality"] == "image" else "text")
        assert (row["repeat"], row["kind"], row["license"]) == (1, "chat", "MIT")
        assert row["file"] in ("a.parquet", "b.parquet", "c.parquet")
        assert len(row["media"]) == (row["modality"] == "image")
        expected = len(f"{'image' if row['media'] else 'text'} 0A cat.")
        assert row["text_bytes"] == expected


def test_the_cut_of_the_work_is_not_seen(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part and one bucket, or a part a folder and many buckets."""
    whole = case.resolve("whole")
    expected, ledger = case.rows(whole), case.ledger(whole)
    monkeypatch.setattr(parts, "PART_ROWS", 1)
    cut = case.resolve("cut", memory_bytes=500)
    assert len(cut.facts.parts) == 3 and len(cut.facts.buckets) > 4
    rows = case.rows(cut)
    for row in [*expected, *rows]:
        del row["media"], row["folder"]  # positions in what was cut
    assert rows == expected
    assert case.ledger(cut).equals(ledger)
    assert cut.totals == whole.totals and cut.rows == whole.rows


def test_a_larger_mixture_keeps_what_a_smaller_one_took(case: Case) -> None:
    whole = {row["id"] for row in case.rows(case.resolve("all"))}
    part = {row["id"] for row in case.rows(case.resolve("some", num_samples=2))}
    assert len(part) == 2 and part < whole


def duplicated(folder: Path, among: str = "mixture") -> Case:
    """The same content in two folders and a third source, and as text of another component."""
    again = [replace(TEXTS[2], row=30), replace(TEXTS[0], row=31, text="text 1")]
    first = curated([], [(write_rows(folder / "a", *TEXTS), "a.parquet")])
    second = curated([], [(write_rows(folder / "b", *again), "b.parquet")])
    other = curated([], [(write_rows(folder / "c", replace(TEXTS[3], subset="NLVR2")), "c")])
    sources_ = [
        replace(first, rows=(*first.rows, *second.rows)),
        replace(other, name="m4_instruct"),
    ]
    components = [
        {"name": "one", "share": "1/2", "sources": ["the_cauldron"]},
        {"name": "two", "share": "1/2", "sources": ["m4_instruct"]},
    ]
    recipe = RECIPE.model_dump(mode="json") | {"components": components, "duplicates": among}
    return Case(folder, sources_[::-1], Recipe.model_validate(recipe))


def test_the_first_of_equal_rows_stays(tmp_path: Path) -> None:
    case = duplicated(tmp_path)
    ledger = case.ledger(case.resolve())
    copies = ledger.filter(pl.col("fate") == "duplicate_of").sort("source", "row")
    text = {n: chat.content_id for n, chat in enumerate(TEXTS)}
    assert copies.select("source", "row", "stage", "rule", "matched").rows() == [
        ("the_cauldron", 3, "deduplicate", "exact_duplicate", f"m4_instruct/NLVR2/{text[3]}"),
        ("the_cauldron", 30, "deduplicate", "exact_duplicate", f"the_cauldron/ai2d/{text[2]}"),
        ("the_cauldron", 31, "deduplicate", "exact_duplicate", f"the_cauldron/ai2d/{text[1]}"),
    ]
    assert copies["id"].to_list()[0] == f"the_cauldron/ai2d/{text[3]}"


def test_duplicates_are_judged_within_a_component_where_the_recipe_says_so(tmp_path: Path) -> None:
    case = duplicated(tmp_path, "component")
    ledger = case.ledger(case.resolve())
    copies = ledger.filter(pl.col("fate") == "duplicate_of")
    assert sorted(copies["row"].to_list()) == [30, 31]


def test_what_equals_an_excluded_row_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where they lie in different parts."""
    monkeypatch.setattr(parts, "PART_ROWS", 1)
    case = duplicated(tmp_path, "component")
    case.exclusions = Exclusions(("the_cauldron/a.parquet#2", "nothing"))
    resolved = case.resolve()
    gone = case.ledger(resolved).filter(pl.col("rule") == "excluded")
    assert gone.select("row", "fate", "stage", "value").rows() == [
        (2, "dropped", "access", "the_cauldron/a.parquet#2"),
        (30, "dropped", "access", "the_cauldron/a.parquet#2"),
    ]
    assert resolved.num_excluded == 2


def test_repeats_are_whole_passes_and_a_part_of_one(case: Case) -> None:
    components = [
        {"name": "text", "share": "1/4", "modality": "text", "sources": ["the_cauldron"]},
        {
            "name": "image",
            "share": "3/4",
            "modality": "image",
            "sources": ["the_cauldron/ai2d"],
            "max_repeat": 3,
        },
    ]
    fields = RECIPE.model_dump(mode="json") | {"components": components}
    case.recipe = Recipe.model_validate(fields)
    resolved = case.resolve(num_samples=12)
    rows = [row for row in case.rows(resolved) if row["component"] == "image"]
    passes: dict[int, set[str]] = {}
    for row in rows:
        passes.setdefault(row["repeat"], set()).add(row["id"])
    assert {number: len(ids) for number, ids in passes.items()} == {1: 4, 2: 4, 3: 1}
    assert resolved.rows == {"the_cauldron/ai2d": 12}


def test_a_component_without_samples_is_an_error_or_left_out_on_demand(case: Case) -> None:
    components = [
        {"name": "text", "share": "1/2", "modality": "text", "sources": ["the_cauldron"]},
        {"name": "video", "share": "1/4", "modality": "video", "sources": ["the_cauldron"]},
        {"name": "image", "share": "1/4", "modality": "image", "sources": ["the_cauldron/ai2d"]},
    ]
    case.recipe = Recipe.model_validate(RECIPE.model_dump(mode="json") | {"components": components})
    with pytest.raises(InfeasibleError, match="component video has no samples.*of 12 rows read"):
        case.resolve("strict")
    resolved = case.resolve("allowed", allow_missing=True)
    assert resolved.empty == ("video",)
    assert resolved.solution.quotas == (6, 3)
    names = [row["component"] for row in case.rows(resolved)]
    assert sorted(set(names)) == ["image", "text"] and names.count("text") == 6
    found = fates(case.ledger(resolved))
    assert {found[chat.row][2] for chat in TEXTS} == {"text"}
    assert {found[chat.row][2] for chat in IMAGES} == {"image"}


def test_samples_over_the_token_gate_are_dropped_with_their_count(tmp_path: Path) -> None:
    chats = [Chat(0, "short"), Chat(1, "long " * 100), Chat(2, "long " * 100)]
    recipe = RECIPE.model_dump(mode="json") | {"max_sample_tokens": 60}
    recipe["components"] = [{"name": "all", "share": "1", "sources": ["the_cauldron"]}]
    source = curated([], [(write_rows(tmp_path / "a", *chats), "a.parquet")])
    case = Case(tmp_path, [source], Recipe.model_validate(recipe))
    resolved = case.resolve()
    rows = case.ledger(resolved).select("row", "fate", "stage", "rule", "value").rows()
    assert rows[0] == (0, "kept", "quota", "all", None)
    assert rows[1][:4] == (1, "dropped", "gate", "too_long")
    assert rows[1][4].endswith("ids, at most 60")
    assert rows[2][:4] == (2, "duplicate_of", "deduplicate", "exact_duplicate")


@pytest.mark.parametrize(
    ("numbers", "text"), [([0], "0"), ([0, 1, 2], "0-2"), ([0, 2, 3, 9], "0,2-3,9"), ([], "")]
)
def test_turns_as_ranges(numbers: list[int], text: str) -> None:
    assert number_ranges(numbers) == text


def test_shards_hold_all_rows_in_one_order(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    components = [
        {
            "name": "text",
            "share": "1",
            "modality": "text",
            "sources": ["the_cauldron"],
            "max_repeat": 200,
        }
    ]
    case.recipe = Recipe.model_validate(RECIPE.model_dump(mode="json") | {"components": components})
    resolved = case.resolve()
    assert resolved.total == 1200
    one = [row["id"] for row in case.rows(resolved)]
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    tasks = list(shard_tasks("out", resolved))
    assert len(tasks) == 16
    assert [row["id"] for task in tasks for row in emit_task(task).rows.to_pylist()] == one
    assert one.count(one[0]) == 200


def test_what_was_found_before_quotas_is_kept_for_another_ratio(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shares, caps and totals find it; conditions, filters, style and seed do not."""
    first = case.resolve("store")
    assert Path(first.facts.folder).parent == case.folder / "store" / "resolved"
    rows, ledger = case.rows(first), case.ledger(first)
    with monkeypatch.context() as patch:
        patch.setattr(resolution, "_judge", None)
        again = case.resolve("store")
        assert case.rows(again) == rows and case.ledger(again).equals(ledger)
        assert case.resolve("store", num_samples=4).solution.quotas == (2, 2)
        shares = [
            part.model_copy(update={"share": share})
            for part, share in zip(
                case.recipe.components, (Fraction(2, 3), Fraction(1, 3)), strict=True
            )
        ]
        whole = case.recipe
        case.recipe = whole.model_copy(update={"components": tuple(shares)})
        assert case.resolve("store").solution.quotas == (6, 3)
    case.recipe = whole
    for change in ({"seed": 1}, {"style": "smolvlm2"}, {"max_sample_tokens": 9}):
        case.recipe = whole.model_copy(update=change)
        assert kept_parts.parts_key(case.curated, case.judges()) not in first.facts.folder


def test_what_is_kept_has_a_limit(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_parts, "MAX_BYTES", 1)
    found = case.resolve("store")
    assert (
        found.facts.folder.endswith("facts") and not (case.folder / "store" / "resolved").exists()
    )
    monkeypatch.setattr(kept_parts, "MAX_BYTES", 1 << 40)
    monkeypatch.setattr(kept_parts, "_IN_USE_S", -1.0)
    first = case.resolve("store")
    monkeypatch.setattr(kept_parts, "MAX_BYTES", 3 * kept_parts._size(first.facts.folder) // 2)
    case.recipe = case.recipe.model_copy(update={"seed": 1})
    second = case.resolve("store")
    assert not Path(first.facts.folder).exists() and Path(second.facts.folder).exists()
