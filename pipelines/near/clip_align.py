"""How well one clip lies in another from a stated time on, frame by frame.

Frames of a cut fall at other moments than those of the original: between two of its frames, at most
half a second from the nearer. A frame is therefore held against both neighbours in time, and
against the picture that lies between them, of which the most alike counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipelines.flat import Ints
from pipelines.near.clip_codes import LOOKS, SHOWING

Floats = npt.NDArray[np.float32]

# Frames farther apart in time than this show different moments; sampled once a second, a frame is
# never farther from one of the other clip's.
REACH_MS = 500
# Neighbours farther apart than this have no picture between them.
_BETWEEN_MS = 1600
# Correlation of 16 x 16 means of one moment.
_LEAST_ALIKE = 0.9
# Bits in which hashes of frames differ that do not look the same.
_DISTINCT_BITS = 10


@dataclass(frozen=True, eq=False)
class Frames:
    """One clip: times, means (frames x 256), hashes, and what kind of picture each is."""

    duration_ms: int
    times_ms: Ints
    means: Floats
    hashes: npt.NDArray[np.uint64]
    looks: npt.NDArray[np.uint8]  # places in LOOKS

    @cached_property
    def distinct(self) -> Ints:
        """The first of all frames with texture that look alike."""
        kept: list[int] = []
        for frame in np.flatnonzero(self.looks == LOOKS.index("photo")).tolist():
            apart = np.bitwise_count(self.hashes[kept] ^ self.hashes[frame])
            if (apart > _DISTINCT_BITS).all():
                kept.append(frame)
        return np.array(kept, np.int64)

    @cached_property
    def showing(self) -> Ints:
        """All frames with texture or a shape, if no print and no flat colours are shown, of which
        codes show too little."""
        is_plain = self.looks == LOOKS.index("plain")
        return np.flatnonzero(np.isin(self.looks, SHOWING) & ~is_plain.any())

    @property
    def has_shapes(self) -> bool:
        return bool((self.looks == LOOKS.index("shape")).any())


@dataclass(frozen=True, slots=True)
class Aligned:
    """`alike` of `total` frames, the best third of which correlate by `sharp` on average.

    `moves` is the correlation of what changes from frame to frame, by `motion` levels of gray (RMS
    of the part's). `fit` is the mean correlation of all frames that count, `least` the lowest, and
    `slip_ms` how far in time the nearest of the whole are.
    """

    offset_ms: int
    alike: int = 0
    total: int = 0
    sharp: float = 0.0
    moves: float = 0.0
    motion: float = 0.0
    fit: float = 0.0
    least: float = 0.0
    slip_ms: float = 0.0


def aligned(whole: Frames, part: Frames, chosen: Ints, offset_ms: int) -> Aligned:
    """The chosen frames of `part`, if it begins `offset_ms` after `whole` does.

    A frame beyond either end of the whole is not alike; one that lies in it, with no frame of it
    near in time, does not count.
    """
    times = part.times_ms[chosen] + offset_ms
    beyond = (times < -REACH_MS) | (times > whole.duration_ms + REACH_MS)
    after = np.searchsorted(whole.times_ms, times, side="right")
    left = np.clip(after - 1, 0, len(whole.times_ms) - 1)
    right = np.clip(after, 0, len(whole.times_ms) - 1)
    apart = np.minimum(np.abs(whole.times_ms[left] - times), np.abs(whole.times_ms[right] - times))
    near = ~beyond & (apart <= REACH_MS)
    total = int((near | beyond).sum())
    if not near.any():
        return Aligned(offset_ms, total=total)
    seen = _seen(whole, left[near], right[near], times[near], part.means[chosen[near]])
    mine = part.means[chosen[near]]
    likeness = _correlations(seen, mine)
    is_alike = likeness >= _LEAST_ALIKE
    alike = int(is_alike.sum())
    best = np.sort(likeness)[-max(-(-alike // 3), 1) :]
    moves, motion = _moves(seen[is_alike], mine[is_alike])
    return Aligned(
        offset_ms,
        alike,
        total,
        sharp=float(best.mean()),
        moves=moves,
        motion=motion,
        fit=float(likeness.sum()) / total,
        least=float(likeness.min()),
        slip_ms=float(apart[near].mean()),
    )


def _seen(whole: Frames, left: Ints, right: Ints, times: Ints, mine: Floats) -> Floats:
    """What the whole shows at these times: of its two neighbours and what lies between the most
    alike."""
    one, other = whole.means[left], whole.means[right]
    gap = whole.times_ms[right] - whole.times_ms[left]
    share = np.clip((times - whole.times_ms[left]) / np.maximum(gap, 1), 0, 1)
    share = np.where(gap <= _BETWEEN_MS, share, np.round(share))
    between = one + (other - one) * share[:, None].astype(np.float32)
    # A neighbour out of reach in time is none.
    one = np.where((np.abs(times - whole.times_ms[left]) <= 2 * REACH_MS)[:, None], one, between)
    is_near = (np.abs(times - whole.times_ms[right]) <= 2 * REACH_MS)[:, None]
    other = np.where(is_near, other, between)
    choices = np.stack([between, one, other])
    rest = ((choices - mine) ** 2).sum(axis=2)
    best: Floats = choices[rest.argmin(axis=0), np.arange(len(mine))]
    return best


def _correlations(one: Floats, other: Floats) -> Floats:
    """Row by row; 0 for a row of one value."""
    x = one - one.mean(axis=1, keepdims=True)
    y = other - other.mean(axis=1, keepdims=True)
    squares = (x * x).sum(axis=1) * (y * y).sum(axis=1)
    found: Floats = (x * y).sum(axis=1) / np.sqrt(np.maximum(squares, 1e-3))
    return found


def _moves(one: Floats, other: Floats) -> tuple[float, float]:
    """(correlation, RMS of the other) of all frames, each without the mean of all: of a clip that
    stands still, of noise."""
    if len(one) < 2:
        return 0.0, 0.0
    x = (one - one.mean(axis=0)).reshape(1, -1)
    y = (other - other.mean(axis=0)).reshape(1, -1)
    return float(_correlations(x, y)[0]), float(np.sqrt((y * y).mean()))
