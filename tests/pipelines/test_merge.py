"""Merging: which rows become one conversation, under which id, and what becomes of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from manifests.ids import content_id, turn_digest
from mixtures.recipe import Recipe
from pipelines import parts
from pipelines.exclude import Exclusions
from tests.pipelines.hand_made import Chat, curated, digest_of, image, write_media
from tests.pipelines.resolving import RECIPE, Case, write_rows


def asked(row: int, text: str, key: str = "k", **more: Any) -> Chat:
    return Chat(row, text, media=(key,), **more)


def merging(folder: Path, chats: list[list[Chat]], **more: Any) -> Case:
    """Each list is a folder of the_cauldron; k and l are two media, k2 is another name of k."""
    media = [image("k"), image("k2", digest=digest_of("k")), image("l")]
    folders = [
        (write_rows(folder / f"r{n}", *part), f"{n}.parquet") for n, part in enumerate(chats)
    ]
    source = curated([write_media(folder / "m", *media)], folders)
    fields = RECIPE.model_dump(mode="json") | {"merge": "same_media"} | more
    fields["components"] = [{"name": "all", "share": "1", "sources": ["the_cauldron"]}]
    return Case(folder, [source], Recipe.model_validate(fields))


def test_questions_about_the_same_media_become_one_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Across folders and names of the media; another media, and a row without media, stay."""
    monkeypatch.setattr(parts, "PART_ROWS", 1)
    first = [asked(0, "Who?"), asked(1, "What?", "l"), Chat(2, "text")]
    second = [asked(5, "Where?", "k2"), asked(6, "Who?", "k2", answer="Bob."), asked(7, "Who?")]
    case = merging(tmp_path, [first, second])
    resolved = case.resolve(memory_bytes=700)
    rows = {row["row"]: row for row in case.rows(resolved)}
    assert sorted(rows) == [0, 1, 2]
    assert [other["row"] for other in rows[0]["others"]] == [5, 6]
    assert rows[0]["turns"] == [0, 1, 2] and rows[1]["others"] is None
    turns = [turn_digest(chat.items) for chat in (first[0], second[0], second[1])]
    merged = f"the_cauldron/ai2d/{content_id(turns, [digest_of('k')])}"
    assert rows[0]["id"] == merged
    ledger = case.ledger(resolved).sort("row")
    assert ledger.select("row", "fate", "stage", "rule", "matched").rows() == [
        (0, "kept", "quota", "all", None),
        (1, "kept", "quota", "all", None),
        (2, "kept", "quota", "all", None),
        (5, "merged_into", "merge", "same_media", merged),
        (6, "merged_into", "merge", "same_media", merged),
        (7, "duplicate_of", "deduplicate", "exact_duplicate", merged),
    ]
    ids = dict(ledger.select("row", "id").iter_rows())
    own = content_id([turn_digest(second[0].items)], [digest_of("k")])
    assert ids[0] == merged and ids[5] == f"the_cauldron/ai2d/{own}"


def test_a_merged_conversation_counts_its_media_once(tmp_path: Path) -> None:
    one, two = asked(0, "Who is it?"), asked(1, "Where is it?")
    alone = merging(tmp_path / "a", [[one]], merge="none")
    both = merging(tmp_path / "b", [[one, two]])
    text = merging(tmp_path / "c", [[Chat(1, "Where is it?")]], merge="none")
    counts = [case.rows(case.resolve())[0] for case in (alone, both, text)]
    assert counts[1]["num_media_tokens"] == counts[0]["num_media_tokens"]
    sums = counts[0]["num_answer_tokens"] + counts[2]["num_answer_tokens"]
    assert sums - 1 <= counts[1]["num_answer_tokens"] <= sums  # estimates are rounded up
    assert counts[1]["text_bytes"] == counts[0]["text_bytes"] + counts[2]["text_bytes"]


def test_at_most_seven_turns_then_another_conversation(tmp_path: Path) -> None:
    case = merging(tmp_path, [[asked(n, f"Question {n}?") for n in range(10)]])
    rows = case.rows(case.resolve("seven"))
    assert sorted((row["row"], len(row["others"])) for row in rows) == [(0, 6), (7, 2)]
    case.recipe = case.recipe.model_copy(update={"max_turns": 4})
    rows = case.rows(case.resolve("four"))
    assert sorted((row["row"], len(row["others"])) for row in rows) == [(0, 3), (4, 3), (8, 1)]


def test_what_would_be_too_long_is_not_merged(tmp_path: Path) -> None:
    chats = [asked(0, "long " * 60), asked(1, "long too " * 60)]
    case = merging(tmp_path, [chats])
    single = case.rows(case.resolve("whole"))[0]["num_tokens"]
    case.recipe = case.recipe.model_copy(update={"max_sample_tokens": single - 1})
    rows = case.rows(case.resolve("apart"))
    assert sorted(row["row"] for row in rows) == [0, 1]
    assert {row["fate"] for row in case.ledger(case.resolve("again")).to_dicts()} == {"kept"}


def test_dialogues_and_other_components_are_not_merged(tmp_path: Path) -> None:
    """Two questions in one row hang together; a system message would be cut into another's."""
    case = merging(tmp_path, [[asked(0, "Who?"), asked(1, "Where?", subset="aokvqa")]])
    parts_ = [
        {"name": "a", "share": "1/2", "sources": ["the_cauldron/ai2d"]},
        {"name": "b", "share": "1/2", "sources": ["the_cauldron/aokvqa"]},
    ]
    fields = case.recipe.model_dump(mode="json") | {"components": parts_}
    case.recipe = Recipe.model_validate(fields)
    assert len(case.rows(case.resolve())) == 2


def test_merged_turns_are_shuffled_stably_where_the_recipe_says_so(tmp_path: Path) -> None:
    chats = [asked(n, f"Question {n}?") for n in range(6)]
    case = merging(tmp_path, [chats], shuffle_turns=True)
    (row,) = case.rows(case.resolve("one"))
    (again,) = case.rows(case.resolve("two"))
    assert sorted(row["turns"]) == list(range(6)) and row["turns"] != list(range(6))
    assert again["turns"] == row["turns"]
    case.recipe = case.recipe.model_copy(update={"seed": 1})
    (other,) = case.rows(case.resolve("three"))
    assert other["turns"] != row["turns"] and other["id"] == row["id"]


def test_a_conversation_goes_by_the_id_that_it_would_have(tmp_path: Path) -> None:
    """What users see is the id of what was merged: a list that names it takes all its rows out."""
    case = merging(tmp_path, [[asked(0, "Who?"), asked(1, "Where?"), asked(2, "What?", "l")]])
    (merged,) = {row["id"] for row in case.rows(case.resolve("before")) if row["others"]}
    case.exclusions = Exclusions((merged, "nothing"))
    resolved = case.resolve("after")
    rows = case.ledger(resolved).sort("row").select("row", "fate", "stage", "rule", "value").rows()
    assert rows == [
        (0, "dropped", "access", "excluded", merged),
        (1, "dropped", "access", "excluded", merged),
        (2, "kept", "quota", "all", None),
    ]
    assert resolved.facts.named == (merged,) and resolved.num_excluded == 2


def test_a_row_of_too_many_turns_is_trimmed_and_not_merged(tmp_path: Path) -> None:
    """Alone it is more than a conversation may have, also with a row that adds nothing to it."""
    long = asked(0, "First?", more=("Second?", "Third?"))
    chats = [long, asked(1, "First?", "k2"), asked(2, "Other?")]
    case = merging(tmp_path, [chats], max_turns=2)
    resolved = case.resolve()
    rows = {row["row"]: row for row in case.rows(resolved)}
    assert rows[0]["turns"] == [0, 1] and rows[0]["others"] is None
    assert [other["row"] for other in rows[1]["others"]] == [2]
    fates = case.ledger(resolved).select("row", "fate", "turns").rows()
    assert fates == [
        (0, "kept", "0-1"),
        (0, "trimmed", "2"),
        (1, "kept", None),
        (2, "merged_into", None),
    ]
