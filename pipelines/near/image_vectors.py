"""Pairs of vectors with a cosine of at least so much: all of them, by products of blocks.

Cost grows with the square of their number, and was not measured at size. Memory: both sides as
single floats, and while they are read their bytes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Vectors = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.void]

PAIR = np.dtype([("left", np.int64), ("right", np.int64), ("cosine", np.float32)])
_STORED = np.dtype("<f2")
_BLOCK = 2048
# Cosines are rounded to so many decimals before they are compared: sums of floats may differ
# between processors beyond these.
_DECIMALS = 4


def vectors_of(table: pa.Table) -> Vectors:
    """Column `vector_bytes` (filters/_vectors.py) as rows of length 1."""
    rows = table["vector_bytes"].to_pylist()
    if not rows:
        return np.zeros((0, 0), np.float32)
    found = np.frombuffer(b"".join(rows), _STORED).reshape(len(rows), -1).astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


def near_vectors(one: Vectors, other: Vectors | None, least: float) -> Pairs:
    """Pairs of rows of two sides, or of one with itself, each once and none with itself."""
    found = [np.zeros(0, PAIR)]
    second = one if other is None else other
    for top in range(0, len(one), _BLOCK):
        for start in range(top if other is None else 0, len(second), _BLOCK):
            cosine = one[top : top + _BLOCK] @ second[start : start + _BLOCK].T
            cosine = cosine.round(_DECIMALS)
            left, right = np.nonzero(cosine >= np.float32(least))
            pairs = np.zeros(len(left), PAIR)
            pairs["left"], pairs["right"] = left + top, right + start
            pairs["cosine"] = cosine[left, right]
            found.append(pairs[pairs["left"] < pairs["right"]] if other is None else pairs)
    return np.concatenate(found)
