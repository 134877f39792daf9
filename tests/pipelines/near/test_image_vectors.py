"""Pairs of vectors are those that comparing each with each gives."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters._vectors import stored
from pipelines.near import image_vectors
from pipelines.near.image_vectors import near_vectors, vectors_of

LEAST = 0.6


def _vectors(seed: int, number: int) -> np.ndarray:
    """Some of them near one another."""
    draw = np.random.default_rng(seed)
    found = draw.normal(size=(number, 8)).astype(np.float32)
    found[::3] = found[:1] + draw.normal(scale=0.4, size=found[::3].shape).astype(np.float32)
    return found.astype(np.float16)


def _plain(one: np.ndarray, other: np.ndarray) -> set[tuple[int, int]]:
    first, second = (
        side.astype(np.float64) / np.linalg.norm(side.astype(np.float64), axis=1, keepdims=True)
        for side in (one, other)
    )
    cosines = first @ second.T
    return {(int(a), int(b)) for a, b in np.argwhere(cosines.round(4) >= LEAST)}


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(0, 40), st.integers(0, 40), st.integers(1, 16))
def test_all_pairs_whatever_the_slabs(seed: int, left: int, right: int, slab: int) -> None:
    one, other = _vectors(seed, left), _vectors(seed + 1, right)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_vectors, "_SLAB", slab)
        both = near_vectors(one, other, LEAST)
        own = near_vectors(one, None, LEAST)
    assert {(int(p["left"]), int(p["right"])) for p in both} == _plain(one, other)
    among = [(int(p["left"]), int(p["right"])) for p in own]
    assert sorted(among) == sorted((a, b) for a, b in _plain(one, one) if a < b)


def test_vectors_are_read_as_they_are_stored() -> None:
    made = _vectors(3, 5)
    column, _ = stored(5, dict(enumerate(2 * made.astype(np.float32))))
    unit = made / np.linalg.norm(made.astype(np.float32), axis=1, keepdims=True)
    table = pa.table({"vector_bytes": column})
    parts = pa.concat_tables([table.slice(0, 2), table.slice(2, 0), table.slice(2, 3)])
    for whole in (table, parts):
        assert np.abs(vectors_of(whole) - unit).max() < 1e-3
    assert len(vectors_of(pa.table({"vector_bytes": pa.array([], pa.large_binary())}))) == 0
