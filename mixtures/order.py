"""The order of rows: prefix-exact at every window, random inside it.

After every whole window of 64 rows each component has its share of its parent's rows to within one
row (strictly less), so that a job that stops early saw the ratio: `mixtures.schedule`, level by
level, each level over its parent's rows. A row count can be measured against two shares, the drawn
one (quota / total) and, where the unit is samples, the recipe's: the drawn one is always kept to,
the recipe's wherever some order keeps both (seen in all but contrived recipes).

Inside a window rows stand in a stable random order: a periodic one would show a rank that reads
every R-th row one component only.

All levels go through the windows together, a block at a time, so that memory does not grow with the
number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from manifests.ids import seed_word, splitmix64
from mixtures.draw import Drawn
from mixtures.recipe import Recipe
from mixtures.schedule import Ints, Schedule
from mixtures.tree import Node, tree

WINDOW_ROWS = 64
# About a million rows: a few MB a level, and little overhead.
_BLOCK_WINDOWS = 16_384


def window_counts(
    recipe: Recipe, quotas: Sequence[int], block: int = _BLOCK_WINDOWS
) -> Iterator[Ints]:
    """How many rows each leaf (columns, by index) has in each window, `block` windows at a time.

    `quotas` are rows by leaf index. A function of recipe and quotas alone: where blocks are cut
    changes nothing. Where the recipe's own shares can be kept to, that is found out in a first pass
    over all windows, which costs as much again.
    """
    drawn_only: set[str] = set()
    while failed := _failing(recipe, quotas, drawn_only, block):
        drawn_only |= failed
    order = _Order(recipe, quotas, drawn_only)
    for rows in _windows(sum(quotas), block):
        counts = order.take(rows)
        assert not order.failed, "the pass before found what can be kept to"
        yield counts


def leaf_slot_blocks(
    recipe: Recipe, quotas: Sequence[int], block: int = _BLOCK_WINDOWS
) -> Iterator[npt.NDArray[np.int16]]:
    """The leaf index of each row before windows are shuffled, `block` windows at a time."""
    leaves = np.arange(len(quotas), dtype=np.int16)
    for counts in window_counts(recipe, quotas, block):
        yield np.repeat(np.tile(leaves, len(counts)), counts.ravel())


def leaf_slots(recipe: Recipe, quotas: Sequence[int]) -> npt.NDArray[np.int16]:
    """All of `leaf_slot_blocks` at once: two bytes a row."""
    return np.concatenate([np.empty(0, dtype=np.int16), *leaf_slot_blocks(recipe, quotas)])


def row_order(recipe: Recipe, drawn: Drawn, seed: int) -> Ints:
    """The position in `drawn` of each row of the build.

    A function of recipe, quotas, seed and content ids alone.
    """
    quotas = np.bincount(drawn.leaf, minlength=len(recipe.leaves()))
    slots = leaf_slots(recipe, quotas.tolist())
    order = np.empty(len(slots), dtype=np.int64)
    # `drawn` holds each leaf's rows in one run, in draw order: they take its slots in that order.
    order[np.argsort(slots, kind="stable")] = np.arange(len(slots))
    return order[shuffle_windows(0, drawn.draw[order], drawn.repeat[order], seed)]


def shuffle_windows(
    first_window: int,
    draws: npt.NDArray[np.uint64],
    repeats: npt.NDArray[np.int16],
    seed: int,
) -> Ints:
    """A permutation that moves rows only inside their window, by (seed, window, draw, repeat).

    The rows are those of any run of windows, of which `first_window` is the number of the first.
    """
    total = len(draws)
    window = np.arange(total, dtype=np.uint64) // np.uint64(WINDOW_ROWS) + np.uint64(first_window)
    words = splitmix64(window ^ np.uint64(seed_word(seed, "window")))
    keys = splitmix64(splitmix64(draws ^ words) ^ repeats.astype(np.uint64))
    whole = total - total % WINDOW_ROWS
    blocks = keys[:whole].reshape(-1, WINDOW_ROWS).argsort(axis=1, kind="stable")
    blocks += np.arange(0, whole, WINDOW_ROWS)[:, None]
    rest = keys[whole:].argsort(kind="stable") + whole
    return np.concatenate([blocks.ravel(), rest])


def _windows(total: int, block: int) -> Iterator[Ints]:
    """Rows in each window, `block` windows at a time."""
    step = block * WINDOW_ROWS
    for first in range(0, total, step):
        starts = np.arange(first, min(first + step, total), WINDOW_ROWS, dtype=np.int64)
        yield np.minimum(WINDOW_ROWS, total - starts)


def _failing(recipe: Recipe, quotas: Sequence[int], drawn_only: set[str], block: int) -> set[str]:
    """Levels, by path, that cannot keep to the recipe's shares beside the drawn ones."""
    order = _Order(recipe, quotas, drawn_only)
    if order.keeps_recipe_shares:
        for rows in _windows(sum(quotas), block):
            order.take(rows)
            if order.failed:
                return order.failed
    return set()


class _Order:
    """The schedules of all levels, by the path above them ("" at the top), and where they stand."""

    def __init__(self, recipe: Recipe, quotas: Sequence[int], drawn_only: set[str]) -> None:
        self._quotas = quotas
        self._top = tree(recipe)
        self._asked = recipe.unit == "samples"
        self._drawn_only = drawn_only
        self._schedules: dict[str, Schedule] = {}
        self._rows: dict[str, int] = {}
        self.keeps_recipe_shares = False
        self.failed: set[str] = set()
        self._add("", self._top)

    def _add(self, path: str, level: Sequence[Node]) -> None:
        drawn = self._drawn(level)
        if len(drawn) > 1:
            sizes = [self._size(node) for node in drawn]
            lines = [[Fraction(size, sum(sizes)) for size in sizes]]
            asked = [node.component.share for node in drawn]
            shares = [share for share in asked if share is not None]
            if self._asked and shares not in ([], lines[0]) and path not in self._drawn_only:
                lines.append(shares)
                self.keeps_recipe_shares = True
            self._schedules[path] = Schedule(sizes, lines)
        self._rows[path] = 0
        for node in drawn:
            if node.children:
                self._add(node.path, node.children)

    def _size(self, node: Node) -> int:
        return sum(self._quotas[leaf] for leaf in node.leaves)

    def _drawn(self, level: Sequence[Node]) -> list[Node]:
        return [node for node in level if self._size(node)]

    def take(self, rows: Ints) -> Ints:
        """Rows of each leaf in the next windows, of `rows` rows; void once a level has failed."""
        counts = np.zeros((len(rows), len(self._quotas)), dtype=np.int64)
        self._take("", self._top, rows, counts)
        return counts

    def _take(self, path: str, level: Sequence[Node], rows: Ints, counts: Ints) -> None:
        """Shares out the level's `rows` of each window."""
        drawn = self._drawn(level)
        ends = self._rows[path] + np.cumsum(rows)
        self._rows[path] = int(ends[-1])
        parts: Ints | None = rows[:, None]
        if path in self._schedules:
            parts = self._schedules[path].take(ends)
        if parts is None:
            self.failed.add(path)
            return
        for node, part in zip(drawn, parts.T, strict=True):
            if node.children:
                self._take(node.path, node.children, part, counts)
            else:
                counts[:, node.leaves.start] = part
