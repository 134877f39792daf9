from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import InfeasibleError
from mixtures.quota import Solution, largest_total, solve, solve_for
from mixtures.recipe import Component, Recipe
from mixtures.supply import ArraySupply, EvenSupply, Measure
from tests.mixtures.by_hand import ByHand
from tests.mixtures.strategies import recipe_of, recipes
from tests.mixtures.supplies import counted, holding, plenty, supplies


@st.composite
def capped(draw: st.DrawFn) -> tuple[Recipe, ArraySupply]:
    """A recipe of any unit with any caps, and what there is."""
    unit = draw(st.sampled_from(["samples", "samples", "tokens", "answer_tokens"]))
    recipe = draw(recipes(depth=2, width=3)).model_copy(update={"unit": unit})
    rarely = st.one_of(st.none(), st.none(), st.none(), st.integers(1, 30))

    def caps(component: Component) -> Component:
        changes: dict[str, Any] = {
            "max_samples": draw(rarely),
            "max_tokens": draw(rarely.map(lambda most: most and most * 3)),
            "max_images": draw(rarely.map(lambda most: most and most * 2)),
            "max_duration_s": draw(rarely),
            "components": tuple(caps(part) for part in component.components),
        }
        if not component.components:
            changes["max_repeat"] = draw(st.integers(1, 3))
        return component.model_copy(update=changes)

    changed = tuple(caps(component) for component in recipe.components)
    recipe = recipe.model_copy(update={"components": changed})
    return recipe, draw(supplies(len(recipe.leaves()), size=6, most=6))


def ceiling(recipe: Recipe, supply: ArraySupply) -> int:
    """No total above this one can fit: every leaf is drawn at most 3 times."""
    leaves = range(len(recipe.leaves()))
    return sum(supply.amount(leaf, recipe.unit, 3 * supply.samples(leaf)) for leaf in leaves)


@settings(deadline=None, max_examples=80)
@given(capped())
def test_the_largest_total_is_the_true_maximum(case: tuple[Recipe, ArraySupply]) -> None:
    recipe, supply = case
    by_hand = ByHand(recipe, supply)
    totals = range(1, ceiling(recipe, supply) + 1)
    best = max((total for total in totals if by_hand.fits(total)), default=0)
    assert largest_total(recipe, supply) == best
    try:
        solution = solve(recipe, supply)
    except InfeasibleError:
        return
    assert solution.total == best
    assert solution.binding is not None
    assert solution.binding.needs > solution.binding.has
    assert solution.binding.total == solution.total + 1


@settings(deadline=None, max_examples=120)
@given(capped(), st.integers(1, 200))
def test_asked_totals_are_met_or_refused(case: tuple[Recipe, ArraySupply], total: int) -> None:
    recipe, supply = case
    by_hand = ByHand(recipe, supply)
    if not by_hand.fits(total):
        with pytest.raises(InfeasibleError) as caught:
            solve(recipe, supply, total)
        best = largest_total(recipe, supply, at_most=total)
        assert str(best) in str(caught.value) or best == 0
        assert best < total
        return
    amounts = by_hand.quotas(total)
    rows = [by_hand.rows(leaf, quota) for leaf, quota in enumerate(amounts)]
    if not any(rows):
        with pytest.raises(InfeasibleError, match="less than one sample"):
            solve(recipe, supply, total)
        return
    solution = solve(recipe, supply, total)
    assert list(solution.amounts) == amounts
    assert list(solution.quotas) == rows
    assert sum(solution.amounts) == solution.total == total
    fits_more = by_hand.fits(total + 1)
    assert (solution.binding is None) == fits_more


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_what_is_realised_is_within_one_sample_of_what_was_asked(data: st.DataObject) -> None:
    unit = data.draw(st.sampled_from(["samples", "tokens", "answer_tokens"]))
    recipe = data.draw(recipes()).model_copy(update={"unit": unit})
    supply = data.draw(supplies(len(recipe.leaves()), most=400))
    try:
        solution = solve(recipe, supply, data.draw(st.none() | st.integers(1, 5000)))
    except InfeasibleError:
        return
    for leaf, (asked, got) in enumerate(zip(solution.amounts, solution.realised, strict=True)):
        rows = solution.quotas[leaf]
        assert got == supply.amount(leaf, recipe.unit, rows)
        last = got - supply.amount(leaf, recipe.unit, max(rows - 1, 0))
        following = supply.amount(leaf, recipe.unit, rows + 1) - got
        assert -following < got - asked < max(last, 1)
        assert 2 * abs(got - asked) <= (last if got > asked else following)
        assert abs(asked - solution.shares[recipe.leaves()[leaf].path] * solution.total) < 3
        if unit == "samples":
            assert rows == asked == got


@settings(deadline=None, max_examples=80)
@given(capped(), st.none() | st.integers(1, 60), st.none() | st.integers(1, 200))
def test_sizes_in_another_unit_are_bounds(
    case: tuple[Recipe, ArraySupply], num_samples: int | None, num_tokens: int | None
) -> None:
    recipe, supply = case
    sizes = {"samples": num_samples, "tokens": num_tokens}
    given_sizes = {name: size for name, size in sizes.items() if size is not None}
    if set(given_sizes) <= {recipe.unit}:
        asked = given_sizes.get(recipe.unit)
        assert _outcome(lambda: solve_for(recipe, supply, num_samples, num_tokens)) == _outcome(
            lambda: solve(recipe, supply, asked)
        )
        return
    by_hand, totals = ByHand(recipe, supply), range(1, ceiling(recipe, supply) + 1)
    fitting = [total for total in totals if by_hand.fits(total, **given_sizes)]
    found = _outcome(lambda: solve_for(recipe, supply, num_samples, num_tokens))
    if not isinstance(found, str):
        assert found.total == max(fitting)
    else:
        assert not fitting or "less than one sample" in found or " has no " in found


def _outcome(solving: Callable[[], Solution]) -> Solution | str:
    try:
        return solving()
    except InfeasibleError as error:
        return str(error)


VIDEO: list[dict[str, Any]] = [
    {"name": "text", "share": "14%"},
    {"name": "video", "share": "33%"},
    {"name": "multi_image", "share": "12%", "max_repeat": 2},
    {"name": "image", "share": "41%", "max_samples": 5000},
]


def test_the_error_names_component_and_largest_total() -> None:
    with pytest.raises(InfeasibleError) as caught:
        solve(recipe_of(VIDEO), counted(1000, 1000, 1000, 10_000), 4000)
    assert str(caught.value) == (
        "recipe test: component video can give 1000 rows and would need 1320 for a total of 4000;"
        " the largest total that works is 3031"
    )


def test_binding_follows_availability_repeats_and_caps() -> None:
    recipe = recipe_of(VIDEO)
    video = solve(recipe, counted(10**6, 1000, 10**6, 10**6))
    assert (video.total, video.quotas) == (3031, (424, 1000, 364, 1243))
    assert video.binding is not None and video.binding.path == "video"
    image = solve(recipe, counted(*[10**6] * 4))
    assert image.quotas[3] == 5000 and str(image.binding).startswith(
        "component image can give 5000"
    )
    multi = solve(recipe, counted(10**6, 10**6, 10, 10**6))
    assert multi.quotas[2] == 20


def test_a_cap_above_the_leaves_binds_too() -> None:
    inner = [{"name": "a", "share": "1/2"}, {"name": "b", "share": "1/2"}]
    part: dict[str, Any] = {"name": "image", "share": "1/2", "max_samples": 7, "components": inner}
    solution = solve(recipe_of([part, {"name": "text", "share": "1/2"}]), counted(100, 100, 100))
    assert solution.quotas == (4, 3, 7)
    assert solution.binding is not None and solution.binding.path == "image"


@pytest.mark.parametrize(
    ("cap", "total", "message"),
    [
        ({"max_images": 5}, 8, "may hold 5 images and would hold 6 images for a total of 8 tokens"),
        ({"max_duration_s": 5}, 12, "may hold 5 s and would hold 9 s for a total of 12 tokens"),
        ({"max_samples": 2}, 12, "may hold 2 samples and would hold 6 samples"),
        ({"max_tokens": 5}, 12, "can give 5 tokens and would need 6 for a total of 12"),
    ],
)
def test_caps_on_sums_say_what_they_are_of(cap: dict[str, int], total: int, message: str) -> None:
    inner = [{"name": "a", "share": "1/2"}, {"name": "b", "share": "1/2"}]
    part: dict[str, Any] = {"name": "image", "share": "1/2", "components": inner, **cap}
    recipe = recipe_of([part, {"name": "text", "share": "1/2"}], unit="tokens")
    images = [[2] * 9, [1] * 9, [0] * 9] if "max_images" in cap else [[1] * 9] * 3
    supply = holding(*[[1] * 9] * 3, images=images)
    with pytest.raises(InfeasibleError) as caught:
        solve(recipe, supply, total)
    assert f"component image {message}" in str(caught.value)


def test_a_cap_on_a_sum_is_of_what_is_drawn() -> None:
    # Of 27, 14 and 13 are asked for, and 12 and 11 drawn; of 28 it would be 12 and 16.
    inner = [{"name": "a", "share": "1/2"}, {"name": "b", "share": "1/2"}]
    part: dict[str, Any] = {"name": "c", "share": 1, "components": inner, "max_tokens": 23}
    recipe, supply = recipe_of([part], unit="tokens"), holding([4, 8, 8], [5, 6, 5])
    solution = solve(recipe, supply, 27)
    assert (solution.amounts, solution.realised, solution.quotas) == ((14, 13), (12, 11), (2, 2))
    assert solve(recipe, supply).total == 27
    with pytest.raises(InfeasibleError, match="can give 23 tokens and would need 28 for a total"):
        solve(recipe, supply, 28)


def test_totals_of_many_tokens_are_exact_and_quick() -> None:
    parts = [{"name": f"c{place}", "share": Fraction(place, 5050)} for place in range(1, 101)]
    recipe = recipe_of(parts, unit="tokens")
    held: dict[Measure, int] = {"samples": 10**9, "tokens": 777 * 10**9 + 1, "images": 10**9}
    supply = EvenSupply([held] * 100)
    solution = solve(recipe, supply)
    # The largest share binds: all of its leaf, to within what the remainders move.
    assert abs(solution.total - Fraction(5050, 100) * held["tokens"]) < 5050
    assert solution.binding is not None and solution.binding.path == "c100"
    assert sum(solution.amounts) == solution.total
    few = solve_for(recipe, supply, 10**9, None)
    assert 10**9 - 100 <= sum(few.quotas) <= 10**9
    capped = recipe_of([{**part, "max_images": 10**6} for part in parts], unit="tokens")
    assert solve(capped, supply).quotas[-1] == 10**6


def test_less_than_one_sample() -> None:
    recipe = recipe_of([{"name": "a", "share": 1}], unit="tokens")
    with pytest.raises(InfeasibleError, match="2 tokens are less than one sample .* ask for more"):
        solve(recipe, holding([5, 5]), 2)
    with pytest.raises(InfeasibleError, match="--num-tokens 4 is less than one sample"):
        solve_for(recipe.model_copy(update={"unit": "samples"}), holding([5, 5]), None, 4)
    with pytest.raises(InfeasibleError, match="no smaller total works"):
        solve(recipe_of([{"name": "a", "share": 1, "max_tokens": 3}]), holding([5, 5]))


def test_a_component_without_samples() -> None:
    recipe = recipe_of([{"name": "a", "share": "99%"}, {"name": "b", "share": "1%"}])
    with pytest.raises(InfeasibleError, match="component b has no samples"):
        solve(recipe, counted(1000, 0))
    assert solve(recipe, counted(1000, 0), 10).quotas == (10, 0)
    with pytest.raises(InfeasibleError, match="the largest total that works is 50"):
        solve(recipe, counted(1000, 0), 90)
    with pytest.raises(InfeasibleError, match="component a can give 0 .* no smaller total works"):
        solve(recipe, counted(0, 10), 1)


@pytest.mark.parametrize("total", [0, -5])
def test_totals_below_one(total: int) -> None:
    with pytest.raises(InfeasibleError, match=f"mixture of {total} rows"):
        solve(recipe_of(VIDEO), counted(10, 10, 10, 10), total)


def test_largest_remainder_is_not_monotone_and_the_maximum_is_found_past_the_gap() -> None:
    # The Alabama paradox: shares 6/14, 6/14, 2/14 of 10 give 4 4 2, of 11 give 5 5 1.
    recipe = recipe_of(
        [
            {"name": "a", "share": "6/14"},
            {"name": "b", "share": "6/14"},
            {"name": "c", "share": "2/14"},
        ]
    )
    with pytest.raises(InfeasibleError, match="the largest total that works is 9"):
        solve(recipe, counted(100, 100, 1), 10)
    solution = solve(recipe, counted(100, 100, 1))
    assert (solution.total, solution.quotas) == (11, (5, 5, 1))


def test_huge_and_awkward_numbers_are_exact_and_quick() -> None:
    tiny = Fraction(1, 10**15)
    recipe = recipe_of(
        [{"name": "tiny", "share": tiny}, {"name": "rest", "share": 1 - tiny, "max_samples": 10**6}]
    )
    assert solve(recipe, counted(1, 10**18)).total == 10**6
    primes = [Fraction(1, prime) for prime in (10007, 10009, 10037, 10039, 10061)]
    shares = [*primes, 1 - sum(primes, Fraction(0))]
    parts = [{"name": f"p{place}", "share": share} for place, share in enumerate(shares)]
    solution = solve(recipe_of(parts), plenty(6))
    assert sum(solution.quotas) == solution.total > 10**9
    assert all(
        abs(quota - share * solution.total) < 1
        for quota, share in zip(solution.quotas, shares, strict=True)
    )
