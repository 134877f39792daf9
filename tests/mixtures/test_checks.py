from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from manifests.cards import SourceCard, load_card, parse_card
from manifests.errors import RecipeError
from mixtures.checks import check_filters, check_where
from mixtures.recipe_file import parse_recipe

TEXT = """name: test
description: a test
unit: samples
filters:
  roles: {}
  image_bounds: {}
components:
  - name: one
    share: 1/2
    sources: [riddles]
  - name: two
    share: 1/2
    where: WHERE
    components:
      - {name: a, share: 1/2, sources: [riddles/easy, puns]}
      - {name: b, share: 1/2, sources: [local/mine]}
"""
SCORES = {
    "roles": pa.schema(
        [("num_messages", pa.int32()), ("good", pa.bool_()), ("language", pa.string())]
    )
}


def _card(name: str, **columns: str) -> SourceCard:
    text = f"""name: {name}
title: {name}
repo: example/{name}
revision: main
homepage: none
license: CC-BY-4.0
commercial_use: yes
redistribution: yes
attribution: none
gated: false
citation: none
num_bytes: null
row_files: [x]
columns: {columns}
marker: none
quirks: []
subsets:
  - {{name: easy, category: x, modality: text, num_rows: 2, columns: {{level: integer}}}}
"""
    return parse_card(text, name, "card")


CARDS = {
    "riddles": _card(
        "riddles", hint="string?", stars="integer|string", where="object", tags="list"
    ),
    "puns": _card("puns", hint="string", laughs="number?", rude="boolean"),
}


def _check(where: str, component: str = "two", cards: Any = CARDS) -> None:
    text = TEXT.replace("[local/mine]", "[puns]").replace("WHERE", f'"{where}"')
    if component == "one":
        text = TEXT.replace("    where: WHERE\n", "").replace(
            "[riddles]", f'[riddles]\n    where: "{where}"'
        )
    check_where(parse_recipe(text, "r.yaml"), cards, SCORES)


@pytest.mark.parametrize(
    "where",
    [
        "duration_s > 3 and subset == 'x'",
        "roles.num_messages > 3",
        "roles.num_messages is null",
        "roles.good and roles.good == true",
        "roles.language in ['en']",
        "extra.hint == 'x'",
        "extra.hint is not null and extra.tags is null",
        "extra.stars > 3 or extra.stars == 'many'",
        "extra.laughs > 3 and extra.rude",
        "extra.level > 3",
        "extra.where.page > 3",
        "extra.where.page == 'x'",
    ],
)
def test_what_there_is(where: str) -> None:
    _check(where)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("roles.num_mesages > 3", "filter roles has no score 'num_mesages'; did you mean 'num_m"),
        ("roles.zebra > 3", "filter roles has no score 'zebra' (it has num_messages, good, langu"),
        ("image_bounds.aspect_ratio > 3", "filter image_bounds has no scores of samples"),
        ("roles.num_messages == 'x'", "roles.num_messages holds a number, and is compared as te"),
        ("roles.num_messages", "roles.num_messages holds a number, and is compared as true or f"),
        ("roles.good > 3", "roles.good holds true or false, and is compared as a number"),
        ("roles.language > 3", "roles.language holds text, and is compared as a number"),
        ("extra.hints == 'x'", "the cards of its sources (puns, riddles) list no field 'hints'; d"),
        (
            "extra.zebra == 'x'",
            "list no field 'zebra' (their fields: hint, laughs, level, rude, st",
        ),
        ("extra.hint > 3", "extra.hint holds text, and is compared as a number"),
        ("extra.laughs == 'x'", "extra.laughs holds a number, and is compared as text"),
        ("extra.tags == 'x'", "extra.tags holds nothing that compares, and is compared as text"),
        ("extra.hint.page > 3", "field 'hint' has no fields of its own"),
    ],
)
def test_what_there_is_not(where: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        _check(where)
    assert str(caught.value).startswith(f"r.yaml, line 13: two: in the condition {where!r}, at ch")
    assert message in str(caught.value)


def test_fields_are_those_of_the_components_own_sources() -> None:
    _check("extra.stars > 3", "one", {**CARDS, "local": load_card("local")})
    with pytest.raises(
        RecipeError, match="line 11: one: .*sources .riddles. list no field 'laughs'"
    ):
        _check("extra.laughs > 3", "one", {**CARDS, "local": load_card("local")})
    with pytest.raises(RecipeError, match=r"sources \(no source\) list no field .* fields: none\)"):
        _check("extra.laughs > 3", "two", {})


def test_the_users_own_data_may_have_any_field() -> None:
    text = TEXT.replace("WHERE", '"extra.anything > 3"')
    cards = {**CARDS, "local": load_card("local")}
    check_where(parse_recipe(text, "r.yaml"), cards, SCORES)
    with pytest.raises(RecipeError, match="list no field 'anything'"):
        check_where(parse_recipe(text, "r.yaml"), CARDS, SCORES)


def test_unavailable_components_are_not_looked_at() -> None:
    text = TEXT.replace("WHERE", '"extra.zebra > 3"\n    unavailable: nobody has it')
    check_where(parse_recipe(text, "r.yaml"), {}, {})


def test_filters_that_there_are_not() -> None:
    recipe = parse_recipe(TEXT.replace("    where: WHERE\n", ""), "r.yaml")
    check_filters(recipe, ["image_bounds", "roles"])
    with pytest.raises(RecipeError) as caught:
        check_filters(recipe, ["image_bound", "roles"])
    assert str(caught.value) == (
        "r.yaml, line 6: recipe: there is no filter 'image_bounds'; did you mean 'image_bound'?"
    )
    with pytest.raises(
        RecipeError, match=r"line 5: recipe: there is no filter 'roles' \(there are z"
    ):
        check_filters(recipe, ["zebra"])
