"""What the components of a recipe can give: the caps that a total has to fit under.

A leaf gives its rows in draw order, so every cap on it is one number of rows. A component above is
capped in the sum over its leaves, which follows from their quotas. Every measure of a leaf's rows
grows with its quota, so that a sum can be bounded without trying each total (`Caps.bound`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixtures.amounts import Shares, passes_allowed
from mixtures.apportion import Integers, apportion, integers
from mixtures.component import Component
from mixtures.recipe import Recipe
from mixtures.supply import Measure, Supply
from mixtures.tree import Node, chains, tree, walk

MILLISECONDS = 1000


@dataclass(frozen=True)
class _LeafCap:
    """The most rows that a leaf can give, and what they hold in the recipe's unit."""

    rows: int
    amount: int


@dataclass(frozen=True)
class _QuotaCap:
    """The largest quota that a component can have."""

    node: Node
    most: int


@dataclass(frozen=True)
class _SumCap:
    """The most of `measure` that the drawn rows of `leaves` may hold; `path` is "" for all."""

    path: str
    measure: Measure
    most: int
    leaves: range


@dataclass(frozen=True)
class Excess:
    """A cap that a total does not fit under: of `measure` the component has less than it needs."""

    path: str
    measure: Measure
    has: int
    needs: int


class Caps:
    """All caps of a recipe against one supply; `extra` caps sums over the whole mixture."""

    def __init__(
        self, recipe: Recipe, supply: Supply, shares: Shares, extra: Mapping[Measure, int]
    ) -> None:
        self._unit = recipe.unit
        self._supply = supply
        self._shares = shares
        self._top = tree(recipe)
        nodes = list(walk(self._top))
        self._leaves = [node for node in nodes if node.is_leaf]
        self._leaf_caps = [self._leaf_cap(chain) for chain in chains(self._top)]
        self._quota_caps: list[_QuotaCap] = []
        every = range(len(self._leaves))
        self._sum_caps = [_SumCap("", measure, most, every) for measure, most in extra.items()]
        for node in nodes:
            self._add_caps(node)

    def _leaf_cap(self, chain: Sequence[Node]) -> _LeafCap:
        (leaf,) = chain[-1].leaves
        size = self._supply.samples(leaf)
        if not size:
            return _LeafCap(0, 0)
        rows = size * passes_allowed(chain)
        for measure, most in _limits(chain[-1].component):
            # Of what no sample has, there can be no row too many.
            if self._supply.amount(leaf, measure, size):
                rows = min(rows, self._supply.rows_within(leaf, measure, most))
        return _LeafCap(rows, self.realised(leaf, rows))

    def _add_caps(self, node: Node) -> None:
        if node.is_leaf:
            (leaf,) = node.leaves
            self._quota_caps.append(_QuotaCap(node, self._leaf_caps[leaf].amount))
            return
        for measure, most in _limits(node.component):
            if measure == self._unit == "samples":
                self._quota_caps.append(_QuotaCap(node, most))
            else:
                self._sum_caps.append(_SumCap(node.path, measure, most, node.leaves))

    def quotas(self, totals: Sequence[int]) -> dict[str, Integers]:
        """Quotas in the recipe's unit by component path, one for each of `totals`."""
        of_parent = self._shares.of_parent
        return apportion(self._top, of_parent, integers(totals, of_parent))

    def rows(self, leaf: int, quota: int) -> int:
        """The rows whose sum is nearest to `quota`, the fewer of two as near; 0 for 0.

        Rows that hold none of the unit go with the row before them. The sum is less than one row
        off the quota wherever the leaf can give the quota at all, and grows with it.
        """
        cap = self._leaf_caps[leaf]
        if quota >= cap.amount or not quota:
            return cap.rows if quota else 0
        rows = self._supply.rows_within(leaf, self._unit, quota)
        below, above = self.realised(leaf, rows), self.realised(leaf, rows + 1)
        return min(rows + (above - quota < quota - below), cap.rows)

    def realised(self, leaf: int, rows: int, measure: Measure | None = None) -> int:
        """What so many rows of the leaf hold of a measure, of the unit where none is named."""
        return self._supply.amount(leaf, measure or self._unit, rows) if rows else 0

    def _drawn(self, leaf: int, measure: Measure) -> Callable[[int], int]:
        """What is drawn of the measure for a quota: it never falls as the quota grows."""
        return lambda quota: self.realised(leaf, self.rows(leaf, quota), measure)

    def fits(self, totals: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Which of `totals` fit under every cap."""
        quotas = self.quotas(totals)
        fitting = np.ones(len(totals), dtype=bool)
        for cap in self._quota_caps:
            fitting &= (quotas[cap.node.path] <= cap.most).astype(bool)
        for limit in self._sum_caps:
            places = np.flatnonzero(fitting)
            if len(places):
                columns = [quotas[self._leaves[leaf].path][places] for leaf in limit.leaves]
                fitting[places] &= (self._sums(limit, columns) <= limit.most).astype(bool)
        return fitting

    def _sums(self, limit: _SumCap, columns: Sequence[Integers]) -> Integers:
        """What is drawn of the capped measure, for quotas of each of its leaves."""
        found: Integers = np.zeros(len(columns[0]), dtype=object)
        for leaf, column in zip(limit.leaves, columns, strict=True):
            values, places = np.unique(column, return_inverse=True)
            amounts = _monotone(self._drawn(leaf, limit.measure), values.tolist())
            found += np.array(amounts, dtype=object)[places]
        return found

    def bound(self) -> int:
        """No total above it fits.

        A quota is more than its share of the total less its depth. So a cap on a quota bounds the
        total by division, and a cap on a sum by bisection of the sum that such least quotas draw.
        """
        of_whole = self._shares.of_whole
        most = min(
            math.floor((cap.most + cap.node.depth) / of_whole[cap.node.path])
            for cap in self._quota_caps
        )
        for limit in self._sum_caps:
            low = 0
            while low < most:
                middle = (low + most + 1) // 2
                if self._least(limit, middle) <= limit.most:
                    low = middle
                else:
                    most = middle - 1
        return most

    def _least(self, limit: _SumCap, total: int) -> int:
        """At `total`, and above it, no less than this is drawn of the capped measure."""
        drawn = 0
        for leaf in limit.leaves:
            quota = math.floor(self._shares.by_leaf[leaf] * total) - self._leaves[leaf].depth + 1
            drawn += self._drawn(leaf, limit.measure)(max(quota, 0))
        return drawn

    def excess(self, total: int) -> Excess | None:
        """The cap that is exceeded most, relative to it; None if `total` fits."""
        quotas = {path: int(column[0]) for path, column in self.quotas([total]).items()}
        worst: Excess | None = None
        for found in self._excesses(quotas):
            if worst is None or found.has * worst.needs < worst.has * found.needs:
                worst = found
        return worst

    def _excesses(self, quotas: Mapping[str, int]) -> Iterator[Excess]:
        for cap in self._quota_caps:
            needs = quotas[cap.node.path]
            if needs > cap.most:
                yield Excess(cap.node.path, self._unit, cap.most, needs)
        for limit in self._sum_caps:
            needs = sum(
                self._drawn(leaf, limit.measure)(quotas[self._leaves[leaf].path])
                for leaf in limit.leaves
            )
            if needs > limit.most:
                yield Excess(limit.path, limit.measure, limit.most, needs)


def _limits(component: Component) -> Iterator[tuple[Measure, int]]:
    """What the component says about the totals over its drawn rows."""
    named: tuple[tuple[Measure, int | None, int], ...] = (
        ("samples", component.max_samples, 1),
        ("tokens", component.max_tokens, 1),
        ("images", component.max_images, 1),
        ("duration_ms", component.max_duration_s, MILLISECONDS),
    )
    for measure, most, scale in named:
        if most is not None:
            yield measure, most * scale


def _monotone(of: Callable[[int], int], at: Sequence[int]) -> list[int]:
    """`of` at every item of the ascending `at`: called seldom where it stands still."""
    found = [0] * len(at)
    found[0], found[-1] = of(at[0]), of(at[-1])
    spans = [(0, len(at) - 1)]
    while spans:
        low, high = spans.pop()
        if found[low] == found[high]:
            found[low:high] = [found[low]] * (high - low)
        elif high - low > 1:
            middle = (low + high) // 2
            found[middle] = of(at[middle])
            spans += [(low, middle), (middle, high)]
    return found
