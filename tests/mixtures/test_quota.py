from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import InfeasibleError
from mixtures.quota import largest_remainder, largest_total, solve
from mixtures.recipe import Component, Recipe
from tests.mixtures.strategies import recipe_of, recipes


def by_hand(shares: Sequence[Fraction], total: int) -> list[int]:
    """Largest remainder as a textbook has it."""
    exact = [share * total for share in shares]
    parts = [int(value) for value in exact]
    order = sorted(range(len(shares)), key=lambda place: (parts[place] - exact[place], place))
    for place in order[: total - sum(parts)]:
        parts[place] += 1
    return parts


def quotas_by_hand(components: Sequence[Component], total: int) -> list[tuple[Component, int]]:
    found = []
    parts = by_hand([component.share for component in components], total)
    for component, part in zip(components, parts, strict=True):
        found.append((component, part))
        found += quotas_by_hand(component.components, part)
    return found


def fits_by_hand(recipe: Recipe, available: Sequence[int], total: int) -> bool:
    left = iter(available)
    for component, quota in quotas_by_hand(recipe.components, total):
        if component.max_samples is not None and quota > component.max_samples:
            return False
        if not component.components and quota > next(left) * component.max_repeat:
            return False
    return True


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8), st.integers(0, 10**6))
def test_largest_remainder_sums_and_stays_within_one(weights: list[int], total: int) -> None:
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    parts = largest_remainder(shares, np.array([total]))[0].tolist()
    assert parts == by_hand(shares, total)
    assert sum(parts) == total
    assert all(abs(part - share * total) < 1 for part, share in zip(parts, shares, strict=True))


def test_ties_go_to_the_earlier_component() -> None:
    thirds = [Fraction(1, 3)] * 3
    assert largest_remainder(thirds, np.array([4, 5])).tolist() == [[2, 1, 1], [2, 2, 1]]


@st.composite
def capped(draw: st.DrawFn) -> tuple[Recipe, list[int]]:
    recipe = draw(recipes(depth=2, width=4))

    def caps(component: Component) -> Component:
        cap = draw(st.one_of(st.none(), st.none(), st.integers(1, 60)))
        repeat = 1 if component.components else draw(st.integers(1, 3))
        inner = tuple(caps(part) for part in component.components)
        changes: dict[str, Any] = {"max_samples": cap, "max_repeat": repeat, "components": inner}
        return component.model_copy(update=changes)

    changed = tuple(caps(component) for component in recipe.components)
    recipe = recipe.model_copy(update={"components": changed})
    size = len(recipe.leaves())
    return recipe, draw(st.lists(st.integers(1, 20), min_size=size, max_size=size))


@settings(deadline=None, max_examples=60)
@given(capped())
def test_the_largest_total_is_the_true_maximum(case: tuple[Recipe, list[int]]) -> None:
    recipe, available = case
    solution = solve(recipe, available)
    # No total above this one can fit: every leaf is drawn at most 3 times.
    ceiling = 3 * sum(available)
    fitting = [total for total in range(1, ceiling + 1) if fits_by_hand(recipe, available, total)]
    assert solution.total == max(fitting)
    assert solution.binding is not None
    assert solution.binding.needs > solution.binding.has
    assert solution.binding.total == solution.total + 1


@settings(deadline=None, max_examples=60)
@given(capped(), st.integers(1, 200))
def test_asked_totals_are_met_or_refused(case: tuple[Recipe, list[int]], total: int) -> None:
    recipe, available = case
    if not fits_by_hand(recipe, available, total):
        with pytest.raises(InfeasibleError) as caught:
            solve(recipe, available, total)
        best = largest_total(recipe, available, at_most=total)
        assert str(best) in str(caught.value) or best == 0
        assert best < total
        return
    solution = solve(recipe, available, total)
    by_level = quotas_by_hand(recipe.components, total)
    leaves = [quota for component, quota in by_level if not component.components]
    assert list(solution.quotas) == leaves
    assert sum(solution.quotas) == total
    fits_more = fits_by_hand(recipe, available, total + 1)
    assert (solution.binding is None) == fits_more


VIDEO: list[dict[str, Any]] = [
    {"name": "text", "share": "14%"},
    {"name": "video", "share": "33%"},
    {"name": "multi_image", "share": "12%", "max_repeat": 2},
    {"name": "image", "share": "41%", "max_samples": 5000},
]


def test_the_error_names_component_and_largest_total() -> None:
    with pytest.raises(InfeasibleError) as caught:
        solve(recipe_of(VIDEO), [1000, 1000, 1000, 10_000], 4000)
    assert str(caught.value) == (
        "recipe test: component video can give 1000 rows and would need 1320 for a total of 4000;"
        " the largest total that works is 3031"
    )


def test_binding_follows_availability_repeats_and_caps() -> None:
    recipe = recipe_of(VIDEO)
    video = solve(recipe, [10**6, 1000, 10**6, 10**6])
    assert (video.total, video.quotas) == (3031, (424, 1000, 364, 1243))
    assert video.binding is not None and video.binding.path == "video"
    image = solve(recipe, [10**6] * 4)
    assert image.quotas[3] == 5000 and str(image.binding).startswith(
        "component image can give 5000"
    )
    multi = solve(recipe, [10**6, 10**6, 10, 10**6])
    assert multi.quotas[2] == 20


def test_a_cap_above_the_leaves_binds_too() -> None:
    inner = [{"name": "a", "share": "1/2"}, {"name": "b", "share": "1/2"}]
    part: dict[str, Any] = {"name": "image", "share": "1/2", "max_samples": 7, "components": inner}
    solution = solve(recipe_of([part, {"name": "text", "share": "1/2"}]), [100, 100, 100])
    assert solution.quotas == (4, 3, 7)
    assert solution.binding is not None and solution.binding.path == "image"


def test_a_component_without_samples() -> None:
    recipe = recipe_of([{"name": "a", "share": "99%"}, {"name": "b", "share": "1%"}])
    with pytest.raises(InfeasibleError, match="component b has no samples"):
        solve(recipe, [1000, 0])
    assert solve(recipe, [1000, 0], 10).quotas == (10, 0)
    with pytest.raises(InfeasibleError, match="the largest total that works is 50"):
        solve(recipe, [1000, 0], 90)
    with pytest.raises(InfeasibleError, match="component a can give 0 .* no smaller total works"):
        solve(recipe, [0, 10], 1)


@pytest.mark.parametrize("total", [0, -5])
def test_totals_below_one(total: int) -> None:
    with pytest.raises(InfeasibleError, match=f"mixture of {total} rows"):
        solve(recipe_of(VIDEO), [10] * 4, total)


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
        solve(recipe, [100, 100, 1], 10)
    solution = solve(recipe, [100, 100, 1])
    assert (solution.total, solution.quotas) == (11, (5, 5, 1))


def test_huge_and_awkward_numbers_are_exact_and_quick() -> None:
    tiny = Fraction(1, 10**15)
    recipe = recipe_of(
        [{"name": "tiny", "share": tiny}, {"name": "rest", "share": 1 - tiny, "max_samples": 10**6}]
    )
    assert solve(recipe, [1, 10**18]).total == 10**6
    primes = [Fraction(1, prime) for prime in (10007, 10009, 10037, 10039, 10061)]
    shares = [*primes, 1 - sum(primes, Fraction(0))]
    parts = [{"name": f"p{place}", "share": share} for place, share in enumerate(shares)]
    solution = solve(recipe_of(parts), [10**9] * 6)
    assert sum(solution.quotas) == solution.total > 10**9
    assert all(
        abs(quota - share * solution.total) < 1
        for quota, share in zip(solution.quotas, shares, strict=True)
    )
