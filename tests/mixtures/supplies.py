"""Supplies for tests, and the Hypothesis vocabulary of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from mixtures.supply import MEASURES, ArraySupply, EvenSupply


def counted(*sizes: int) -> EvenSupply:
    """Leaves of so many samples, of which nothing else is known."""
    return EvenSupply([{"samples": size} for size in sizes])


def plenty(num_leaves: int) -> EvenSupply:
    """More samples of each leaf than any test asks for."""
    return counted(*[10**9] * num_leaves)


def holding(*leaves: Sequence[int], images: Sequence[Sequence[int]] = ()) -> ArraySupply:
    """Leaves of samples that hold so many tokens each, as many answer tokens, and images."""
    pictures = images or [[0] * len(leaf) for leaf in leaves]
    return ArraySupply(
        [
            {
                "samples": np.ones(len(tokens), dtype=np.int64),
                "tokens": np.array(tokens, dtype=np.int64),
                "answer_tokens": np.array(tokens, dtype=np.int64),
                "images": np.array(count, dtype=np.int64),
                "duration_ms": np.array(count, dtype=np.int64) * 1500,
                "bytes": np.array(tokens, dtype=np.int64) * 4,
            }
            for tokens, count in zip(leaves, pictures, strict=True)
        ]
    )


@st.composite
def supplies(draw: st.DrawFn, num_leaves: int, size: int = 12, most: int = 30) -> ArraySupply:
    """Leaves of at most `size` samples that hold 0 to `most` of each measure."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.integers(1, size), min_size=num_leaves, max_size=num_leaves))
    return ArraySupply(
        [
            {name: random.integers(0, most, count, endpoint=True) for name in MEASURES[1:]}
            for count in sizes
        ]
    )
