"""How many samples each leaf gives: integers that sum exactly, in exact arithmetic.

At each level the parent's rows are shared out by largest remainder (ties by component order), so
that every quota is within one row of its share of its parent's. Largest remainder is not monotone:
with one row more in all, a component may get one row less. "The largest total" is therefore the
true maximum of all totals that fit under the caps, not the first at which one stops fitting: every
total above it is infeasible.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from manifests.errors import InfeasibleError
from mixtures.recipe import Component, Recipe

# Totals that are tried at once; the array of their quotas stays a few MB.
_BLOCK = 4096
# int64, or Python integers (dtype object) where products would not fit.
_Integers = npt.NDArray[Any]


@dataclass(frozen=True)
class Shortage:
    """A component that cannot give what a total asks of it."""

    path: str
    has: int
    needs: int
    total: int

    def __str__(self) -> str:
        return (
            f"component {self.path} can give {self.has} rows and would need {self.needs}"
            f" for a total of {self.total}"
        )


@dataclass(frozen=True)
class Solution:
    """Quotas by leaf index. `binding` is what stops one row more; None where that would fit."""

    total: int
    quotas: tuple[int, ...]
    binding: Shortage | None


@dataclass(frozen=True)
class _Cap:
    """The most rows that a component can give: exact share of the whole, depth from 1."""

    rows: int
    share: Fraction
    depth: int

    @property
    def total_bound(self) -> int:
        """No larger total fits: a quota is less than `depth` rows below its share of the whole."""
        return math.floor((self.rows + self.depth) / self.share)


def solve(recipe: Recipe, available: Sequence[int], total: int | None = None) -> Solution:
    """Quotas for `total` rows, or for the largest total there is; `available` is by leaf index.

    Raises InfeasibleError for a total that cannot be drawn and, where none is asked, for a leaf
    that has no sample at all: with nothing to draw from, no ratio holds beyond a few rows.
    """
    caps = _caps(recipe, available)
    if total is None:
        _refuse_empty(recipe, available)
        total = largest_total(recipe, available)
    elif total < 1:
        raise InfeasibleError(f"a mixture of {total} rows cannot be drawn; ask for at least 1")
    elif shortage := _shortage(recipe, caps, total):
        best = largest_total(recipe, available, at_most=total)
        hint = f"the largest total that works is {best}" if best else "no smaller total works"
        raise InfeasibleError(f"recipe {recipe.name}: {shortage}; {hint}")
    quotas = _quotas(recipe.components, _integers([total], recipe))
    return Solution(
        total,
        tuple(int(quotas[leaf.path][0]) for leaf in recipe.leaves()),
        _shortage(recipe, caps, total + 1),
    )


def largest_total(recipe: Recipe, available: Sequence[int], at_most: int | None = None) -> int:
    """The largest total that fits under availability, max_repeat and max_samples; 0 if none does.

    Totals are tried downwards from a bound that follows from the shares: at most about
    2 x depth / (share of the leaf that binds) of them, in blocks of 4,096.
    """
    caps = _caps(recipe, available)
    high = min(cap.total_bound for cap in caps.values())
    high = high if at_most is None else min(high, at_most)
    while high > 0:
        totals = _integers(range(high, max(high - _BLOCK, 0), -1), recipe)
        quotas = _quotas(recipe.components, totals)
        fits = np.logical_and.reduce([quotas[path] <= cap.rows for path, cap in caps.items()])
        if fits.any():
            return int(totals[fits.argmax()])
        high -= _BLOCK
    return 0


def largest_remainder(shares: Sequence[Fraction], totals: _Integers) -> _Integers:
    """Each of `totals` in integer parts, one column a share; ties go to the earlier share."""
    unit = math.lcm(*(share.denominator for share in shares))
    counts = [share.numerator * (unit // share.denominator) for share in shares]
    products = totals[:, None] * np.array(counts, dtype=totals.dtype)
    parts: _Integers = products // unit
    left = totals - parts.sum(axis=1)
    order = np.argsort(-(products % unit), axis=1, kind="stable")
    rank = np.argsort(order, axis=1)
    parts += (rank < left[:, None]).astype(totals.dtype)
    return parts


def _quotas(
    components: Sequence[Component], totals: _Integers, above: str = ""
) -> dict[str, _Integers]:
    """Quotas of every component below, by path, one for each of `totals`."""
    parts = largest_remainder([component.share for component in components], totals)
    found: dict[str, _Integers] = {}
    for component, column in zip(components, parts.T, strict=True):
        path = f"{above}{component.name}"
        found[path] = column
        if component.components:
            found |= _quotas(component.components, column, f"{path}/")
    return found


def _integers(totals: Sequence[int], recipe: Recipe) -> _Integers:
    """An array whose products with the shares of any level are exact."""
    levels = [recipe.components]
    levels += [part.components for leaf in recipe.leaves() for part in leaf.chain[:-1]]
    unit = max(math.lcm(*(part.share.denominator for part in level)) for level in levels)
    return np.array(totals, dtype=np.int64 if max(totals) * unit < 2**62 else object)


def _caps(recipe: Recipe, available: Sequence[int]) -> dict[str, _Cap]:
    """By path, in depth-first order: all leaves, and the components above that are capped."""
    leaves = recipe.leaves()
    assert len(available) == len(leaves), "availability is by leaf index"
    found: dict[str, _Cap] = {}
    for leaf, has in zip(leaves, available, strict=True):
        path, share = "", Fraction(1)
        for depth, part in enumerate(leaf.chain, start=1):
            path, share = f"{path}/{part.name}".lstrip("/"), share * part.share
            rows = [has * part.max_repeat] if depth == len(leaf.chain) else []
            rows += [part.max_samples] if part.max_samples is not None else []
            if rows:
                found[path] = _Cap(min(rows), share, depth)
    return found


def _refuse_empty(recipe: Recipe, available: Sequence[int]) -> None:
    for leaf, has in zip(recipe.leaves(), available, strict=True):
        if has == 0:
            raise InfeasibleError(
                f"recipe {recipe.name}: component {leaf.path} has no samples;"
                f" give it some, or leave it out of the recipe"
            )


def _shortage(recipe: Recipe, caps: Mapping[str, _Cap], total: int) -> Shortage | None:
    """The component that falls furthest short of its quota, relative to it; None if none does."""
    quotas = _quotas(recipe.components, _integers([total], recipe))
    worst: Shortage | None = None
    for path, cap in caps.items():
        needs = int(quotas[path][0])
        if needs > cap.rows and (worst is None or cap.rows * worst.needs < worst.has * needs):
            worst = Shortage(path, cap.rows, needs, total)
    return worst
