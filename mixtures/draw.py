"""Which samples are drawn, and in which pass.

Inside a leaf, samples are ordered by a draw that depends on (seed, content id) alone. A quota takes
them from the head, in whole passes and then a part of one, always in the same order: a larger quota
keeps what a smaller one took, and samples that come or go never change the order of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manifests.ids import seed_word, splitmix64, stable_draws


@dataclass(frozen=True)
class Drawn:
    """The drawn rows, leaf by leaf, each leaf's in draw order, pass after pass.

    `sample` is the position of a row's sample in what was drawn from, `repeat` its pass, from 1,
    `draw` the sample's stable draw, from which the order of rows inside a window follows.
    """

    sample: npt.NDArray[np.int64]
    leaf: npt.NDArray[np.int32]
    repeat: npt.NDArray[np.int16]
    draw: npt.NDArray[np.uint64]


def draws(
    hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64], seed: int, purpose: str = "draw"
) -> npt.NDArray[np.uint64]:
    """The stable draw of each content id, given by its first and its last 8 bytes, little-endian.

    Equal to `manifests.ids.stable_draws` of the ids as hex digits.
    """
    word = np.uint64(seed_word(seed, purpose))
    return splitmix64(splitmix64(hi ^ word) ^ lo)


def draw(
    content_ids: Sequence[str],
    leaf: npt.NDArray[np.int32],
    quotas: Sequence[int],
    seed: int,
) -> Drawn:
    """Draws `quotas` (by leaf index) from samples given by content id (32 hex digits) and leaf.

    Content ids are unique inside a leaf; samples with a negative leaf are never drawn. A leaf
    whose quota is above its number of samples repeats them: caps on that are the solver's.
    """
    drawn = stable_draws(content_ids, seed)
    counts = np.bincount(leaf[leaf >= 0], minlength=len(quotas))
    by_leaf = np.argsort(leaf, kind="stable")[int((leaf < 0).sum()) :]
    samples, repeats = [], []
    for members, quota in zip(np.split(by_leaf, counts.cumsum()[:-1]), quotas, strict=True):
        assert quota == 0 or len(members), "the solver gives no quota to an empty leaf"
        ordered = _draw_order(members, drawn, content_ids)
        place = np.arange(quota)
        samples.append(ordered[place % max(len(members), 1)])
        repeats.append(place // max(len(members), 1) + 1)
    sample = np.concatenate(samples)
    return Drawn(
        sample=sample.astype(np.int64),
        leaf=np.repeat(np.arange(len(quotas), dtype=np.int32), quotas),
        repeat=np.concatenate(repeats).astype(np.int16),
        draw=drawn[sample],
    )


def _draw_order(
    members: npt.NDArray[np.int64], draws: npt.NDArray[np.uint64], content_ids: Sequence[str]
) -> npt.NDArray[np.int64]:
    """`members` by (draw, content id): ids are looked at only where two draws are equal."""
    ordered = members[np.argsort(draws[members], kind="stable")]
    mine = draws[ordered]
    equal = np.flatnonzero(mine[1:] == mine[:-1])
    if len(equal):
        keys = [(int(draws[member]), content_ids[member], member) for member in ordered]
        return np.array([member for _, _, member in sorted(keys)], dtype=np.int64)
    return ordered
