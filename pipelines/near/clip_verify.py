"""Whether one clip is another or a part of it, given at which times frames of the two look alike.

Most of the shorter one's frames that differ from each other must show what the longer shows at that
moment, and change as it does. A clip without three such frames with texture, such as a talking
head or a globe that turns, is held by all its frames, if none shows print or flat colours: each
must be the longer one's nearly to the pixel, and the little that moves must move the same way. What
stands still is nothing's copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter

import numpy as np

from pipelines.flat import Ints
from pipelines.near.clip_align import REACH_MS, Aligned, Frames, aligned

CLIP, PART = 0, 1

_LEAST_FRAMES = 3
# More than half of the frames; the rest may be a second of titles, or fall between two shots.
_LEAST_SHARE = 0.6
# Of 105 edits of 15 real clips 94 reach both; most others have too few frames left. Of 2,100 pairs
# of other clips none has half of its frames alike. A cut that falls between frames makes most of
# them another moment, but not the quietest third; another window of the same footage had 0.987.
_LEAST_SHARP = 0.99
_LEAST_MOVES = 0.85
# Of clips by all their frames. Of 8,049 pairs of other clips, and of two parts of one shot, none
# moves above 0.77 but of frames that do not look alike; edits of a globe have 0.998, 0.96 and 1.3
# levels or more. A still photo moves by 0.2 to 0.5 levels when it is encoded.
_LEAST_SLOW_FRAMES = 4
_LEAST_SLOW_ALIKE = 0.99
_LEAST_SLOW_MOVES = 0.95
_LEAST_MOTION = 1.0
# Offsets that most frames vote for are tried, and what lies around the best of them.
_VOTE_MS = 1000
_MOST_VOTES = 4
_STEPS_MS = range(-500, 501, 250)
# What encoders add to an end, and rounding of a rate to a length.
_SAME_END_MS = 500
_SAME_LENGTH = 0.01

# (whether it is a pair, how well it fits, ...)
_Rank = tuple[bool, float, float, int, int, float]
_Ranking = Callable[[Aligned], _Rank]


def verified(one: Frames, other: Frames, offsets_ms: Ints) -> tuple[int, Aligned] | None:
    """(rule, how the shorter lies in the longer); null where it does not. Those that are held by
    shapes are never CLIP.

    Of equally long ones either may be the whole: the better fit counts.
    """
    tried = []
    if one.duration_ms >= other.duration_ms:
        tried.append((one, other, offsets_ms))
    if other.duration_ms >= one.duration_ms:
        tried.append((other, one, -offsets_ms))
    (is_found, *_), best = max(
        (_best(whole, part, offsets) for whole, part, offsets in tried), key=itemgetter(0)
    )
    if not is_found:
        return None
    apart = abs(one.duration_ms - other.duration_ms)
    allowed = _SAME_END_MS + _SAME_LENGTH * max(one.duration_ms, other.duration_ms)
    is_same = apart <= allowed and abs(best.offset_ms) <= allowed + REACH_MS
    is_same &= not any(_is_held_by_shapes(clip) for clip in (one, other))
    return (CLIP if is_same else PART), best


def _is_held_by_shapes(clip: Frames) -> bool:
    """Codes are gray: nothing tells a shape from the same one in other colours."""
    return len(clip.distinct) < _LEAST_FRAMES and clip.has_shapes


def _best(whole: Frames, part: Frames, offsets_ms: Ints) -> tuple[_Rank, Aligned]:
    if len(part.distinct) >= _LEAST_FRAMES:
        return _nearest(whole, part, part.distinct, _elected(offsets_ms), _rank)
    # Its frames look alike: which of them were found does not say when they are shown.
    return _nearest(whole, part, part.showing, _all_offsets(whole, part), _slow_rank)


def _nearest(
    whole: Frames, part: Frames, chosen: Ints, offsets_ms: Iterable[int], rank: _Ranking
) -> tuple[_Rank, Aligned]:
    def best(offsets: Iterable[int]) -> tuple[_Rank, Aligned]:
        fits = (aligned(whole, part, chosen, offset) for offset in offsets)
        return max(((rank(fit), fit) for fit in fits), key=itemgetter(0))

    near = best(offsets_ms)[1].offset_ms
    return best(near + step for step in _STEPS_MS)


def _elected(offsets_ms: Ints) -> Iterator[int]:
    """Those that most frames vote for, to a second; of equally many the nearest to 0 first."""
    seconds, counts = np.unique(np.rint(offsets_ms / _VOTE_MS).astype(np.int64), return_counts=True)
    order = np.lexsort((seconds, np.abs(seconds), -counts))
    yield from (seconds[order[:_MOST_VOTES]] * _VOTE_MS).tolist()


def _all_offsets(whole: Frames, part: Frames) -> Iterator[int]:
    """At which a part begins with a frame of the whole and does not end after it."""
    last = whole.duration_ms - part.duration_ms + REACH_MS
    starts = whole.times_ms - part.times_ms[0]
    yield from starts[(starts >= -REACH_MS) & (starts <= last)].tolist() or [0]


# All that is told of a pair is in them: equal ranks, equal pairs, whichever came first.


def _rank(found: Aligned) -> _Rank:
    is_most = found.alike >= max(_LEAST_FRAMES, _LEAST_SHARE * found.total)
    holds = is_most and found.sharp >= _LEAST_SHARP and found.moves >= _LEAST_MOVES
    return holds, round(found.fit, 3), *_rest(found)


def _slow_rank(found: Aligned) -> _Rank:
    is_all = _LEAST_SLOW_FRAMES <= found.alike == found.total
    is_moving = found.motion >= _LEAST_MOTION and found.moves >= _LEAST_SLOW_MOVES
    holds = is_all and is_moving and found.least >= _LEAST_SLOW_ALIKE
    return holds, round(found.moves, 3), *_rest(found)


def _rest(found: Aligned) -> tuple[float, int, int, float]:
    return -found.slip_ms, found.offset_ms, found.alike, found.moves
