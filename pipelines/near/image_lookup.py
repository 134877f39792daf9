"""All pairs of 64-bit hashes that differ in at most so many bits, without comparing all.

The 64 bits are cut into bands. Where two hashes differ in at most R bits, and the bands' own radii
add up to R + 1 - bands, some band differs in no more than its radius (the pigeonhole principle, as
in M. Norouzi et al., "Fast exact search in Hamming space with multi-index hashing", 2012). So each
band of the index is sorted once, and each query looks at the few keys around its own.

Nothing is left to chance: what `near_pairs` finds is what all comparisons would. It works on
whatever part of the index and of the queries it is given, so that tasks over blocks of both find
the same pairs as one over all. Memory: 12 bytes a hash of the index, a table of 16 MB, 60 MB more.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

BITS = 64
MAX_RADIUS = 8
# From so many hashes on, three wide bands look at fewer keys and candidates than four.
_MANY_HASHES = 1 << 19
# Keys that are looked up, and candidates that are compared, at a time.
_BATCH = 1 << 18
# Neighbouring frequencies vary together: bands take bits from all over. Odd, so it meets each once.
_STRIDE = 29


@dataclass(frozen=True)
class Band:
    """Some bits of a hash (0 is the lowest), and how many of them may differ."""

    bits: tuple[int, ...]
    radius: int

    @property
    def mask(self) -> np.uint64:
        return np.uint64(sum(1 << bit for bit in self.bits))

    def keys(self, hashes: Hashes) -> npt.NDArray[np.uint32]:
        """The band's bits of each hash, side by side."""
        keys = np.zeros(len(hashes), np.uint32)
        for place, bit in enumerate(self.bits):
            keys |= ((hashes >> np.uint64(bit)) & np.uint64(1)).astype(np.uint32) << place
        return keys

    def changes(self) -> npt.NDArray[np.uint32]:
        """What to combine with a key, by exclusive or, to get each key within the radius."""
        places = range(len(self.bits))
        flips = (itertools.combinations(places, n) for n in range(self.radius + 1))
        found = [sum(1 << place for place in chosen) for group in flips for chosen in group]
        return np.array(found, np.uint32)


def bands_of(radius: int, num_hashes: int) -> list[Band]:
    """Bands that find every pair within `radius`, for an index of so many hashes."""
    assert 0 <= radius <= MAX_RADIUS, radius
    count = 3 if num_hashes >= _MANY_HASHES or radius < 3 else 4
    spare = max(radius + 1 - count, 0)
    order = [(_STRIDE * n) % BITS for n in range(BITS)]
    cuts = [BITS * n // count for n in range(count + 1)]
    radii = [spare // count + (n < spare % count) for n in range(count)]
    spans = itertools.pairwise(cuts)
    return [Band(tuple(order[a:b]), r) for (a, b), r in zip(spans, radii, strict=True)]


def near_pairs(
    index: Hashes, queries: Hashes, radius: int
) -> Iterator[tuple[Ints, Ints, npt.NDArray[np.uint8]]]:
    """Batches of (places in `index`, places in `queries`, bits in which they differ).

    Each pair within `radius` comes once, in no stated order.
    """
    bands = bands_of(radius, len(index))
    for number, band in enumerate(bands):
        for left, right in _candidates(index, queries, band, radius):
            differing = index[left] ^ queries[right]
            is_new = np.ones(len(left), np.bool_)
            for earlier in bands[:number]:
                is_new &= np.bitwise_count(differing & earlier.mask) > earlier.radius
            yield left[is_new], right[is_new], np.bitwise_count(differing[is_new])


def _candidates(
    index: Hashes, queries: Hashes, band: Band, radius: int
) -> Iterator[tuple[Ints, Ints]]:
    """Places of the pairs within `radius` that are near enough in the band."""
    keys = band.keys(index)
    order = np.argsort(keys, kind="stable").astype(np.uint32)
    in_order = index[order]
    starts = np.zeros((1 << len(band.bits)) + 1, np.int32)
    np.cumsum(np.bincount(keys, minlength=len(starts) - 1), out=starts[1:])
    changes, wanted = band.changes(), band.keys(queries)
    step = max(_BATCH // len(changes), 1)
    for first in range(0, len(queries), step):
        sought = (wanted[first : first + step, None] ^ changes).ravel()
        begin = starts[sought]
        counts = starts[sought + np.uint32(1)] - begin
        filled = np.flatnonzero(counts)
        asking = first + filled // len(changes)
        for place, which in expanded(begin[filled], counts[filled]):
            right = asking[which]
            near = np.bitwise_count(in_order[place] ^ queries[right]) <= radius
            yield order[place[near]].astype(np.int64), right[near]


def expanded(
    begins: npt.NDArray[np.signedinteger], counts: npt.NDArray[np.signedinteger]
) -> Iterator[tuple[Ints, Ints]]:
    """Batches of (place, which range it is of) for ranges of places, at most _BATCH each."""
    ends = np.cumsum(counts, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    for first in range(0, total, _BATCH):
        numbers = np.arange(first, min(first + _BATCH, total))
        which = np.searchsorted(ends, numbers, side="right")
        yield begins[which] + (numbers - (ends - counts)[which]), which
