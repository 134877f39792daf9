"""What becomes of a row: the first reason that holds, and the first of equal rows stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import filters
from manifests.errors import RecipeError, UsageError
from pipelines.join import join_rows
from pipelines.judge import judge_filters, parse_policies
from tests.pipelines.hand_made import (
    Chat,
    broken,
    clip,
    curated,
    image,
    measure,
    reject,
    write_chats,
    write_media,
)

Fate = tuple[str | None, str | None, str | None, str | None]


def judged(folder: Path, media: list[Any], chats: list[Chat], *names: str) -> list[Fate]:
    """(fate, stage, rule, value) of each chat under these filters with their defaults."""
    source = curated(
        [write_media(folder / "media", *media)],
        [
            (write_chats(folder / "r0", *chats[:1], rejected=[reject(99, "no_turns")]), "a"),
            (write_chats(folder / "r1", *chats[1:]), "b"),
        ],
    )
    measure(source, [filters.get(name) for name in names])
    index = judge_filters(join_rows([source]), parse_policies({name: {} for name in names}))
    rows = index.filter(pl.col("row") != 99).sort("row")
    assert index.filter(pl.col("row") == 99)["rule"].to_list() == ["no_turns"]
    return rows.select("fate", "stage", "rule", "value").rows()


KEPT: Fate = (None, None, None, None)


def test_the_first_reason_in_the_recipes_order_counts(tmp_path: Path) -> None:
    """A chat with an empty question and no answer has a reason of each of two filters."""
    chats = [Chat(0), Chat(1, text="", answer=""), Chat(2, text="")]
    for first, second in (("roles", "empty_turns"), ("empty_turns", "roles")):
        rows = judged(tmp_path / first, [], chats, first, second)
        reason = {"roles": "no_answer", "empty_turns": "empty_turn"}[first]
        assert rows[0] == KEPT
        assert rows[1][:3] == ("dropped", "filter", reason)
        assert rows[2][:3] == ("dropped", "filter", "empty_turn")


def test_the_measured_values_are_told(tmp_path: Path) -> None:
    rows = judged(tmp_path, [], [Chat(0), Chat(1, answer="")], "roles")
    assert rows[1][3] == (
        "num_messages=1 num_assistant_messages=0 num_misplaced_messages=0 ends_with_assistant=false"
    )


def test_a_media_filter_hits_the_samples_that_hold_the_media(tmp_path: Path) -> None:
    """And no other, though media, folders and samples are all numbered apart."""
    media = [
        image("fine"),
        broken("torn", "image_truncated"),
        image("tiny", (10, 20)),
        image("strip", (4000, 30)),
        clip("dot", [0], width=5, height=5),
    ]
    chats = [
        Chat(0, media=("fine",)),
        Chat(1, media=("fine", "tiny")),
        Chat(2),
        Chat(3, media=("torn",)),
        Chat(4, media=("strip", "tiny")),
        Chat(5, media=("tiny", "strip")),
        Chat(6, media=("dot",), kind="video"),
    ]
    rows = judged(tmp_path, media, chats, "image_bounds")
    assert [row[:3] for row in rows] == [
        (None, None, None),
        ("dropped", "filter", "image_side_too_small"),
        (None, None, None),
        ("unreadable", "join", "image_truncated"),
        ("dropped", "filter", "aspect_ratio_too_high"),
        ("dropped", "filter", "image_side_too_small"),
        ("dropped", "filter", "image_side_too_small"),
    ]
    assert rows[1][3] == "tiny: shortest_side_px=10 longest_side_px=20 aspect_ratio=2.0"


def test_a_fate_that_was_given_stays(tmp_path: Path) -> None:
    """A row whose media is missing is unreadable, whatever a filter would say of it."""
    rows = judged(tmp_path, [image("tiny", (1, 1))], [Chat(0), Chat(1, "", media=("no",))], "roles")
    assert rows[1] == ("unreadable", "join", "media_missing", "no")


def test_sources_without_media_or_rows_are_judged(tmp_path: Path) -> None:
    names = ("roles", "image_bounds")
    source = curated(rows=[(write_chats(tmp_path / "r"), "a")])
    measure(source, [filters.get(name) for name in names])
    index = judge_filters(join_rows([source]), parse_policies({name: {} for name in names}))
    assert index.height == 0


def test_no_filters(tmp_path: Path) -> None:
    assert judged(tmp_path, [], [Chat(0, text="")]) == [KEPT]


def test_parameters_are_those_of_the_recipe(tmp_path: Path) -> None:
    source = curated(
        [write_media(tmp_path / "m", image("a", (30, 30)))],
        [(write_chats(tmp_path / "r", Chat(0, media=("a",))), "a")],
    )
    measure(source, [filters.get("image_bounds")])
    joined = join_rows([source])
    for side, fate in ((30, None), (31, "dropped")):
        policies = parse_policies({"image_bounds": {"min_side_px": side}})
        assert judge_filters(joined, policies)["fate"].to_list() == [fate]


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ({"rolls": {}}, "there is no filter 'rolls'; did you mean 'roles'?"),
        ({"roles": {"strict": True}}, "filter roles: strict: .*it takes no parameters"),
        ({"image_bounds": {"min_side": 3}}, "filter image_bounds: min_side: .*takes min_side_px"),
        ({"image_bounds": {"min_side_px": 0}}, "min_side_px: Input should be greater than or"),
    ],
)
def test_a_policy_that_cannot_be(policies: dict[str, dict[str, Any]], words: str) -> None:
    with pytest.raises((RecipeError, UsageError), match=words):
        parse_policies(policies)
