"""What a build prints of shares: asked, achieved, and what stops one row more."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import pytest
from rich.console import Console

from mixtures.missing import without_missing
from mixtures.plan import Plan, RestrictedRows, make_plan
from mixtures.quota import solve
from mixtures.recipe import Recipe
from mixtures.supply import MEASURES, EvenSupply
from pipelines.tables import print_result

RECIPE: dict[str, Any] = {
    "name": "thirds",
    "description": "",
    "unit": "samples",
    "components": [
        {"name": "text", "share": "1/3", "sources": ["magpie"]},
        {
            "name": "visual",
            "share": "2/3",
            "sources": ["the_cauldron"],
            "components": [
                {"name": "chart", "share": "0.5", "category": "chart"},
                {"name": "vqa", "share": "50%", "category": "vqa"},
            ],
        },
    ],
}


def supply(*samples: int, tokens: int = 100) -> EvenSupply:
    """Leaves of so many samples, each of so many tokens."""
    held = {"tokens": tokens, "answer_tokens": tokens // 2}
    return EvenSupply(
        [{m: held.get(m, 1) * number for m in MEASURES} | {"samples": number} for number in samples]
    )


def plan_of(recipe: Recipe, held: EvenSupply, total: int | None = None, **more: Any) -> Plan:
    return make_plan(
        recipe, held, solve(recipe, held, total), more.pop("tokenizer", None), {}, {}, **more
    )


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100, highlight=False)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def rows_of(console: Console) -> list[list[str]]:
    lines = [line for line in printed(console) if line.startswith(("│", "┃"))]
    return [
        [cell.rstrip()[1:].rstrip() if n == 0 else cell.strip() for n, cell in enumerate(row)]
        for row in (line.replace("┃", "│").split("│")[1:-1] for line in lines)
    ]


def test_asked_and_achieved(console: Console) -> None:
    plan = plan_of(Recipe.model_validate(RECIPE), supply(1000, 4, 1200))
    print_result(console, plan)
    assert rows_of(console) == [
        ["component", "asked", "achieved", "rows", "repeats", "available", "tokens"],
        ["text", "33.33%", "33.33%", "4", "0.00", "1,000", "400"],
        ["visual", "66.67%", "66.67%", "8", "0.01", "1,204", "800"],
        ["  chart", "33.33%", "33.33%", "4", "1.00", "4", "400"],
        ["  vqa", "33.33%", "33.33%", "4", "0.00", "1,200", "400"],
        ["total", "100.00%", "100.00%", "12", "0.01", "2,204", "1,200"],
    ]
    assert printed(console)[-2:] == [
        "tokens are for smolvlm-256m; their text part is estimated",
        "one more row would not fit: " + plan.binding,
    ]


def test_a_component_that_gets_no_row(console: Console) -> None:
    print_result(console, plan_of(Recipe.model_validate(RECIPE), supply(9, 9, 9), 1))
    assert ["  chart", "33.33%", "100.00%", "1", "0.11", "9", "100"] in rows_of(console)
    assert ["text", "33.33%", "0.00%", "0", "0.00", "9", "0"] in rows_of(console)
    assert "one more row" not in printed(console)[-1]


def test_shares_of_tokens(console: Console) -> None:
    recipe = Recipe.model_validate({**RECIPE, "unit": "tokens"})
    held = EvenSupply(
        [dict.fromkeys(MEASURES, 10 * each) | {"samples": 10} for each in (1000, 10, 700)]
    )
    print_result(console, plan_of(recipe, held, 300, tokenizer="SmolLM2"))
    text = rows_of(console)[1]
    assert text[1:4] == ["33.33%", "0.00%", "0"]  # a row of 1,000 is further from 100 than none
    assert rows_of(console)[3][1:4] == ["33.33%", "100.00%", "10"]
    assert "shares are of tokens" in printed(console)
    assert "tokens are for smolvlm-256m; their text part is counted with SmolLM2" in printed(
        console
    )


def test_what_must_be_known_beside_the_table(console: Console) -> None:
    raw = {
        **RECIPE["components"][1],
        "components": [
            {"name": "chart", "share": "0.5", "category": "chart", "unavailable": "null upstream"},
            {"name": "vqa", "share": "50%", "category": "vqa"},
        ],
    }
    recipe = without_missing(
        Recipe.model_validate({**RECIPE, "components": [RECIPE["components"][0], raw]})
    )
    held = supply(6, 30)
    terms = RestrictedRows(
        source="magpie", subset="a", commercial_use="no", license="CC-BY-NC-4.0", rows=6
    )
    plan = make_plan(
        recipe, held, solve(recipe, held), None, {}, {"visual/chart": "null upstream"}, [terms]
    )
    print_result(console, plan)
    assert ["  chart", "-", "-", "-", "-", "none", "-"] in rows_of(console)
    assert ["  vqa", "66.67%", "68.42%", "13", "0.43", "30", "1,300"] in rows_of(console)
    assert printed(console)[-4:] == [
        "tokens are for smolvlm-256m; their text part is estimated",
        "without visual/chart: null upstream",
        "not for commercial use: 6 rows; unknown: 0 rows (by subset in plan.json)",
        f"one more row would not fit: {plan.binding}",
    ]


def test_a_hundred_leaves_stay_readable(console: Console) -> None:
    parts = [
        {"name": f"set-{n}", "share": str(Fraction(n + 1, 5050)), "sources": [f"lima/{n}"]}
        for n in range(100)
    ]
    recipe = Recipe.model_validate(
        {**RECIPE, "components": [{"name": "all", "share": 1, "components": parts}]}
    )
    print_result(console, plan_of(recipe, supply(*[1000] * 100), 5050))
    rows = rows_of(console)
    assert len(rows) == 1 + 1 + 12 + 1 + 1
    assert rows[-2][0] == "  ... 88 more" and rows[-2][3] == f"{sum(range(89)):,}"
    assert max(len(line) for line in printed(console)) <= 100
