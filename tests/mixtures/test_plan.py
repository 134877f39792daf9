from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from manifests.errors import IntegrityError
from mixtures.plan import Plan, RestrictedRows, make_plan
from mixtures.quota import solve
from mixtures.recipe import Recipe
from mixtures.supply import Supply
from tests.mixtures.supplies import holding

RECIPE: dict[str, Any] = {
    "name": "three",
    "description": "texts, and what is to be seen",
    "unit": "samples",
    "seed": 5,
    "components": [
        {"name": "text", "share": "14%", "modality": "text", "sources": ["a"]},
        {
            "name": "visual",
            "share": "86%",
            "components": [
                {"name": "video", "share": "1/2", "modality": "video", "sources": ["b"]},
                {"name": "image", "share": "1/2", "modality": "image", "sources": ["c"]},
            ],
        },
    ],
}


def _recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate(RECIPE | changes)


def _plan(
    total: int | None = 100,
    supply: Supply | None = None,
    recipe: Recipe | None = None,
    tokenizer: str | None = None,
    missing: dict[str, str] | None = None,
    restricted: tuple[RestrictedRows, ...] = (),
    **pins: str,
) -> Plan:
    recipe = recipe or _recipe()
    supply = supply or holding([7] * 100, [9] * 200, [11] * 300)
    solution = solve(recipe, supply, total)
    return make_plan(recipe, supply, solution, tokenizer, pins, missing or {}, restricted)


def test_a_plan_has_every_quota_and_why_there_is_no_row_more() -> None:
    plan = _plan(None)
    # 466 rows would ask 65.24, 200.38 and 200.38: the last one of them is the video's.
    assert (plan.total, plan.amount, plan.quotas, plan.seed) == (465, 465, (65, 200, 200), 5)
    assert plan.binding == (
        "component visual/video can give 200 rows and would need 201 for a total of 466"
    )
    text = plan.leaves[0]
    assert (text.path, text.share, text.asked) == ("text", Fraction(7, 50), 65)
    assert (text.available, text.quota, text.amount, text.repeats) == (100, 65, 65, 1)
    assert (text.tokens, text.bytes) == (65 * 7, 65 * 7 * 4)
    assert plan.leaves[1].share == Fraction(43, 100)
    assert _plan(100).binding == ""


def test_in_tokens_a_leaf_says_what_was_asked_and_what_its_rows_hold() -> None:
    plan = _plan(1000, recipe=_recipe(unit="tokens"))
    text, video, image = plan.leaves
    assert (plan.amount, plan.total) == (1000, 20 + 48 + 39)
    assert (text.asked, text.quota, text.amount, text.tokens) == (140, 20, 140, 140)
    assert (video.asked, video.quota, video.amount) == (430, 48, 432)
    assert (image.asked, image.quota, image.amount) == (430, 39, 429)
    assert (image.available, image.available_amount) == (300, 3300)


def test_repeats_are_passes_begun() -> None:
    text, visual = RECIPE["components"]
    below = [part | {"max_repeat": 3} for part in visual["components"]]
    parts = [text | {"max_repeat": 3}, visual | {"components": below}]
    recipe, supply = _recipe(components=parts), holding([1] * 7, [1] * 43, [1] * 22)
    plan = _plan(100, supply, recipe)
    assert plan.quotas == (14, 43, 43)
    assert [leaf.repeats for leaf in plan.leaves] == [2, 1, 2]
    assert [leaf.repeats for leaf in _plan(2, supply, recipe).leaves] == [0, 1, 1]


def test_what_counted_text_is_named() -> None:
    assert _plan().tokens_estimated
    counted_by = _plan(tokenizer="smollm2")
    assert (counted_by.tokenizer, counted_by.tokens_estimated) == ("smollm2", False)
    assert counted_by.processor == _recipe().processor


def test_plans_survive_json() -> None:
    restricted = RestrictedRows(
        source="a", subset="s", commercial_use="no", license="CC-BY-NC-4.0", rows=14
    )
    plan = _plan(revision="abc", missing={"news": "never published"}, restricted=(restricted,))
    again = Plan.from_json(plan.to_json(), "plan.json")
    assert again == plan
    assert again.digest == plan.digest
    assert '"share": "7/50"' in plan.to_json()
    assert Plan.from_json(plan.to_json().encode(), "plan.json").to_json() == plan.to_json()


def test_the_digest_follows_everything_that_decides_bytes() -> None:
    plan = _plan()
    assert len(plan.digest) == 64 and plan.digest == _plan().digest
    others = [
        _plan(99),
        _plan(revision="abc"),
        _plan(recipe=_recipe(seed=6)),
        _plan(recipe=_recipe(style="smolvlm2")),
        _plan(recipe=_recipe(merge="same_media")),
        _plan(tokenizer="smollm2"),
        _plan(missing={"news": "never published"}),
    ]
    assert len({plan.digest, *(other.digest for other in others)}) == 8


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"total": 100', '"total": 101', "quotas sum to 100, not to its total 101"),
        ('"path": "text"', '"path": "txt"', "leaves are not those of its recipe"),
        ('"total": 100', '"total": "x"', "BUILD/plan.json is no plan: total: Input should be"),
        ("{", "[", "BUILD/plan.json is no plan: plan: Invalid JSON"),
    ],
)
def test_a_damaged_plan_is_refused(old: str, new: str, message: str) -> None:
    text = _plan().to_json()
    assert old in text
    with pytest.raises(IntegrityError, match=message):
        Plan.from_json(text.replace(old, new, 1), "BUILD/plan.json")
