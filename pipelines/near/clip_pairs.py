"""Pairs of clips that are one, or one a part of the other: found by frames, each verified.

    clip        the same from end to end: encoded anew, scaled
    clip_part   the shorter lies in the longer: trimmed at an end, or cut out of it; or they show
                shapes, which may be of another colour

A clip is sought by its frames with texture, or with a shape before an even ground. Where frames of
two look alike, their times say how one may lie in the other, which `clip_verify` then holds against
all that both show. A clip of print or flat colours, or a black one, is found by nothing: only equal
bytes make it one.

What is found for two clips depends on their codes alone: not on which of them is in the index, nor
on the parts that index and queries are given in.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipelines.near.clip_columns import ClipColumns
from pipelines.near.clip_verify import verified
from pipelines.near.image_lookup import near_pairs

RULES = ("clip", "clip_part")

PAIR = np.dtype(
    [
        ("left", np.int64),  # row of the index
        ("right", np.int64),  # row of the queries
        ("rule", np.int8),  # place in RULES
        ("alike", np.int16),  # frames, of so many
        ("total", np.int16),
        ("offset_ms", np.int64),  # of the shorter in the longer
        ("moves", np.float32),  # correlation of what changes
    ]
)
Pairs = npt.NDArray[np.void]
_VOTE = np.dtype([("left", np.int64), ("right", np.int64), ("offset_ms", np.int64)])

_RADIUS = 8
# A tenth of a MB each.
_CLIPS_AT_HAND = 1024


def find_pairs(index: ClipColumns, queries: ClipColumns) -> Pairs:
    """All pairs, sorted by (left, right), each once; of one object with itself, left before right.

    About 2 ms a candidate; memory of the lookup, and 16 bytes for two frames that look alike. A
    shot that many clips share makes candidates of each two of them.
    """
    votes = _votes(index, queries)
    if index is queries:
        votes = votes[votes["left"] < votes["right"]]
    votes = votes[np.lexsort((votes["offset_ms"], votes["right"], votes["left"]))]
    ones, others = (lru_cache(_CLIPS_AT_HAND)(side.clip) for side in (index, queries))
    found = []
    for start, stop in _groups(votes):
        left, right = int(votes["left"][start]), int(votes["right"][start])
        pair = verified(ones(left), others(right), votes["offset_ms"][start:stop])
        if pair is not None:
            rule, best = pair
            found.append((left, right, rule, best.alike, best.total, best.offset_ms, best.moves))
    return np.array(found, PAIR)


def _groups(votes: npt.NDArray[np.void]) -> Iterator[tuple[int, int]]:
    """Ranges of sorted votes for the same two clips."""
    is_first = np.ones(len(votes), np.bool_)
    is_first[1:] = votes["left"][1:] != votes["left"][:-1]
    is_first[1:] |= votes["right"][1:] != votes["right"][:-1]
    yield from pairwise([*np.flatnonzero(is_first).tolist(), len(votes)])


def _votes(index: ClipColumns, queries: ClipColumns) -> npt.NDArray[np.void]:
    """(left, right, offset of the right clip in the left) of frames that look alike."""
    frames, clips = index.sought()
    asking, askers = queries.sought()
    found = [np.zeros(0, _VOTE)]
    for a, b, _ in near_pairs(index.hashes[frames], queries.hashes[asking], _RADIUS):
        some = np.zeros(len(a), _VOTE)
        some["left"], some["right"] = clips[a], askers[b]
        some["offset_ms"] = index.times_ms[frames[a]] - queries.times_ms[asking[b]]
        found.append(some)
    return np.concatenate(found)
