"""Arrow columns from arithmetic: every value of the synthetic store is a hash of a number.

Strings are built as buffers of bytes, never as Python objects: millions of rows a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests.ids import seed_word, splitmix64

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)
_QUANTILES = 1 << 16


@dataclass(frozen=True, slots=True)
class Hash:
    """Words of numbers: independent for each purpose, and a function of the seed."""

    seed: int

    def words(self, numbers: npt.NDArray[np.generic], purpose: str) -> Words:
        return splitmix64(numbers.astype(np.uint64) ^ np.uint64(seed_word(self.seed, purpose)))

    def below(self, numbers: npt.NDArray[np.generic], purpose: str, limit: int) -> Ints:
        """Uniform integers from 0 on; `limit` is far below 2**64, and at least 1."""
        return (self.words(numbers, purpose) % np.uint64(limit)).astype(np.int64)

    def chance(
        self, numbers: npt.NDArray[np.generic], purpose: str, rate: float
    ) -> npt.NDArray[np.bool_]:
        return self.words(numbers, purpose) < np.uint64(int(rate * 2.0**63) * 2)

    def lognormal(
        self, numbers: npt.NDArray[np.generic], purpose: str, median: float, sigma: float
    ) -> Ints:
        """Integers from 1 on: exp(ln(median) + sigma x), x of a normal distribution."""
        place = self.words(numbers, purpose) >> np.uint64(48)
        return _lognormal_table(median, sigma)[place.astype(np.int64)]


@cache
def _lognormal_table(median: float, sigma: float) -> Ints:
    normal = NormalDist()
    points = [normal.inv_cdf((place + 0.5) / _QUANTILES) for place in range(_QUANTILES)]
    return np.maximum(median * np.exp(sigma * np.array(points)), 1).astype(np.int64)


def fixed_width(rows: Bytes) -> pa.Array:
    """A string column of one string a row of `rows`, all of the same length."""
    count, width = rows.shape
    offsets = np.arange(count + 1, dtype=np.int32) * width
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(rows))]
    return pa.Array.from_buffers(pa.string(), count, buffers)


def repeated(word: str, count: int) -> pa.Array:
    data = np.frombuffer(word.encode(), np.uint8)
    return fixed_width(np.broadcast_to(data, (count, len(data))))


def template(words: Sequence[str | Bytes], count: int) -> Bytes:
    """Rows of characters: constant words, and columns of digits, one after another."""
    parts = []
    for word in words:
        data = np.frombuffer(word.encode(), np.uint8) if isinstance(word, str) else word
        parts.append(np.broadcast_to(data, (count, data.shape[-1])))
    return np.concatenate(parts, axis=1)


def digits(numbers: Ints, width: int) -> Bytes:
    """Decimal digits with leading zeros."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def hexadecimal(words: Words) -> Bytes:
    """Sixteen hex digits for each of a row's words."""
    return _HEX[np.ascontiguousarray(words).view(np.uint8)].view(np.uint8)


def nested(counts: Ints, values: pa.Array) -> pa.ListArray:
    """A list column: row i holds the next counts[i] of `values`."""
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def steps(counts: Ints) -> Ints:
    """0, 1 ... counts[i] - 1 for each i in turn."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total, dtype=np.int64) - np.repeat(ends - counts, counts)
