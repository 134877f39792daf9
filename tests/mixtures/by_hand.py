"""Quotas as a textbook has them: slow, plain, and without a line of the code that they check."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from mixtures.recipe import Recipe
from mixtures.supply import Measure, Supply
from mixtures.tree import Node, tree, walk

_MEASURES: tuple[Measure, ...] = ("samples", "tokens", "images", "duration_ms")


def largest_remainder_by_hand(shares: Sequence[Fraction], total: int) -> list[int]:
    exact = [share * total for share in shares]
    parts = [int(value) for value in exact]
    order = sorted(range(len(shares)), key=lambda place: (parts[place] - exact[place], place))
    for place in order[: total - sum(parts)]:
        parts[place] += 1
    return parts


class ByHand:
    """A recipe of shares against a supply; sums of every leaf's first rows are tables."""

    def __init__(self, recipe: Recipe, supply: Supply) -> None:
        self.nodes = list(walk(tree(recipe)))
        self._top = tree(recipe)
        self._leaves = [node for node in self.nodes if node.is_leaf]
        self._sums: list[dict[Measure, list[int]]] = []
        for leaf, node in enumerate(self._leaves):
            passes = range(supply.samples(leaf) * node.component.max_repeat + 2)
            measures = {*_MEASURES, recipe.unit}
            self._sums.append({m: [supply.amount(leaf, m, n) for n in passes] for m in measures})
        self._units = [sums[recipe.unit] for sums in self._sums]
        self._limits = [self._limit(leaf) for leaf in range(len(self._leaves))]

    def _limit(self, leaf: int) -> int:
        rows = len(self._units[leaf]) - 2
        while not self._allowed(self._leaves[leaf], {leaf: rows}):
            rows -= 1
        return rows

    def quotas(self, total: int) -> list[int]:
        """By leaf index."""

        def level(nodes: Sequence[Node], amount: int) -> list[int]:
            shares = [node.component.share or Fraction(0) for node in nodes]
            found: list[int] = []
            for node, part in zip(nodes, largest_remainder_by_hand(shares, amount), strict=True):
                found += [part] if node.is_leaf else level(node.children, part)
            return found

        return level(self._top, total)

    def rows(self, leaf: int, quota: int) -> int | None:
        """Those nearest to the quota, the fewest, and rows of nothing behind; None if too few."""
        sums, limit = self._units[leaf][: self._limits[leaf] + 1], self._limits[leaf]
        if sums[limit] <= quota:
            return (limit if quota else 0) if sums[limit] == quota else None
        if not quota:
            return 0
        off = [abs(held - quota) for held in sums]
        rows = off.index(min(off))
        if sums[rows] <= quota:
            while rows < limit and sums[rows + 1] == sums[rows]:
                rows += 1
        return rows

    def fits(self, total: int, **sizes: int) -> bool:
        """Whether rows can be drawn for `total`; `sizes` cap the whole by measure."""
        rows: dict[int, int] = {}
        for leaf, quota in enumerate(self.quotas(total)):
            drawn = self.rows(leaf, quota)
            if drawn is None:
                return False
            rows[leaf] = drawn
        within = all(self._held(m, rows) <= sizes.get(m, 10**9) for m in _MEASURES)
        return within and all(self._allowed(node, rows) for node in self.nodes)

    def _held(self, measure: Measure, rows: dict[int, int]) -> int:
        return sum(self._sums[leaf][measure][count] for leaf, count in rows.items())

    def _allowed(self, node: Node, rows: dict[int, int]) -> bool:
        component = node.component
        mine = {leaf: rows[leaf] for leaf in node.leaves}
        caps: list[tuple[Measure, int | None]] = [
            ("samples", component.max_samples),
            ("tokens", component.max_tokens),
            ("images", component.max_images),
            ("duration_ms", component.max_duration_s and component.max_duration_s * 1000),
        ]
        return all(most is None or self._held(name, mine) <= most for name, most in caps)
