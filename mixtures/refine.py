"""A fitted, bounded step of the shares of a recipe, by what an ablation of it measured.

RegMix (arXiv 2407.01492, section 3) fits a regression of loss on the shares of small runs and takes
the mixture of the lowest fitted loss. Here the fit is a sum over the free components of one curve
each, so that few arms are enough, and the step is kept small, as SmolLM2 (arXiv 2502.02737,
section 4) moved its ratios stage by stage:

    constant        value   why
    MAX_FACTOR      2       between two stages of SmolLM2 no share more than doubles: code 10 to
                            20 %, mathematics 5 to 10 %; of the share that a component has here, and
                            of what is left for the components that are not free
    the arms' range         beyond the least and the greatest share that was trained a fitted curve
                            is a guess
    STEP            0.1 %   of the parent; a step is cut to it, towards the recipe
    CONFIDENCE      95 %    one-sided, Student's t over seeds: of the gain between the recipe's
                            shares and the proposed ones, seed by seed (pairs start alike)

A curve is straight, or a parabola that opens upwards where arms outnumber its terms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from manifests.errors import UsageError

Floats = npt.NDArray[np.float64]
MAX_FACTOR = 2
STEP = Fraction(1, 1000)
CONFIDENCE = 0.95
# Student's t, one-sided 95 %, by degrees of freedom from 1 on; beyond them the normal's.
_T95 = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812)
_NORMAL95 = 1.645


@dataclass(frozen=True)
class Fit:
    """T(x) = constant + sum of slope x + bend x^2 over the free shares; a row a seed."""

    design: tuple[bool, ...]  # of each free share: whether it has a bend
    inverse: Floats  # (terms, arms): what makes coefficients of an arm's targets

    def coefficients(self, targets: Floats) -> Floats:
        """(seeds, terms) of targets (seeds, arms)."""
        found: Floats = targets @ self.inverse.T
        return found

    def gain(self, targets: Floats, before: Floats, after: Floats) -> Floats:
        """(seeds,): by how much the fitted target is lower at `after` than at `before`."""
        change = _terms(before[None], self.design)[0] - _terms(after[None], self.design)[0]
        found: Floats = self.coefficients(targets) @ change
        return found


def _terms(shares: Floats, bends: Sequence[bool]) -> Floats:
    """(arms, 1 + free + bent) of shares (arms, free)."""
    squares = shares[:, np.array(bends, dtype=bool)] ** 2
    return np.concatenate([np.ones((len(shares), 1)), shares, squares], axis=1)


def fit(shares: Floats, targets: Floats) -> Fit:
    """Of shares (arms, free) and targets (seeds, arms).

    UsageError where there are not more arms than free shares, or they are not told apart.
    """
    num_arms, free = shares.shape
    if num_arms <= free:
        raise UsageError(
            f"{num_arms} arms for {free} free components: a fit needs more arms than free "
            f"components, at least {free + 1}; run mixture ablate with more shares"
        )
    mean = targets.mean(axis=0)
    bends = [len(np.unique(shares[:, n])) > 2 and num_arms > 2 * free for n in range(free)]
    while True:
        terms = _terms(shares, bends)
        if np.linalg.matrix_rank(terms) < terms.shape[1]:
            if not any(bends):
                raise UsageError(
                    "the arms do not tell the free components apart: their shares move together; "
                    "run mixture ablate with other shares"
                )
            bends = [False] * free
            continue
        inverse: Floats = np.linalg.pinv(terms).astype(np.float64)
        found = Fit(tuple(bends), inverse)
        bent = found.coefficients(mean[None])[0][1 + free :]
        # A parabola that opens downwards has its least value at an end: a line says that as well.
        hollow = [n for n, bend in zip(np.flatnonzero(bends), bent, strict=True) if bend < 0]
        if not hollow:
            return found
        bends = [bend and n not in hollow for n, bend in enumerate(bends)]


@dataclass(frozen=True)
class Bounds:
    """Least and greatest share of each free component, and of all that are not free, by level."""

    low: tuple[Fraction, ...]
    high: tuple[Fraction, ...]
    levels: tuple[str, ...]  # of each free share: those of one level sum to less than 1


def bounds_of(
    own: Sequence[Fraction], arms: Sequence[Sequence[Fraction]], levels: Sequence[str]
) -> Bounds:
    """UsageError where the recipe's own share lies outside of what was trained."""
    low, high = [], []
    for n, share in enumerate(own):
        tried = [arm[n] for arm in arms]
        if not min(tried) <= share <= max(tried):
            raise UsageError(
                f"the recipe's own share of a free component, {float(share):.1%}, is not within "
                f"the arms' ({float(min(tried)):.1%} to {float(max(tried)):.1%}): run mixture "
                "ablate with shares on both sides of it"
            )
        low.append(max(min(tried), share / MAX_FACTOR))
        high.append(min(max(tried), share * MAX_FACTOR))
    return Bounds(tuple(low), tuple(high), tuple(levels))


def lowest(
    found: Fit, targets: Floats, own: Sequence[Fraction], bounds: Bounds
) -> tuple[Fraction, ...]:
    """Shares within bounds with the lowest fitted target: never a higher one than at `own`."""
    mean = targets.mean(axis=0)
    # About their mean: arms that are equal then give no slope at all, and not one of rounding.
    coefficients = found.coefficients((mean - mean.mean())[None])[0]
    free = len(own)
    slopes, bends = coefficients[1 : 1 + free], np.zeros(free)
    bends[np.array(found.design, dtype=bool)] = coefficients[1 + free :]
    aims = [
        _least(float(slopes[n]), float(bends[n]), float(own[n]), low, high)
        for n, (low, high) in enumerate(zip(bounds.low, bounds.high, strict=True))
    ]
    # Each curve falls from the recipe's share to its aim, so any part of the way is a gain.
    for part in range(20, 0, -1):
        shares = tuple(
            share + _cut((aim - float(share)) * part / 20)
            for share, aim in zip(own, aims, strict=True)
        )
        if _leaves_enough(shares, own, bounds.levels):
            return shares
    return tuple(own)


def _least(slope: float, bend: float, own: float, low: Fraction, high: Fraction) -> float:
    if bend > 0:
        return min(max(-slope / (2 * bend), float(low)), float(high))
    if slope == 0:
        return own
    return float(low) if slope > 0 else float(high)


def _cut(step: float) -> Fraction:
    """Towards 0, to whole steps; the last bit of a float does not cost one."""
    return math.trunc(round(step / float(STEP), 6)) * STEP


def _leaves_enough(
    shares: Sequence[Fraction], own: Sequence[Fraction], levels: Sequence[str]
) -> bool:
    for level in set(levels):
        mine = [n for n, name in enumerate(levels) if name == level]
        before, after = (1 - sum(some[n] for n in mine) for some in (own, shares))
        if not before <= after * MAX_FACTOR or not after <= before * MAX_FACTOR:
            return False
    return True


@dataclass(frozen=True)
class Gain:
    """Of a step, over seeds: mean, its standard error, and the least that is likely."""

    mean: float
    error: float
    least: float

    @property
    def is_sure(self) -> bool:
        return self.least > 0


def gain_of(each: Floats) -> Gain:
    """UsageError for one seed, which says nothing of noise."""
    num = len(each)
    if num < 2:
        raise UsageError(
            "an ablation of one seed says nothing of its noise: run mixture ablate with --seeds 3"
        )
    mean, error = float(each.mean()), float(each.std(ddof=1) / math.sqrt(num))
    t = _T95[num - 2] if num - 2 < len(_T95) else _NORMAL95
    return Gain(mean, error, mean - t * error)
