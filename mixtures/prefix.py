"""How far an order of rows is from prefix-exact: what `mixture verify` proves of a build."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from mixtures.order import WINDOW_ROWS
from mixtures.recipe import Component, Recipe

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Deviation:
    """The worst distance, in rows, of one component over all whole windows.

    Measured against the drawn shares: `of_parent` from its share of its parent's rows, `of_whole`
    from its share of all. `depth` counts from 1.
    """

    path: str
    depth: int
    of_parent: Fraction
    of_whole: Fraction

    @property
    def is_exact(self) -> bool:
        """Whether rule 5 of the design holds."""
        return self.of_parent < 1 and self.of_whole < self.depth


def prefix_deviations(recipe: Recipe, leaf: npt.NDArray[np.integer]) -> list[Deviation]:
    """One for each component that has rows, depth first; `leaf` is each row's leaf index."""
    ends = np.append(np.arange(WINDOW_ROWS, len(leaf), WINDOW_ROWS), len(leaf)).astype(np.int64)
    chains = [found.chain for found in recipe.leaves()]
    return list(_walk(recipe.components, "", leaf, chains, ends, ends))


def _walk(
    components: Sequence[Component],
    above: str,
    leaf: npt.NDArray[np.integer],
    chains: Sequence[tuple[Component, ...]],
    parent: _Ints,
    whole: _Ints,
) -> Iterator[Deviation]:
    depth = above.count("/") + 1
    for component in components:
        path = f"{above}{component.name}"
        inside = [
            index
            for index, chain in enumerate(chains)
            if "/".join(part.name for part in chain[:depth]) == path
        ]
        counts = np.searchsorted(np.flatnonzero(np.isin(leaf, inside)), whole).astype(np.int64)
        if not counts[-1]:
            continue
        yield Deviation(path, depth, _worst(counts, parent), _worst(counts, whole))
        yield from _walk(component.components, f"{path}/", leaf, chains, counts, whole)


def _worst(counts: _Ints, base: _Ints) -> Fraction:
    """The largest |count - share x base|, the share being that of the last counts."""
    off = np.abs(counts * base[-1] - counts[-1] * base)
    return Fraction(int(off.max()), int(base[-1]))
