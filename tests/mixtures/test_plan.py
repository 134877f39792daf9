from __future__ import annotations

from fractions import Fraction

import pytest

from manifests.errors import IntegrityError
from mixtures.plan import Plan, make_plan
from mixtures.quota import solve
from mixtures.recipe_file import load_recipe
from mixtures.tokens import get_processor


def _plan(total: int | None = 100, **pins: str) -> Plan:
    recipe = load_recipe("video").model_copy(update={"seed": 5})
    available = [100, 200, 300, 400]
    solution = solve(recipe, available, total)
    return make_plan(recipe, available, solution, get_processor("smolvlm-256m"), pins)


def test_a_plan_has_every_quota_and_why_there_is_no_row_more() -> None:
    plan = _plan(None)
    assert (plan.total, plan.quotas, plan.seed) == (607, (85, 200, 73, 249), 5)
    assert plan.binding == (
        "component video can give 200 rows and would need 201 for a total of 608"
    )
    text = plan.leaves[0]
    assert (text.path, text.share, text.asked) == ("text", Fraction(7, 50), Fraction(4249, 50))
    assert (text.available, text.quota, text.repeats) == (100, 85, 1)
    assert plan.tokens_estimated
    assert _plan(100).binding == ""


def test_repeats_are_passes_begun() -> None:
    recipe = load_recipe("video")
    parts = [part.model_copy(update={"max_repeat": 3}) for part in recipe.components]
    recipe = recipe.model_copy(update={"components": tuple(parts)})
    available = [10, 33, 5, 41]
    solution = solve(recipe, available, 101)
    plan = make_plan(recipe, available, solution, get_processor("smolvlm-256m"), {})
    assert plan.quotas == (14, 33, 12, 42)
    assert [leaf.repeats for leaf in plan.leaves] == [2, 1, 3, 2]
    few = make_plan(
        recipe, available, solve(recipe, available, 2), get_processor("smolvlm-256m"), {}
    )
    assert [leaf.repeats for leaf in few.leaves] == [0, 1, 0, 1]


def test_plans_survive_json() -> None:
    plan = _plan(revision="abc")
    again = Plan.from_json(plan.to_json(), "plan.json")
    assert again == plan
    assert again.digest == plan.digest
    assert '"share": "7/50"' in plan.to_json()
    assert Plan.from_json(plan.to_json().encode(), "plan.json").to_json() == plan.to_json()


def test_the_digest_follows_everything_that_decides_bytes() -> None:
    plan = _plan()
    assert len(plan.digest) == 64 and plan.digest == _plan().digest
    recipe = plan.recipe.model_copy(update={"seed": 6})
    seeded = plan.model_copy(update={"recipe": recipe})
    others = [_plan(99), _plan(revision="abc"), seeded]
    assert len({plan.digest, *(other.digest for other in others)}) == 4


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
