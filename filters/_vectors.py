"""Vectors of one space as the store keeps them, and the cosines of pairs of them.

A vector has length 1 and is stored as half floats: of 2,000 random pairs of 768 numbers no cosine
is off by more than 0.00005, where eight bits a number put it off by up to 0.01. What has no vector
has no bytes. Files may hold millions: cosines are taken block by block.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import Bools, Ints

Floats = npt.NDArray[np.float32]

_STORED = np.dtype("<f2")
# Pairs whose cosines are taken at once, as single floats.
_BLOCK_PAIRS = 4096


def unit(vector: Floats) -> Floats:
    """The vector at length 1; zeros for one that says nothing."""
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        return np.zeros_like(vector)
    return vector / np.float32(length)


def stored(num_rows: int, vectors: Mapping[int, Floats]) -> list[pa.Array]:
    """Columns `vector_bytes` and `is_measured` of vectors by their rows."""
    units = ((row, unit(vector)) for row, vector in vectors.items())
    said = {row: there.astype(_STORED).tobytes() for row, there in units if there.any()}
    found = pa.array([said.get(row, b"") for row in range(num_rows)], pa.large_binary())
    return [found, pa.array([row in said for row in range(num_rows)], pa.bool_())]


def cosines(
    texts: pa.ChunkedArray, media: pa.ChunkedArray, owners: Ints, named: Ints
) -> tuple[npt.NDArray[np.float64], Bools]:
    """(cosine, whether both have a vector) of each pair of places; -1 where one has none."""
    (first, at_first), (second, at_second) = _vectors(texts), _vectors(media)
    left, right = at_first[owners], at_second[named]
    is_known = (left >= 0) & (right >= 0)
    found = np.full(len(left), -1.0)
    places = np.flatnonzero(is_known)
    for start in range(0, len(places), _BLOCK_PAIRS):
        some = places[start : start + _BLOCK_PAIRS]
        one, other = (m[at[some]].astype(np.float32) for m, at in ((first, left), (second, right)))
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        found[some] = np.einsum("ij,ij->i", one, other) / lengths
    return found, is_known


def _vectors(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.float16], Ints]:
    """(the vectors that there are, for each row its place among them or -1)."""
    whole = column.combine_chunks()
    sizes = pc.fill_null(pc.binary_length(whole), 0).to_numpy().astype(np.int64)
    has_one = sizes > 0
    if not has_one.any():
        return np.zeros((0, 0), np.float16), np.full(len(sizes), -1)
    _, offsets, data = whole.buffers()
    first = np.frombuffer(offsets, np.int64)[whole.offset]
    values = np.frombuffer(data, _STORED, sizes.sum() // _STORED.itemsize, int(first))
    return values.reshape(int(has_one.sum()), -1), np.where(has_one, np.cumsum(has_one) - 1, -1)
