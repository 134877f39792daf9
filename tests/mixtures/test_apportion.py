from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.amounts import settle
from mixtures.apportion import apportion, integers, largest_remainder
from mixtures.recipe import Recipe
from mixtures.tree import tree, walk
from tests.mixtures.by_hand import largest_remainder_by_hand
from tests.mixtures.strategies import recipes
from tests.mixtures.supplies import plenty


@settings(deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8), st.integers(0, 10**6))
def test_largest_remainder_sums_and_stays_within_one(weights: list[int], total: int) -> None:
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    parts = largest_remainder(shares, np.array([total]))[0].tolist()
    assert parts == largest_remainder_by_hand(shares, total)
    assert sum(parts) == total
    assert all(abs(part - share * total) < 1 for part, share in zip(parts, shares, strict=True))


def test_ties_go_to_the_earlier_component() -> None:
    thirds = [Fraction(1, 3)] * 3
    assert largest_remainder(thirds, np.array([4, 5])).tolist() == [[2, 1, 1], [2, 2, 1]]


@settings(deadline=None, max_examples=50)
@given(recipes(), st.lists(st.integers(1, 10**13), min_size=1, max_size=5))
def test_every_level_sums_and_stays_near_its_share(recipe: Recipe, totals: list[int]) -> None:
    shares = settle(recipe, plenty(len(recipe.leaves())))
    top = tree(recipe)
    found = apportion(top, shares.of_parent, integers(totals, shares.of_parent))
    for place, total in enumerate(totals):
        assert sum(int(found[node.path][place]) for node in top) == total
        for node in walk(top):
            quota = int(found[node.path][place])
            assert abs(quota - shares.of_whole[node.path] * total) < node.depth
            if node.children:
                assert sum(int(found[child.path][place]) for child in node.children) == quota


def test_products_that_do_not_fit_are_exact() -> None:
    fine = {"a": Fraction(1, 3**45), "b": 1 - Fraction(1, 3**45)}
    assert integers([2**20], fine).dtype == object
    assert integers([2**20], {"a": Fraction(1, 3), "b": Fraction(2, 3)}).dtype == np.int64
