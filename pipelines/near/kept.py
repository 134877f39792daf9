"""Which stay of those that are alike, and what each of the others was dropped for.

They are walked in the order that is given: one is dropped if it is alike to one that was kept
before it, and kept otherwise. A chain in which only neighbours are alike so loses every other one,
not all but the first. Nothing but the pairs and the order decides, so that each component may be
walked by itself.
"""

from __future__ import annotations

import numpy as np

from pipelines.flat import Ints
from pipelines.near.jaccard import Alike, Floats

NOBODY = -1


def walk(pairs: Alike, rank: Ints) -> tuple[Ints, Floats]:
    """(what each was dropped for, or NOBODY; how alike the two are)."""
    is_first = rank[pairs.left] < rank[pairs.right]
    before = np.where(is_first, pairs.left, pairs.right)
    after = np.where(is_first, pairs.right, pairs.left)
    order = np.lexsort((rank[before], rank[after]))
    match, jaccard = np.full(len(rank), NOBODY, np.int64), np.zeros(len(rank))
    gone = bytearray(len(rank))
    dropped = []
    steps = zip(order.tolist(), before[order].tolist(), after[order].tolist(), strict=True)
    for pair, first, second in steps:
        # All pairs in which `first` comes second have been here.
        if not gone[first] and not gone[second]:
            gone[second] = 1
            dropped.append(pair)
    match[after[dropped]] = before[dropped]
    jaccard[after[dropped]] = pairs.jaccard[dropped]
    return match, jaccard


def components(num: int, left: Ints, right: Ints) -> Ints:
    """Of each of `num` texts the smallest number that a chain of pairs leads to, its own if none.

    Labels of pairs fall to the smaller until they agree: a few rounds, whatever the chain's length.
    """
    label = np.arange(num)
    while len(left):
        one, other = label[left], label[right]
        differ = one != other
        left, right = left[differ], right[differ]
        one, other = one[differ], other[differ]
        np.minimum.at(label, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(label, label[label]):
            label = label[label]
    return label
