"""Near duplicates through resolve, on store folders written by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mixtures.recipe import Recipe
from pipelines import parts, stored_rows
from pipelines.alike import bands, same, verify, walk
from pipelines.exclude import Exclusions
from tests.pipelines.hand_made import Chat, curated, image, write_media
from tests.pipelines.near.plain import edited, plain_jaccard, prose
from tests.pipelines.resolving import RECIPE, Case, write_rows

QUESTION = "What do the engineers of the north say about bridges that nobody has crossed yet?"


def _recipe(**near: Any) -> Recipe:
    asked = {"near_duplicates": {"text": {}} | near}
    return Recipe.model_validate(RECIPE.model_dump(exclude_unset=True) | asked)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_rows, "BATCH_ROWS", 2)


def _case(folder: Path, *files: list[Chat], recipe: Recipe | None = None) -> Case:
    media = [write_media(folder / "m", *(image(f"k{n}") for n in range(3)))]
    rows = [
        (write_rows(folder / f"rows{n}", *chats), f"{n}.parquet") for n, chats in enumerate(files)
    ]
    return Case(folder, [curated(media, rows)], recipe or _recipe())


def _near(case: Case, **asked: Any) -> dict[int, tuple[str | None, str | None]]:
    """(id that it matched, value) of each near duplicate by its row."""
    ledger = case.ledger(case.resolve(**asked))
    found = ledger.filter(pl.col("rule") == "near_duplicate")
    assert found["fate"].unique().to_list() in ([], ["duplicate_of"])
    return {row: (m, v) for row, m, v in found.select("row", "matched", "value").iter_rows()}


def _id(chat: Chat) -> str:
    return f"the_cauldron/{chat.subset}/{chat.content_id}"


FIRST = Chat(0, QUESTION, prose(60, 1))
AGAIN = Chat(1, QUESTION.upper(), edited(prose(60, 1), 0.02, 2))
OTHER = Chat(2, QUESTION, prose(60, 3))
FILL = [Chat(900 + n, f"What is in the picture {n}?", media=(f"k{n}",)) for n in range(3)]

# What is compared with FIRST, and whether it is its near duplicate.
CASES = {
    "a few words are others": (Chat(5, QUESTION, edited(prose(60, 1), 0.02, 2)), True),
    "case and punctuation are others": (Chat(5, QUESTION[:-1].lower(), prose(60, 1) + "!"), True),
    "the answer is another": (Chat(5, QUESTION, prose(60, 3)), False),
    "the question is another": (Chat(5, prose(14, 8), prose(60, 1)), False),
    "half the words are others": (Chat(5, QUESTION, edited(prose(60, 1), 0.5, 2)), False),
    "there is an image besides": (Chat(5, QUESTION, prose(60, 1), media=("k0",)), False),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_a_near_duplicate(tmp_path: Path, name: str) -> None:
    chat, is_near = CASES[name]
    found = _near(_case(tmp_path, [FIRST, OTHER], [chat, *FILL]))
    assert set(found) == ({5} if is_near else set())
    kept = min(FIRST, chat, key=lambda one: one.content_id) if is_near else None
    if kept is FIRST:
        assert found[5][0] == _id(FIRST)


def test_the_same_question_of_the_same_image_and_no_other(tmp_path: Path) -> None:
    chats = [
        Chat(1, "What is it?", "A cat.", media=("k0",)),
        Chat(2, "What is it?", "a cat", media=("k0",)),
        Chat(3, "What is it?", "A cat.", media=("k1",)),
        Chat(4, "What is it?", "A dog.", media=("k0",)),
        Chat(5, "Is it it what?", "A cat.", media=("k0",)),
    ]
    found = _near(_case(tmp_path, chats, [FIRST]))
    assert len(found) == 1 and set(found) < {1, 2}
    ((_, value),) = found.values()
    assert value == "similarity=1.0"


@pytest.mark.parametrize("chat", ["user", "answers"])
def test_chats_may_be_compared_by_one_side(tmp_path: Path, chat: str) -> None:
    chats = [FIRST, OTHER, Chat(3, prose(20, 9), FIRST.answer), *FILL]
    found = _near(_case(tmp_path, chats, recipe=_recipe(text={"chat": chat})))
    pair = {0, 2} if chat == "user" else {0, 3}
    assert len(found) == 1 and set(found) < pair


def test_copies_are_copies_and_match_what_is_kept(tmp_path: Path) -> None:
    """Equal content is an exact duplicate, unless all of it is the near duplicate of another."""
    case = _case(
        tmp_path,
        [FIRST, replace(FIRST, row=1), replace(AGAIN, row=2), replace(AGAIN, row=3), *FILL],
    )
    ledger = case.ledger(case.resolve())
    found = {
        row: (rule, matched)
        for row, rule, matched in ledger.select("row", "rule", "matched").iter_rows()
    }
    kept, gone = (FIRST, AGAIN) if FIRST.content_id < AGAIN.content_id else (AGAIN, FIRST)
    rows = {FIRST: (0, 1), AGAIN: (2, 3)}
    assert [found[row] for row in rows[gone]] == [("near_duplicate", _id(kept))] * 2
    assert found[rows[kept][1]] == ("exact_duplicate", _id(kept))
    assert found[rows[kept][0]] == ("text", None)


def test_what_a_list_names_is_kept_for_nobody(tmp_path: Path) -> None:
    case = _case(tmp_path, [FIRST, AGAIN, OTHER, *FILL])
    for named, other in ((FIRST, AGAIN), (AGAIN, FIRST)):
        listed = replace(case, exclusions=Exclusions((_id(named),)))
        ledger = listed.ledger(listed.resolve(f"without-{named.row}"))
        rules = dict(ledger.select("row", "rule").iter_rows())
        assert rules[named.row] == "excluded" and rules[other.row] == "text"


def _families() -> list[Chat]:
    """Texts in families of growing distance, copies among them."""
    chats: list[Chat] = []
    for family in range(8):
        for place, share in enumerate((0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.3, 0.0)):
            text = edited(prose(80, family), share, family * 100 + place)
            chats.append(Chat(len(chats), QUESTION, text))
    return chats


def _matches(case: Case, scratch: str, **asked: Any) -> pl.DataFrame:
    """What became of each row: by its id alone, not by where it stood."""
    ledger = case.ledger(case.resolve(scratch, **asked))
    return ledger.select("id", "rule", "matched", "value").sort(pl.all())


def test_neither_the_cut_of_the_work_nor_the_order_of_rows_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = _families()
    case = _case(tmp_path, chats[0::3], [*chats[1::3], *FILL], chats[2::3])
    whole = _matches(case, "whole")
    near = whole.filter(pl.col("rule") == "near_duplicate")
    assert near.height > 10
    assert set(near["matched"]) <= set(whole.filter(pl.col("rule") == "text")["id"])
    other = _case(tmp_path / "other", list(reversed(chats[20:])), FILL, chats[:20])
    assert _matches(other, "other").equals(whole)
    monkeypatch.setattr(parts, "PART_ROWS", 1)
    monkeypatch.setattr(same, "MANY_ROWS", 5)
    monkeypatch.setattr(bands, "MANY_ROWS", 20)
    monkeypatch.setattr(verify, "MANY_PAIRS", 3)
    monkeypatch.setattr(walk, "MANY_PAIRS", 4)
    assert _matches(case, "cut", memory_bytes=4_000).equals(whole)


def test_what_is_dropped_is_alike_to_what_is_kept(tmp_path: Path) -> None:
    """Held against plain counts: every drop is right, and few are missed."""
    chats = _families()
    texts = {_id(chat): chat.answer for chat in chats}
    found = _matches(_case(tmp_path, chats, FILL), "scratch")
    kept = found.filter(pl.col("rule") == "text")["id"].unique().to_list()
    near = found.filter(pl.col("rule") == "near_duplicate")
    for one, other, value in near.select("id", "matched", "value").iter_rows():
        similarity = plain_jaccard(texts[one], texts[other])
        assert similarity >= 0.8 and value == f"similarity={round(similarity, 3)}"
    family = {_id(chat): chat.row // 8 for chat in chats}
    pairs = [pair for pair in itertools.combinations(kept, 2) if len({*map(family.get, pair)}) == 1]
    left = [(a, b) for a, b in pairs if plain_jaccard(texts[a], texts[b]) >= 0.8]
    assert len(left) <= 1, "14 bands of 8 find 0.92 of the pairs at 0.8"
