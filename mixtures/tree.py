"""The components of a recipe as a tree whose nodes know their path, depth and leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mixtures.recipe import Component, Recipe


@dataclass(frozen=True)
class Node:
    """A component at its place: `depth` counts from 1, `leaves` are the leaf indices below it."""

    component: Component
    path: str
    depth: int
    leaves: range
    children: tuple[Node, ...]

    @property
    def is_leaf(self) -> bool:
        return not self.children


def tree(recipe: Recipe) -> tuple[Node, ...]:
    """The top level; leaf indices are those of `Recipe.leaves`."""
    return _level(recipe.components, "", 1, 0)


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """Every node, depth first, each before what is below it."""
    for node in nodes:
        yield node
        yield from walk(node.children)


def chains(nodes: Sequence[Node], above: tuple[Node, ...] = ()) -> Iterator[tuple[Node, ...]]:
    """For each leaf, the nodes that lead to it, outermost first."""
    for node in nodes:
        if node.is_leaf:
            yield (*above, node)
        else:
            yield from chains(node.children, (*above, node))


def _level(components: Sequence[Component], above: str, depth: int, first: int) -> tuple[Node, ...]:
    nodes = []
    for component in components:
        path = f"{above}{component.name}"
        children = _level(component.components, f"{path}/", depth + 1, first)
        end = children[-1].leaves.stop if children else first + 1
        nodes.append(Node(component, path, depth, range(first, end), children))
        first = end
    return tuple(nodes)
