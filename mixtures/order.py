"""The order of rows: prefix-exact at every window, random inside it.

After every whole window of 64 rows each component has its share of its parent's rows to within one
row (strictly less), so that a job that stops early saw the ratio. That such an order exists for any
shares is Tijdeman's theorem (The chairman assignment problem, Discrete Mathematics 32, 1980); it is
found by serving the earliest deadline first, level by level, each level over its parent's rows.
A row count can be measured against two shares, the drawn one (quota / total) and the recipe's: the
drawn one is always kept to, the recipe's wherever some order keeps both (seen in all but contrived
recipes).

Inside a window rows stand in a stable random order: a periodic one would show a rank that reads
every R-th row one component only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from manifests.ids import seed_word, splitmix64
from mixtures.draw import Drawn
from mixtures.recipe import Component, Recipe

WINDOW_ROWS = 64

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Node:
    """A component with its share of its parent, its quota, and its leaf index (-1 inside)."""

    share: Fraction
    quota: int
    leaf: int
    children: tuple[_Node, ...]


def row_order(recipe: Recipe, drawn: Drawn, seed: int) -> _Ints:
    """The position in `drawn` of each row of the build.

    A function of recipe, quotas, seed and content ids alone.
    """
    quotas = np.bincount(drawn.leaf, minlength=len(recipe.leaves()))
    slots = leaf_slots(recipe, quotas.tolist())
    order = np.empty(len(slots), dtype=np.int64)
    # `drawn` holds each leaf's rows in one run, in draw order: they take its slots in that order.
    order[np.argsort(slots, kind="stable")] = np.arange(len(slots))
    return order[_shuffle_windows(drawn.draw[order], drawn.repeat[order], seed)]


def leaf_slots(recipe: Recipe, quotas: Sequence[int]) -> npt.NDArray[np.int16]:
    """The leaf index of each row before windows are shuffled; `quotas` is by leaf index."""
    total = sum(quotas)
    ends = np.append(np.arange(WINDOW_ROWS, total, WINDOW_ROWS), total)
    children = _tree(recipe.components, iter(enumerate(quotas)))
    return _fill(_Node(Fraction(1), total, -1, children), ends)


def _tree(components: Sequence[Component], leaves: Iterator[tuple[int, int]]) -> tuple[_Node, ...]:
    nodes = []
    for component in components:
        if component.components:
            children = _tree(component.components, leaves)
            quota = sum(child.quota for child in children)
            nodes.append(_Node(component.share, quota, -1, children))
        else:
            leaf, quota = next(leaves)
            nodes.append(_Node(component.share, quota, leaf, ()))
    return tuple(nodes)


def _fill(node: _Node, ends: _Ints) -> npt.NDArray[np.int16]:
    """Leaf indices of the node's rows; `ends` are its row counts at the end of each window."""
    children = [child for child in node.children if child.quota]
    places = _schedule(children, ends)
    slots = np.array([child.leaf for child in children], dtype=np.int16)[places]
    for place, child in enumerate(children):
        if child.children:
            mine = np.flatnonzero(places == place)
            slots[mine] = _fill(child, np.searchsorted(mine, ends))
    return slots


def _schedule(children: Sequence[_Node], ends: _Ints) -> _Ints:
    """For each row of the parent, the place of the child that it goes to."""
    if not children:
        return np.empty(0, dtype=np.int64)
    quotas = [child.quota for child in children]
    drawn = [Fraction(quota, sum(quotas)) for quota in quotas]
    asked = [child.share for child in children]
    if asked != drawn:
        both = _earliest_deadline_first(quotas, [drawn, asked], ends)
        if both is not None:
            return both
    served = _earliest_deadline_first(quotas, [drawn], ends)
    assert served is not None, "Tijdeman's theorem: the drawn shares can always be kept to"
    return served


def _earliest_deadline_first(
    quotas: Sequence[int], lines: Sequence[Sequence[Fraction]], ends: _Ints
) -> _Ints | None:
    """The child of each row, or None where some window end would be a row off one of `lines`.

    A line is a share for each child. The m-th row of a child is a job: it may be done in a window
    once the child would not be a whole row ahead at the window's end, and must be done in the
    first window at whose end the child would be a whole row behind without it. Jobs are of unit
    length and windows take as many as they have rows, so that the earliest deadline first finds a
    schedule wherever there is one.
    """
    num_children, num_windows = len(quotas), len(ends)
    releases, keys = [], []
    for place, quota in enumerate(quotas):
        spans = [_job_windows(quota, line[place], ends) for line in lines]
        releases.append(np.maximum.reduce([release for release, _ in spans]))
        due = np.minimum.reduce([deadline for _, deadline in spans])
        keys.append(due * num_children + place)
    release = np.concatenate(releases)
    by_release = np.argsort(release, kind="stable")
    jobs = np.concatenate(keys)[by_release]
    released = np.searchsorted(release[by_release], np.arange(num_windows), side="right")
    served = np.empty(len(jobs), dtype=np.int64)
    pending: list[int] = []
    start = first = 0
    for window, (end, last) in enumerate(zip(ends.tolist(), released.tolist(), strict=True)):
        pending += jobs[first:last].tolist()
        pending.sort()
        size = end - start
        late = len(pending) > size and pending[size] < (window + 1) * num_children
        if late or len(pending) < size:
            return None
        served[start:end] = pending[:size]
        del pending[:size]
        start, first = end, last
    return served % num_children


def _job_windows(quota: int, share: Fraction, ends: _Ints) -> tuple[_Ints, _Ints]:
    """First and last window of each of `quota` jobs, for a child that has `share` of the rows."""
    over, under = share.denominator, share.numerator
    exact = np.int64 if quota * over < 2**62 else object
    job = np.arange(quota).astype(exact)
    beyond = int(ends[-1]) + 1
    ahead = np.minimum(job * over // under, beyond).astype(np.int64)
    behind = np.minimum(-(-(job + 1) * over // under), beyond).astype(np.int64)
    release = np.searchsorted(ends, ahead, side="right")
    deadline = np.searchsorted(ends, behind, side="left")
    return release, np.minimum(deadline, len(ends) - 1)


def _shuffle_windows(
    draws: npt.NDArray[np.uint64], repeats: npt.NDArray[np.int16], seed: int
) -> _Ints:
    """A permutation that moves rows only inside their window, by (seed, window, draw, repeat)."""
    total = len(draws)
    window = np.arange(total, dtype=np.uint64) // np.uint64(WINDOW_ROWS)
    words = splitmix64(window ^ np.uint64(seed_word(seed, "window")))
    keys = splitmix64(splitmix64(draws ^ words) ^ repeats.astype(np.uint64))
    whole = total - total % WINDOW_ROWS
    blocks = keys[:whole].reshape(-1, WINDOW_ROWS).argsort(axis=1, kind="stable")
    blocks += np.arange(0, whole, WINDOW_ROWS)[:, None]
    rest = keys[whole:].argsort(kind="stable") + whole
    return np.concatenate([blocks.ravel(), rest])
