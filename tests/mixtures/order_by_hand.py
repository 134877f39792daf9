"""Prefix-exact orders job by job: slow, whole, and without a line of the code that they check."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import ceil, floor

from mixtures.order import WINDOW_ROWS
from mixtures.recipe import Recipe
from mixtures.tree import Node, tree


def level_by_hand(
    quotas: Sequence[int], lines: Sequence[Sequence[Fraction]], ends: Sequence[int]
) -> list[list[int]] | None:
    """Rows of each child in each window, the earliest deadline first; None if that fails.

    It fails, too, where a child would be a whole row behind a line with all of its rows done.
    """
    jobs = []
    for place, quota in enumerate(quotas):
        before = [end for end in ends if end < sum(quotas)]
        if any(floor(end * line[place]) > quota for line in lines for end in before):
            return None
        for job in range(quota):
            after = max(floor(job / line[place]) for line in lines)
            due = min(ceil((job + 1) / line[place]) for line in lines)
            released = next((w for w, end in enumerate(ends) if end > after), len(ends))
            last = next((w for w, end in enumerate(ends) if end >= due), len(ends) - 1)
            if released > last:
                return None
            jobs.append((due, place, released, last))
    found: list[list[int]] = []
    start = 0
    for window, end in enumerate(ends):
        pending = sorted(job for job in jobs if job[2] <= window)
        size, start = end - start, end
        served, left = pending[:size], pending[size:]
        if len(served) < size or any(last <= window for *_, last in left):
            return None
        jobs = [job for job in jobs if job not in served]
        places = [place for _, place, *_ in served]
        found.append([places.count(place) for place in range(len(quotas))])
    return found


def order_by_hand(recipe: Recipe, quotas: Sequence[int]) -> list[list[int]]:
    """Rows of each leaf in each window; shares of tokens are none of rows."""
    total = sum(quotas)
    ends = [*range(WINDOW_ROWS, total, WINDOW_ROWS), total] if total else []
    counts = [[0] * len(quotas) for _ in ends]

    def fill(level: Sequence[Node], ends: Sequence[int]) -> None:
        drawn = [node for node in level if any(quotas[leaf] for leaf in node.leaves)]
        sizes = [sum(quotas[leaf] for leaf in node.leaves) for node in drawn]
        own = [Fraction(size, sum(sizes)) for size in sizes]
        asked = [node.component.share or Fraction(0) for node in drawn]
        is_asked = recipe.unit == "samples" and all(asked)
        both = level_by_hand(sizes, [own, asked], ends) if is_asked else None
        rows = both or level_by_hand(sizes, [own], ends)
        assert rows is not None
        for place, node in enumerate(drawn):
            mine = [window[place] for window in rows]
            if node.children:
                fill(node.children, list(accumulate(mine)))
            else:
                for window, count in enumerate(mine):
                    counts[window][node.leaves.start] = count

    if total:
        fill(tree(recipe), ends)
    return counts
