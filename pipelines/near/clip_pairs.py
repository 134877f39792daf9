"""Pairs of clips that are one, or one a part of the other: found by frames, each verified.

    clip        the same from end to end: encoded anew, scaled
    clip_part   the shorter lies in the longer: trimmed at an end, or cut out of it

A clip is sought by its frames with texture. Where frames of two look alike, their times say how one
lies in the other; then most of the shorter one's frames that differ from each other must show what
the longer shows at that moment, and change as it does. A clip without three such frames, be it
still, black or a talk over few plain slides, is found by nothing: only equal bytes make it one.

What is found for two clips depends on their codes alone: not on which of them is in the index, nor
on the parts that index and queries are given in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipelines.flat import Ints
from pipelines.near.clip_align import REACH_MS, Aligned, Frames, aligned
from pipelines.near.clip_columns import ClipColumns
from pipelines.near.image_lookup import near_pairs

CLIP, PART = 0, 1
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

_RADIUS = 8
_LEAST_FRAMES = 3
# More than half of the frames; the rest may be a second of titles, or fall between two shots.
_LEAST_SHARE = 0.6
# Of 105 edits of 15 real clips 94 reach both; most others have too few frames left. Of 2,100 pairs
# of other clips none has half of its frames alike. A cut that falls between frames makes most of
# them another moment, but not the quietest third; another window of the same footage had 0.987.
_LEAST_SHARP = 0.99
_LEAST_MOVES = 0.85
# Offsets that most frames vote for are tried, and what lies around the best of them.
_VOTE_MS = 1000
_MOST_VOTES = 4
_STEPS_MS = range(-500, 501, 250)
# A tenth of a MB each.
_CLIPS_AT_HAND = 1024
# What encoders add to an end, and rounding of a rate to a length.
_SAME_END_MS = 500
_SAME_LENGTH = 0.01


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
        pair = _verified(ones(left), others(right), votes["offset_ms"][start:stop])
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
    dtype = np.dtype([("left", np.int64), ("right", np.int64), ("offset_ms", np.int64)])
    found = [np.zeros(0, dtype)]
    for a, b, _ in near_pairs(index.hashes[frames], queries.hashes[asking], _RADIUS):
        some = np.zeros(len(a), dtype)
        some["left"], some["right"] = clips[a], askers[b]
        some["offset_ms"] = index.times_ms[frames[a]] - queries.times_ms[asking[b]]
        found.append(some)
    return np.concatenate(found)


def _verified(one: Frames, other: Frames, offsets_ms: Ints) -> tuple[int, Aligned] | None:
    """(rule, how the shorter lies in the longer); null where it does not.

    Of equally long ones either may be the whole: the better fit counts.
    """
    tried = []
    if one.duration_ms >= other.duration_ms:
        tried.append((one, other, offsets_ms))
    if other.duration_ms >= one.duration_ms:
        tried.append((other, one, -offsets_ms))
    found = [_best(whole, part, offsets) for whole, part, offsets in tried]
    best = max(found, key=_rank)
    if not _holds(best):
        return None
    apart = abs(one.duration_ms - other.duration_ms)
    allowed = _SAME_END_MS + _SAME_LENGTH * max(one.duration_ms, other.duration_ms)
    is_same = apart <= allowed and abs(best.offset_ms) <= allowed + REACH_MS
    return (CLIP if is_same else PART), best


def _best(whole: Frames, part: Frames, offsets_ms: Ints) -> Aligned:
    chosen = part.distinct
    if len(chosen) < _LEAST_FRAMES:
        return Aligned(0, 0, len(chosen), 0.0, 0.0, 0.0, 0.0)

    def best(offsets: Iterable[int]) -> Aligned:
        return max((aligned(whole, part, chosen, offset) for offset in offsets), key=_rank)

    near = best(_elected(offsets_ms)).offset_ms
    return best(near + step for step in _STEPS_MS)


def _elected(offsets_ms: Ints) -> Iterator[int]:
    """Those that most frames vote for, to a second; of equally many the nearest to 0 first."""
    seconds, counts = np.unique(np.rint(offsets_ms / _VOTE_MS).astype(np.int64), return_counts=True)
    order = np.lexsort((seconds, np.abs(seconds), -counts))
    yield from (seconds[order[:_MOST_VOTES]] * _VOTE_MS).tolist()


def _rank(found: Aligned) -> tuple[bool, float, float, int, int, float]:
    """All that is told of a pair is in it: equal ranks, equal pairs, whichever came first."""
    fit = round(found.fit, 3)
    return _holds(found), fit, -found.slip_ms, found.offset_ms, found.alike, found.moves


def _holds(found: Aligned) -> bool:
    is_most = found.alike >= max(_LEAST_FRAMES, _LEAST_SHARE * found.total)
    return is_most and found.sharp >= _LEAST_SHARP and found.moves >= _LEAST_MOVES
