"""What becomes of a row: the first reason that holds, and the first of equal rows stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import filters
from manifests.errors import RecipeError, UsageError
from mixtures.recipe import Recipe
from mixtures.recipe_file import parse_recipe
from pipelines.join import join_rows
from pipelines.judge import judge_filters, parse_rules
from pipelines.kept_parts import parts_key
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
from tests.pipelines.resolving import Case

Fate = tuple[str | None, str | None, str | None, str | None]


def recipe(filters: dict[str, Any], policies: dict[str, Any] | None = None) -> Recipe:
    """A recipe of these filters; what it draws does not matter."""
    part = {"name": "all", "share": 1, "sources": ["the_cauldron"]}
    said = {"name": "judged", "description": "a test", "unit": "samples", "components": [part]}
    return Recipe.model_validate({**said, "filters": filters, "policies": policies or {}})


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
    index = judge_filters(join_rows([source]), parse_rules(recipe({name: {} for name in names})))
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
    index = judge_filters(join_rows([source]), parse_rules(recipe({name: {} for name in names})))
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
        rules = parse_rules(recipe({"image_bounds": {"min_side_px": side}}))
        assert judge_filters(joined, rules)["fate"].to_list() == [fate]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"rolls": {}}, "there is no filter 'rolls'; did you mean 'roles'?"),
        ({"roles": {"strict": True}}, "filter roles: strict: .*it takes no parameters"),
        ({"image_bounds": {"min_side": 3}}, "filter image_bounds: min_side: .*takes min_side_px"),
        ({"image_bounds": {"min_side_px": 0}}, "min_side_px: Input should be greater than or"),
    ],
)
def test_params_that_cannot_be(asked: dict[str, dict[str, Any]], words: str) -> None:
    with pytest.raises((RecipeError, UsageError), match=words):
        parse_rules(recipe(asked))


_WRITTEN = """name: written
description: a test
unit: samples
filters:
  turn_length: {max_chars: 9}
policies:
  code:
    turn_length:
      max_char: 5
components: [{name: all, share: 1, sources: [the_cauldron]}]
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            _WRITTEN,
            "r.yaml, line 9: recipe: filter turn_length: max_char: .*; did you mean 'max_chars'?",
        ),
        (
            _WRITTEN.replace("max_char:", "max_chars: x #"),
            "line 9: recipe: filter turn_length: max_c",
        ),
        (
            _WRITTEN.replace("{max_chars: 9}", "{max_chars: 0}"),
            "line 5: recipe: filter turn_length",
        ),
    ],
)
def test_wrong_params_are_told_with_their_line(text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        parse_rules(parse_recipe(text, "r.yaml"))


# --- policies -----------------------------------------------------------------------------------


def by_policy(
    folder: Path,
    categories: dict[str, str],
    filters_: dict[str, Any],
    policies: dict[str, Any],
    media: list[Any] | None = None,
    chats: list[Chat] | None = None,
) -> list[str | None]:
    """The reason of each chat; `categories` are those of the rows of a folder each."""
    chats = chats or [Chat(number) for number in range(len(categories))]
    folders = []
    for chat, (name, category) in zip(chats, categories.items(), strict=True):
        folders.append((write_chats(folder / name, chat, category=category), name))
    source = curated([write_media(folder / "media", *(media or []))], folders)
    rules = parse_rules(recipe(filters_, policies))
    measure(source, [rule.filter for rule in rules])
    found = judge_filters(join_rows([source]), rules)
    assert found.columns == join_rows([source]).index.columns
    return found.sort("row")["rule"].to_list()


CODE_AND_TALK = {"a": "code", "b": "instruction", "c": "math"}


def test_rows_are_judged_by_their_policys_params(tmp_path: Path) -> None:
    """All three chats are the same: an answer of 6 characters."""
    assert by_policy(
        tmp_path,
        CODE_AND_TALK,
        {"turn_length": {"max_chars": 5}},
        {"code": {"turn_length": {"max_chars": 11}}, "math": {"turn_length": {"min_chars": 7}}},
    ) == [None, "turn_too_long", "turn_too_short"]


def test_a_filter_is_off_for_a_policy(tmp_path: Path) -> None:
    assert by_policy(
        tmp_path,
        CODE_AND_TALK,
        {"turn_length": {"max_chars": 5}},
        {"code": {"turn_length": "off"}},
    ) == [None, "turn_too_long", "turn_too_long"]


def test_a_filter_is_on_for_a_policy_alone_and_judges_last(tmp_path: Path) -> None:
    """`roles` is named first, by a policy; what is named for all rows is asked before it."""
    chats = [Chat(0, answer=""), Chat(1, answer=""), Chat(2, text="", answer="")]
    found = by_policy(
        tmp_path,
        CODE_AND_TALK,
        {"empty_turns": {}},
        {"math": {"roles": {}}, "code": {"roles": {}}},
        chats=chats,
    )
    assert found == ["no_answer", None, "empty_turn"]


def test_the_same_picture_is_judged_by_the_sample_that_names_it(tmp_path: Path) -> None:
    media = [image("small", (20, 20)), image("fine"), image("strip", (400, 30))]
    chats = [
        Chat(0, media=("small",)),
        Chat(1, media=("fine", "small")),
        Chat(2, media=("fine", "strip")),
        Chat(3, media=("strip", "small")),
        Chat(4, media=("small",)),
    ]
    found = by_policy(
        tmp_path,
        {"a": "chart", "b": "chart", "c": "chart", "d": "document", "e": "vqa"},
        {"image_bounds": {}},
        {
            "chart": {"image_bounds": {"min_side_px": 10}},
            "document_image": {"image_bounds": {"max_aspect_ratio": 20}},
        },
        media,
        chats,
    )
    small = "image_side_too_small"
    assert found == [None, None, "aspect_ratio_too_high", small, small]


def test_a_media_filter_is_off_for_a_policy(tmp_path: Path) -> None:
    chats = [Chat(number, media=("small",)) for number in range(2)]
    found = by_policy(
        tmp_path,
        {"a": "chart", "b": "vqa"},
        {},
        {"photo": {"image_bounds": {}}},
        [image("small", (20, 20))],
        chats,
    )
    assert found == [None, "image_side_too_small"]


def test_policies_that_ask_the_same_are_no_policies() -> None:
    rules = parse_rules(
        recipe({"turn_length": {}}, {"code": {"turn_length": {"min_chars": 1}}, "web": {}})
    )
    assert [dict(rule.others) for rule in rules] == [{}]


def test_measured_are_filters_of_every_policy() -> None:
    rules = parse_rules(
        recipe({"turn_length": {}}, {"code": {"roles": {}, "turn_length": "off", "no": "off"}})
    )
    assert [rule.filter.name for rule in rules] == ["turn_length", "roles"]


def test_what_is_kept_in_the_store_is_of_its_policies(tmp_path: Path) -> None:
    source = curated(rows=[(write_chats(tmp_path / "r"), "a")])

    def key(filters_: dict[str, Any], policies: dict[str, Any] | None = None) -> str:
        case = Case(tmp_path, [source], recipe(filters_, policies))
        return parts_key([source], case.judges())

    keys = [
        key({"roles": {}}),
        key({"roles": {}}, {"code": {"roles": "off"}}),
        key({"roles": {}}, {"web": {"roles": "off"}}),
        key({"roles": {}}, {"code": {"turn_length": {}}}),
        key({"roles": {}}, {"code": {"turn_length": {"max_chars": 9}}}),
    ]
    assert len(set(keys)) == len(keys)
    assert key({"roles": {}}, {}) == keys[0]
