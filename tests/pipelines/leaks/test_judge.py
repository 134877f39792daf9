"""Fates of rows by hand: what leaks by words, by pictures, by both, and what does not."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from manifests.ledger import Fate, Stage
from manifests.storage import write_parquet
from mixtures.likeness import Decontaminate
from pipelines.join import Joined, join_rows
from pipelines.leaks.index_set import IndexRef, IndexSet
from pipelines.leaks.judge import decontaminate
from pipelines.leaks.plan import plan_leaks
from pipelines.measures import CODES, find
from pipelines.near.image_codes import image_codes_of
from pipelines.store import measure_path
from sources.benchmark_item import BenchmarkItem
from tests.filters.pictures import picture
from tests.pipelines.hand_made import Chat, curated, image, write_chats, write_media
from tests.pipelines.leaks.rows import index_of, item
from tests.pipelines.near.near_clips import encoded

LONG = "How many crates does the captain of the green barge carry to the harbour each week?"
SHORT = "How old is the barge?"
GENERIC = "What is in the image?"
FILLER = "On the quay a clerk counts what is brought ashore and writes it into his book. "


def _shown(place: int, question: str, data: bytes) -> BenchmarkItem:
    return BenchmarkItem(
        benchmark="shown",
        place=f"val/{place}",
        question=question,
        answer="It is.",
        images=(data,),
    )


CHATS = {
    "verbatim": Chat(0, LONG),
    "within a longer turn": Chat(1, f"Tell me, please. {LONG} Think of the green barge first."),
    "short and whole": Chat(2, SHORT),
    "in an answer": Chat(3, "Say more.", f"{FILLER * 5} {LONG} Ninety crates. {FILLER * 5}"),
    "of a picture, without it": Chat(4, GENERIC),
    "its picture and question": Chat(5, GENERIC, media=("cat.jpg",)),
    "its picture, another question": Chat(6, "Is it asleep?", media=("cat.jpg",)),
    "another picture, its question": Chat(7, GENERIC, media=("cup.jpg",)),
    "nothing": Chat(8, "How are you today?"),
    "the second of its turns": Chat(9, "Hello there.", more=(LONG,)),
    "two words": Chat(10, "Is it?"),
}
BY_WORDS = {"verbatim", "within a longer turn", "short and whole", "the second of its turns"}


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Joined, IndexSet]:
    """Measured rows, and the benchmarks that they were held against."""
    folder = tmp_path_factory.mktemp("leaks")
    quiz = [item(0, LONG, answer="Ninety crates."), item(1, SHORT, answer="9"), item(2, "Is it?")]
    index_of(folder / "quiz", quiz)
    index_of(folder / "shown", [_shown(4, GENERIC, encoded(picture("chelsea"), 95))], "shown")
    media = write_media(folder / "media", image("cat.jpg"), image("cup.jpg"))
    pictures = [encoded(picture(name), 60) for name in ("chelsea", "coffee")]
    codes = [image_codes_of(data).row() for data in pictures]
    for name in CODES:
        measure = find(name)
        seen = [row if name == "image_codes" else {} for row in codes]
        rows = [{"kind_code": "image", "is_measured": bool(row), **row} for row in seen]
        write_parquet(measure_path(media, measure), pa.Table.from_pylist(rows, measure.scores))
    rows_folder = write_chats(folder / "rows", *CHATS.values())
    source = curated([media], [(rows_folder, "a.parquet")])
    index_set = IndexSet.of([IndexRef.of_folder(str(folder / n)) for n in ("shown", "quiz")])
    for task in plan_leaks([source], index_set):
        task.function(*task.args)
    assert plan_leaks([source], index_set) == []
    return join_rows([source]), index_set


def _leaked(joined: Joined, index_set: IndexSet, **settings: Any) -> dict[str, dict[str, str]]:
    index = decontaminate(joined, Decontaminate.model_validate(settings), index_set)
    names = list(CHATS)
    found = index.filter(pl.col("fate") == Fate.LEAKED.value)
    assert set(found["stage"]) <= {Stage.DECONTAMINATE.value}
    return {names[row["row"]]: row for row in found.to_dicts()}


def test_each_rule_finds_its_own(held: tuple[Joined, IndexSet]) -> None:
    found = _leaked(*held)
    pictured = {"its picture and question", "its picture, another question"}
    assert found.keys() == BY_WORDS | pictured | {"in an answer"}
    rules = {name: row["rule"] for name, row in found.items()}
    assert {rules[name] for name in BY_WORDS} == {"leaked_question"}
    assert rules["in an answer"] == "leaked_text"
    assert {rules[name] for name in pictured} == {"leaked_image"}
    assert found["verbatim"]["matched"] == "quiz/test/0"
    assert found["verbatim"]["value"] == "quiz/test/0: coverage=1.0 words=16"
    assert found["its picture and question"]["matched"] == "shown/val/4"
    assert found["its picture and question"]["value"].startswith("shown/val/4: tiles bits=0 ")


def test_a_picture_may_be_asked_to_come_with_its_question(held: tuple[Joined, IndexSet]) -> None:
    found = _leaked(*held, vqa="image_and_question")
    assert found.keys() == BY_WORDS | {"in an answer", "its picture and question"}
    assert found["its picture and question"]["value"].endswith("exact=1.0 words=5")


def test_thresholds_are_judged_from_scores(held: tuple[Joined, IndexSet]) -> None:
    """Of the answer all of the question is found: no threshold passes it."""
    joined, index_set = held
    assert "in an answer" in _leaked(joined, index_set, least_subsequence=1.0)
    with pytest.raises(ValueError, match="greater than or equal to 0.25"):
        _leaked(joined, index_set, least_coverage=0.1)


def test_a_row_with_a_fate_keeps_it(held: tuple[Joined, IndexSet]) -> None:
    joined, index_set = held
    gone = pl.when(pl.col("row") == 0).then(pl.lit(Fate.DROPPED.value)).otherwise("fate")
    judged = Joined(
        joined.index.with_columns(fate=gone),
        joined.media,
        joined.row_folders,
        joined.media_folders,
    )
    assert _leaked(judged, index_set).keys() == _leaked(joined, index_set).keys() - {"verbatim"}
