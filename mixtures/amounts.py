"""The exact share of every component: shares as they are written, amounts against what there is.

    - {name: a, take: 300}        # asks for 300 of the recipe's unit
    - {name: b, repeat: 3/2}      # asks for 1.5 times what it holds, rounded up
    - name: c
      repeat: 2                   # asks for twice what its components ask for: 2 x (100 + 40)
      components:
        - {name: d, take: 100}
        - {name: e, repeat: 1}    # holds 40

Siblings that are asked for by amount have the ratio of their amounts. At the top level the amounts
also say how large the mixture is; below a component of its own size they are weights, no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from manifests.errors import InfeasibleError
from mixtures.recipe import Recipe
from mixtures.supply import Supply
from mixtures.tree import Node, tree

ALLOW_MISSING_HINT = (
    "give it some, leave it out of the recipe, or build without it by --allow-missing"
)


@dataclass(frozen=True)
class Shares:
    """Exact shares by component path, depth first; they are above 0 and sum to 1 at each level.

    `total` is the sum of the top level's amounts in the recipe's unit, None where it has shares.
    """

    of_parent: Mapping[str, Fraction]
    of_whole: Mapping[str, Fraction]
    by_leaf: tuple[Fraction, ...]
    total: int | None


def settle(recipe: Recipe, supply: Supply) -> Shares:
    """Raises InfeasibleError where a `repeat` is of something that holds nothing."""
    top = tree(recipe)
    of_parent: dict[str, Fraction] = {}
    of_whole: dict[str, Fraction] = {}

    def descend(nodes: Sequence[Node], above: Fraction) -> None:
        parts = [_Asked(recipe, supply).part(node) for node in nodes]
        whole = sum(parts)
        for node, part in zip(nodes, parts, strict=True):
            of_parent[node.path] = part / whole
            of_whole[node.path] = above * of_parent[node.path]
            descend(node.children, of_whole[node.path])

    descend(top, Fraction(1))
    by_leaf = tuple(of_whole[leaf.path] for leaf in recipe.leaves())
    total = None
    if top[0].component.share is None:
        total = sum(_Asked(recipe, supply).amount(node) for node in top)
    return Shares(of_parent, of_whole, by_leaf, total)


@dataclass(frozen=True)
class _Asked:
    """What a node asks for, against one supply."""

    recipe: Recipe
    supply: Supply

    def part(self, node: Node) -> Fraction:
        """Its share, or its amount: siblings all have the one or all the other."""
        share = node.component.share
        return Fraction(self.amount(node)) if share is None else share

    def amount(self, node: Node) -> int:
        component = node.component
        if component.take is not None:
            return component.take
        assert component.repeat is not None, "a share is of an amount, and has none of its own"
        if node.children and node.children[0].component.share is None:
            base = sum(self.amount(child) for child in node.children)
        else:
            base = self._held(node)
        return math.ceil(component.repeat * base)

    def _held(self, node: Node) -> int:
        held = 0
        for leaf in node.leaves:
            rows = self.supply.samples(leaf)
            held += self.supply.amount(leaf, self.recipe.unit, rows) if rows else 0
        if not held:
            raise InfeasibleError(nothing_held(self.recipe, node.path))
        return held


def nothing_held(recipe: Recipe, path: str) -> str:
    """The message about a component with nothing to draw from."""
    what = recipe.unit.replace("_", " ")
    return f"recipe {recipe.name}: component {path} has no {what}; {ALLOW_MISSING_HINT}"


def passes_allowed(chain: Sequence[Node]) -> int:
    """Passes over a leaf's samples, at most; `chain` leads to it from the top.

    Where a `repeat` above the leaf asks for more passes than its own `max_passes`, so many.
    """
    asked = Fraction(1)
    for node in chain:
        asked *= node.component.repeat or 1
    return max(chain[-1].component.max_passes, math.ceil(asked))
