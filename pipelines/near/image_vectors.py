"""Pairs of vectors with a cosine of at least so much: all of them, by products of slabs.

14 ns a pair of 512 numbers on one core (32,768 by 32,768); by that two blocks of 262,144 take 17
minutes. Memory: both sides as
half floats, as they are stored, and two slabs as single floats with their cosines, some 60 MB.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.flat import bytes_of

# As they are stored, of any length.
Halves = npt.NDArray[np.float16]
Pairs = npt.NDArray[np.void]

PAIR = np.dtype([("left", np.int64), ("right", np.int64), ("cosine", np.float32)])
_STORED = np.dtype("<f2")
_SLAB = 2048
# Cosines are rounded to so many decimals before they are compared: sums of floats may differ
# between processors beyond these.
_DECIMALS = 4


def vectors_of(table: pa.Table) -> Halves:
    """Column `vector_bytes` (filters/_vectors.py), a row a vector; all have one."""
    parts = bytes_of(table["vector_bytes"])
    held = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.uint8), *parts])
    found: Halves = held.view(_STORED).reshape(len(table), -1 if len(table) else 0)
    return found


def near_vectors(one: Halves, other: Halves | None, least: float) -> Pairs:
    """Pairs of rows of two sides, or of one with itself, each once and none with itself."""
    found = [np.zeros(0, PAIR)]
    second = one if other is None else other
    for top in range(0, len(one), _SLAB):
        first = _unit(one[top : top + _SLAB])
        for start in range(top if other is None else 0, len(second), _SLAB):
            cosine = first @ _unit(second[start : start + _SLAB]).T
            left, right = np.nonzero(cosine >= np.float32(least - 10**-_DECIMALS))
            pairs = np.zeros(len(left), PAIR)
            pairs["left"], pairs["right"] = left + top, right + start
            pairs["cosine"] = cosine[left, right].round(_DECIMALS)
            is_pair = pairs["cosine"] >= np.float32(least)
            if other is None:
                is_pair &= pairs["left"] < pairs["right"]
            found.append(pairs[is_pair])
    return np.concatenate(found)


def _unit(rows: Halves) -> npt.NDArray[np.float32]:
    """At length 1: half floats are off by up to a thousandth."""
    found = rows.astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found
