"""Conditions on what the index does not hold: durations, scores of filters, fields of upstream."""

from __future__ import annotations

from pathlib import Path

import pytest

import filters
from mixtures.recipe import Recipe
from pipelines.join import join_rows
from pipelines.where_columns import with_where_columns
from tests.pipelines.hand_made import Chat, clip, curated, image, measure, write_media
from tests.pipelines.resolving import Case, write_rows

SHORT, LONG = "short.mp4", "long.mp4"
MEDIA = [
    clip(SHORT, [0, 1000], duration_ms=12_000),
    clip(LONG, [0, 1000], duration_ms=240_500),
    image("a"),
]
FIRST = [
    Chat(0, "Who?", media=(SHORT,), kind="video"),
    Chat(1, "Who?", media=(LONG,), kind="video"),
    Chat(2, "Why is it so, and since when?", extra='{"quality": "good", "tags": {"lang": "en"}}'),
]
SECOND = [
    Chat(3, "Why?", extra='{"quality": "bad", "tags": {"lang": "de"}}'),
    Chat(4, "And so on, word after word?", media=("a",)),
    Chat(5, "null is no word", extra='{"quality": null}'),
]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    folders = [
        (write_rows(tmp_path / "a", *FIRST), "a.parquet"),
        (write_rows(tmp_path / "b", *SECOND), "b.parquet"),
    ]
    source = curated([write_media(tmp_path / "m", *MEDIA)], folders)
    measure(source, [filters.get("turn_length")])
    return Case(tmp_path, [source])


def recipe(*wheres: str) -> Recipe:
    """A component a condition, of equal shares."""
    parts = [
        {"name": f"c{n}", "share": f"1/{len(wheres)}", "where": where, "sources": ["the_cauldron"]}
        for n, where in enumerate(wheres)
    ]
    fields = {"name": "x", "description": "", "unit": "samples", "filters": {"turn_length": {}}}
    return Recipe.model_validate({**fields, "components": parts})


CASES: list[tuple[tuple[str, ...], list[set[int]]]] = [
    (("duration_s > 60", "duration_s <= 60 and duration_s > 0"), [{1}, {0}]),
    (("duration_s == 240.5",), [{1}]),
    (("turn_length.longest_turn_chars >= 20", "turn_length.longest_turn_chars < 20"),
     [{2, 4}, {0, 1, 3, 5}]),
    (("extra.quality == 'good'", "extra.quality == 'bad'"), [{2}, {3}]),
    (("extra.tags.lang in ['de', 'fr']",), [{3}]),
    (("extra.quality == 'good' and turn_length.longest_turn_chars > 20", "duration_s > 60"),
     [{2}, {1}]),
]  # fmt: skip


@pytest.mark.parametrize(("wheres", "rows"), CASES, ids=["; ".join(case[0]) for case in CASES])
def test_rows_are_those_that_meet_the_condition(
    wheres: tuple[str, ...], rows: list[set[int]], case: Case
) -> None:
    """From two folders, by a whole resolve; the others are of no component."""
    case.recipe = recipe(*wheres)
    resolved = case.resolve()
    found = case.ledger(resolved).select("row", "rule").rows()
    for number, wanted in enumerate(rows):
        assert {row for row, rule in found if rule == f"c{number}"} == wanted
    others = {row for row, rule in found if rule == "no_component"}
    assert others == set(range(6)) - set().union(*rows)


def test_what_a_row_does_not_have_is_null(case: Case) -> None:
    joined = join_rows(case.curated)
    names = ("extra.quality", "turn_length.longest_turn_chars")
    wanted = recipe("extra.quality == 'x' or turn_length.longest_turn_chars > 0")
    index = with_where_columns(joined.index, joined, wanted).sort("row")
    assert index.select(names).rows() == [
        (None, 6), (None, 6), ("good", 29), ("bad", 6), (None, 27), (None, 15)
    ]  # fmt: skip
    assert index.height == joined.index.height
