"""Totals in integer parts, by largest remainder, in exact arithmetic.

At each level of a recipe the parent's amount is shared out so that every quota is within one of its
share of its parent's, and so less than `depth` off its share of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from mixtures.tree import Node

# int64, or Python integers (dtype object) where products would not fit.
Integers = npt.NDArray[Any]


def integers(totals: Sequence[int], of_parent: Mapping[str, Fraction]) -> Integers:
    """`totals` as an array whose products with the shares of any level are exact."""
    levels: dict[str, int] = {}
    for path, share in of_parent.items():
        above = path.rpartition("/")[0]
        levels[above] = math.lcm(levels.get(above, 1), share.denominator)
    largest = max(totals) * max(levels.values())
    return np.array(totals, dtype=np.int64 if largest < 2**62 else object)


def largest_remainder(shares: Sequence[Fraction], totals: Integers) -> Integers:
    """Each of `totals` in integer parts, one column a share; ties go to the earlier share."""
    unit = math.lcm(*(share.denominator for share in shares))
    counts = [share.numerator * (unit // share.denominator) for share in shares]
    products = totals[:, None] * np.array(counts, dtype=totals.dtype)
    parts: Integers = products // unit
    left = totals - parts.sum(axis=1)
    order = np.argsort(-(products % unit), axis=1, kind="stable")
    rank = np.argsort(order, axis=1)
    parts += (rank < left[:, None]).astype(totals.dtype)
    return parts


def apportion(
    nodes: Iterable[Node], of_parent: Mapping[str, Fraction], totals: Integers
) -> dict[str, Integers]:
    """Quotas of every component below, by path, one for each of `totals` (see `integers`)."""
    level = list(nodes)
    parts = largest_remainder([of_parent[node.path] for node in level], totals)
    found: dict[str, Integers] = {}
    for node, column in zip(level, parts.T, strict=True):
        found[node.path] = column
        if node.children:
            found |= apportion(node.children, of_parent, column)
    return found
