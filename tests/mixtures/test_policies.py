"""Which policy a row has, what a recipe may say of policies, and what is told of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.cards import card_names, load_card
from manifests.errors import RecipeError
from mixtures.checks import check_filters
from mixtures.policies import BY_CATEGORY, PLAIN, POLICIES, Policy, Setting, policy_of
from mixtures.recipe import Recipe
from mixtures.recipe_file import load_recipe, parse_recipe

HEAD = """name: kinds
description: a test
unit: samples
filters:
  roles: {}
  turn_length: {max_chars: 9, min_chars: 2}
policies:
  code:
    turn_length: off
    gopher: {min_words: 1}
  chart:
    turn_length: {max_chars: 5}
    roles: off
"""
TAIL = "components: [{name: all, share: 1, sources: [x]}]\n"

# Every category of chats on the cards, by modality, and what it is asked as.
CHATS: dict[tuple[str, str], Policy] = {
    ("text", "book"): "chat",
    ("text", "code"): "code",
    ("text", "general_knowledge"): "chat",
    ("text", "instruction"): "chat",
    ("text", "math"): "math",
    ("text", "math_text"): "math",
    ("text", "rewriting"): "chat",
    ("text", "summarization"): "chat",
    ("text", "synthetic_text"): "chat",
    ("text", "table"): "chat",
    ("text", "tool_use"): "chat",
    ("text", "web_text"): "chat",
    ("image", "captioning"): "photo",
    ("image", "chart"): "chart",
    ("image", "document"): "document_image",
    ("image", "handwriting"): "document_image",
    ("image", "instruction"): "photo",
    ("image", "reasoning"): "photo",
    ("image", "table"): "document_image",
    ("image", "vqa"): "photo",
    ("multi_image", "captioning"): "photo",
    ("multi_image", "document"): "document_image",
    ("multi_image", "narrative"): "photo",
    ("multi_image", "reasoning"): "photo",
    ("multi_image", "video_qa"): "photo",
    ("multi_image", "vqa"): "photo",
    ("video", "narrative"): "video",
    ("video", "temporal"): "video",
    ("video", "video_caption"): "video",
    ("video", "video_instruction"): "video",
    ("video", "video_qa"): "video",
}
# What cards call the texts of documents; of others the words are those of chats.
DOCUMENTS: dict[str, Policy] = {
    "book": "web",
    "code": "code",
    "math_text": "math",
    "synthetic_text": "web",
    "web_text": "web",
}


def recipe(text: str = "") -> Recipe:
    return parse_recipe(HEAD + text + TAIL, "r.yaml")


def test_every_category_of_the_cards_has_its_policy() -> None:
    pairs = {(s.modality, s.category) for name in card_names() for s in load_card(name).subsets}
    assert pairs == CHATS.keys()
    assert {pair: policy_of("chat", *pair) for pair in pairs} == CHATS
    assert {c: policy_of("document", "text", c) for c in DOCUMENTS} == DOCUMENTS


def test_the_table_names_no_category_that_no_card_has() -> None:
    """Beside what users call their own data."""
    known = {category for _, category in CHATS} | {"ocr"}
    assert {category for table in BY_CATEGORY.values() for category in table} <= known
    assert BY_CATEGORY.keys() == PLAIN.keys()
    used = {*PLAIN.values(), *(p for table in BY_CATEGORY.values() for p in table.values())}
    assert used == set(POLICIES)


@pytest.mark.parametrize(
    ("kind", "modality", "policy"),
    [
        ("document", "text", "web"),
        ("document", "image", "web"),
        ("chat", "text", "chat"),
        ("chat", "image", "photo"),
        ("chat", "multi_image", "photo"),
        ("chat", "video", "video"),
        ("chat", None, "chat"),
        (None, None, "chat"),
    ],
)
def test_an_unknown_category_is_plain(
    kind: str | None, modality: str | None, policy: Policy
) -> None:
    for category in ("of my own", "", None):
        assert policy_of(kind, modality, category) == policy


def test_a_rows_own_modality_counts() -> None:
    """A text among the rows of a set of charts is no chart."""
    assert policy_of("chat", "text", "chart") == "chat"
    assert policy_of("chat", "video", "document") == "video"


def test_what_a_policy_says_goes_over_what_is_said_for_all() -> None:
    assert recipe().filter_settings() == {
        "roles": Setting({}, {"chart": None}),
        "turn_length": Setting(
            {"max_chars": 9, "min_chars": 2},
            {"code": None, "chart": {"max_chars": 5, "min_chars": 2}},
        ),
        "gopher": Setting(None, {"code": {"min_words": 1}}),
    }


def test_filters_that_are_off_alone_are_not_on() -> None:
    said = parse_recipe(
        HEAD.replace("gopher: {min_words: 1}", "gopher: 'off'") + TAIL, "r.yaml"
    ).filter_settings()
    assert list(said) == ["roles", "turn_length"]


def test_a_recipe_without_policies_is_written_as_before() -> None:
    plain = parse_recipe(HEAD.partition("policies:")[0] + TAIL, "r.yaml")
    assert not {"policies", "filter_modules"} & plain.model_dump().keys()
    assert list(plain.filter_settings()) == ["roles", "turn_length"]


def test_it_is_the_same_after_json() -> None:
    there = recipe()
    assert Recipe.model_validate_json(there.model_dump_json()) == there
    assert there.policies["code"]["turn_length"] == "off"


def test_conditions_may_read_the_scores_of_a_filter_of_one_policy() -> None:
    text = TAIL.replace("sources", "where: gopher.num_words > 3, sources")
    assert parse_recipe(HEAD + text, "r.yaml").leaves()[0].wheres == ("gopher.num_words > 3",)
    with pytest.raises(RecipeError, match="no filter 'gophers'; did you mean 'gopher'"):
        parse_recipe(HEAD + text.replace("gopher", "gophers"), "r.yaml")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "  chart:",
            "  charts:",
            "line 11: policies/charts: there is no policy 'charts'; did you mean 'chart'?",
        ),
        ("  chart:", "  zzz:", "no policy 'zzz' (there are web, chat, math, code, document_image"),
        ("turn_length: off", "turn_length: on", "line 9: policies/code/turn_length: "),
        ("turn_length: off", "turn_length: of", "'off', not 'of'; did you mean 'off'?"),
        ("turn_length: off", "turn_length: 3", "line 9: policies/code/turn_length: "),
        ("roles: off", "roles:", "line 13: policies/chart/roles: "),
        (
            "    roles: off",
            "    ./turn_length.py: {}",
            "line 13: the filter 'turn_length' is named",
        ),
    ],
)
def test_what_is_wrong_is_said(before: str, after: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(HEAD.replace(before, after) + TAIL, "r.yaml")
    assert said in str(caught.value)


def test_policies_are_a_mapping_of_mappings() -> None:
    for policies in ("[code]", "{code: off}", "{code: }"):
        text = HEAD.partition("policies:")[0] + f"policies: {policies}\n" + TAIL
        with pytest.raises(RecipeError, match="line 7: policies.*a mapping is expected here, not"):
            parse_recipe(text, "r.yaml")


def test_filters_that_there_are_not() -> None:
    known = ["roles", "turn_length", "gopher"]
    check_filters(recipe(), known)
    with pytest.raises(RecipeError) as caught:
        check_filters(recipe(), ["roles", "turn_length", "gophers"])
    assert str(caught.value) == (
        "r.yaml, line 10: recipe: there is no filter 'gopher'; did you mean 'gophers'?"
    )
    misspelt = parse_recipe(HEAD.replace("roles: off", "rolls: off") + TAIL, "r.yaml")
    with pytest.raises(RecipeError, match="line 13: .*no filter 'rolls'; did you mean 'roles'?"):
        check_filters(misspelt, known)


# --- extending ----------------------------------------------------------------------------------


def child(folder: Path, text: str) -> Recipe:
    (folder / "base.yaml").write_text(HEAD + TAIL)
    (folder / "child.yaml").write_text("name: child\nextends: base.yaml\n" + text)
    return load_recipe(str(folder / "child.yaml"))


def test_a_child_has_its_parents_policies(tmp_path: Path) -> None:
    assert child(tmp_path, "").policies == recipe().policies


def test_policies_merge_by_name_and_filter(tmp_path: Path) -> None:
    found = child(
        tmp_path,
        "policies:\n"
        "  code: {turn_length: {max_chars: 7}, gopher: null}\n"
        "  chart: null\n"
        "  web: {gopher: {}}\n",
    )
    assert found.policies == {"code": {"turn_length": {"max_chars": 7}}, "web": {"gopher": {}}}
    assert found.place("", "policies/code/turn_length").endswith("child.yaml, line 4: recipe")


def test_a_filter_that_is_left_out_is_in_no_policy(tmp_path: Path) -> None:
    found = child(tmp_path, "filters: {turn_length: null}\n")
    assert found.policies == {"code": {"gopher": {"min_words": 1}}, "chart": {"roles": "off"}}
    moved = child(
        tmp_path, "filters: {turn_length: null}\npolicies: {web: {turn_length: {max_chars: 3}}}\n"
    )
    assert moved.filter_settings()["turn_length"] == Setting(None, {"web": {"max_chars": 3}})


def test_what_the_parent_does_not_have_cannot_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="line 3: web: the parent has no such entry"):
        child(tmp_path, "policies: {web: null}\n")
    with pytest.raises(RecipeError, match="gophr: the parent has no such entry; did you mean 'go"):
        child(tmp_path, "policies: {code: {gophr: null}}\n")
