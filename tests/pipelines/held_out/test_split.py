"""Which rows are held out, on stores written by hand: held against a plain telling of the rule."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import InfeasibleError
from mixtures.holdout import group_draws, is_held
from mixtures.recipe import Recipe
from pipelines import parts, shards
from pipelines.alike.media import Classes
from pipelines.resolution import Resolved
from pipelines.shard_rows import emit_task
from pipelines.shards import held_shard_tasks
from tests.pipelines.hand_made import Chat, curated, digest_of, image, write_media
from tests.pipelines.resolving import Case, write_rows

SHARE = Fraction(3, 10)
KEYS = [f"k{n}" for n in range(10)]
# So that something is left to train on.
TEXTS = [Chat(n, f"text {n}") for n in range(12)]


def recipe(**more: Any) -> Recipe:
    part = {"name": "all", "share": "1", "sources": ["the_cauldron"], "max_repeat": 4}
    raw = {"name": "x", "description": "all of it", "unit": "samples", "components": [part]}
    return Recipe.model_validate(raw | more)


def case_of(folder: Path, chats: list[Chat], **more: Any) -> Case:
    """Two row folders, as if of two files."""
    media = [write_media(folder / "m", *(image(key) for key in KEYS))]
    half = len(chats) // 2
    rows = [
        (write_rows(folder / "a", *chats[:half]), "a.parquet"),
        (write_rows(folder / "b", *chats[half:]), "b.parquet"),
    ]
    return Case(folder, [curated(media, rows)], recipe(**more))


def held_key(hexes: str) -> bool:
    halves = np.frombuffer(bytes.fromhex(hexes)[:16], "<u8")
    return bool(is_held(group_draws(halves[:1], halves[1:]), SHARE)[0])


def groups_of(chat: Chat) -> set[str]:
    return {digest_of(key) for key in chat.media} or {chat.content_id}


def told(chats: list[Chat]) -> dict[int, str]:
    """By row: train, validation or shares_media, as docs/decisions/010 has it."""
    touched = {c.row for c in chats if any(map(held_key, groups_of(c)))}
    trained = set().union(*(groups_of(c) for c in chats if c.row not in touched))
    return {
        c.row: "train"
        if c.row not in touched
        else ("shares_media" if groups_of(c) & trained else "validation")
        for c in chats
    }


def found(case: Case, resolved: Resolved) -> dict[int, str]:
    ledger = case.ledger(resolved).sort("row")
    is_left = pl.col("fate").is_in(["kept", "not_drawn"])
    splits = ledger.select("row", split=pl.when(is_left).then(pl.lit("train")).otherwise("rule"))
    return dict(splits.iter_rows())


def held_rows(resolved: Resolved) -> list[dict[str, Any]]:
    tasks = (emit_task(task) for task in held_shard_tasks("out", resolved))
    return [row for task in tasks for row in task.rows.to_pylist()]


shown = st.lists(st.lists(st.sampled_from(KEYS), max_size=3, unique=True), max_size=25)


@settings(max_examples=25)
@given(shown, st.integers(0, 3))
def test_the_splits_share_no_group_and_no_row_is_lost(media: list[list[str]], seed: int) -> None:
    chats = [Chat(20 + n, f"row {n}", media=tuple(keys)) for n, keys in enumerate(media)]
    chats = [*TEXTS, *chats]
    with TemporaryDirectory() as folder:
        case = case_of(Path(folder), chats, seed=seed)
        resolved = case.resolve(holdout=SHARE, num_samples=3 + seed)
        expected = told(chats)
        assert found(case, resolved) == expected
        emitted = [row["id"].rpartition("/")[2] for row in held_rows(resolved)]
        held = {c.content_id for c in chats if expected[c.row] == "validation"}
        assert len(emitted) == len(held) and set(emitted) == held
        assert {row["id"].rpartition("/")[2] for row in case.rows(resolved)}.isdisjoint(held)


# One key that is held out, and two that are not.
HELD = next(key for key in KEYS if held_key(digest_of(key)))
FREE, ALONE = [key for key in KEYS if not held_key(digest_of(key))][:2]
BRIDGES = [
    Chat(20, "of both, and another row is trained on the one", media=(HELD, FREE)),
    Chat(21, "that other row", media=(FREE,)),
    Chat(22, "of both, and nobody else shows the one", media=(HELD, ALONE)),
    Chat(23, "held out alone", media=(HELD,)),
]


@pytest.fixture
def bridges(tmp_path: Path) -> Case:
    return case_of(tmp_path, [*TEXTS, *BRIDGES])


def test_a_row_that_shows_media_of_both_is_in_neither(bridges: Case) -> None:
    resolved = bridges.resolve(holdout=SHARE)
    splits = found(bridges, resolved)
    assert [splits[row] for row in (20, 21, 22, 23)] == [
        "shares_media",
        "train",
        "validation",
        "validation",
    ]
    assert resolved.split.num_shared == 1
    entry = bridges.ledger(resolved).filter(pl.col("row") == 20)
    assert entry.select("fate", "stage", "value").rows() == [("held_out", "holdout", "all")]


def test_media_that_are_alike_are_held_out_together(bridges: Case) -> None:
    """What shows a part of a held-out one is held out as well."""
    first = bridges.resolve(holdout=SHARE)
    one, other = (bytes.fromhex(digest_of(key)) for key in (FREE, HELD))
    near = {"digest": [one], "same": [one], "like": [other], "rule": ["clip_part"], "value": [""]}
    Classes.write(first.facts.folder, pl.DataFrame(near))
    again = bridges.resolve(holdout=SHARE)
    assert again.facts.is_kept
    splits = found(bridges, again)
    assert [splits[row] for row in (20, 21, 22, 23)] == ["validation"] * 4


def test_the_cut_of_the_work_is_not_seen(bridges: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part, bucket and shard, or many of each."""
    whole = bridges.resolve("whole", holdout=SHARE)
    expected, ledger = held_rows(whole), bridges.ledger(whole)
    monkeypatch.setattr(parts, "PART_ROWS", 1)
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    cut = bridges.resolve("cut", holdout=SHARE, memory_bytes=500)
    assert len(cut.facts.parts) == 2 and len(cut.facts.buckets) > 4
    rows = held_rows(cut)
    for row in [*expected, *rows]:
        del row["media"], row["folder"]  # positions in what was cut
    assert rows == expected and len(rows) > 3
    assert bridges.ledger(cut).equals(ledger)
    assert cut.split.totals == whole.split.totals


def test_the_order_of_sources_does_not_matter(tmp_path: Path) -> None:
    case = case_of(tmp_path, [*TEXTS, *BRIDGES])
    part = {"name": "all", "share": "1", "sources": ["the_cauldron", "m4_instruct"]}
    case.recipe = recipe(components=[part])
    more = [Chat(60 + n, f"pair {n}", media=(key, FREE)) for n, key in enumerate(KEYS)]
    more = [replace(chat, subset="NLVR2") for chat in more if chat.media[0] != FREE]
    case.curated.append(
        replace(
            curated([str(tmp_path / "m")], [(write_rows(tmp_path / "c", *more), "c")]),
            name="m4_instruct",
        )
    )
    expected = [row["id"] for row in held_rows(case.resolve("first", holdout=SHARE))]
    case.curated.reverse()
    assert expected == [row["id"] for row in held_rows(case.resolve("then", holdout=SHARE))]
    assert expected


def test_a_shortage_tells_what_was_held_out(tmp_path: Path) -> None:
    case = case_of(tmp_path, TEXTS)
    left = sum(split == "train" for split in told(TEXTS).values())
    case.resolve("enough", holdout=SHARE, num_samples=4 * left)
    with pytest.raises(InfeasibleError, match=rf"{12 - left} held_out by --holdout"):
        case.resolve("more", holdout=SHARE, num_samples=4 * left + 1)


def test_a_copy_of_a_held_out_row_is_a_duplicate(tmp_path: Path) -> None:
    held = next(chat for chat in TEXTS if held_key(chat.content_id))
    case = case_of(tmp_path, [*TEXTS, replace(held, row=50)])
    entry = case.ledger(case.resolve(holdout=SHARE)).filter(pl.col("row") == 50)
    assert entry["fate"].to_list() == ["duplicate_of"]
    assert entry["matched"].to_list() == [f"the_cauldron/ai2d/{held.content_id}"]
