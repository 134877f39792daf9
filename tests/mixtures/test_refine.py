"""The fitted step on surfaces that are known: within bounds, never up, and only beyond noise."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import UsageError
from mixtures.refine import MAX_FACTOR, STEP, Floats, bounds_of, fit, gain_of, lowest

SHARES = [Fraction(n, 100) for n in (5, 14, 30)]
OWN = (Fraction(14, 100),)


def _column(shares: list[Fraction]) -> Floats:
    return np.array([[float(share)] for share in shares])


def _step(targets: list[float], own: tuple[Fraction, ...] = OWN) -> Fraction:
    found = fit(_column(SHARES), np.array([targets]))
    bounds = bounds_of(own, [[share] for share in SHARES], [""])
    return lowest(found, np.array([targets]), own, bounds)[0]


@pytest.mark.parametrize(
    ("targets", "expect"),
    [
        ([(x - 0.2) ** 2 for x in (0.05, 0.14, 0.3)], "20%"),  # its least value
        ([(x - 0.9) ** 2 for x in (0.05, 0.14, 0.3)], "28%"),  # twice the recipe's share
        ([(x + 0.9) ** 2 for x in (0.05, 0.14, 0.3)], "7%"),  # half of it
        ([1.0, 0.91, 0.75], "28%"),  # straight
        ([-(x**2) for x in (0.05, 0.14, 0.3)], "28%"),  # opens downwards: a line
        ([2.0, 2.0, 2.0], "14%"),
    ],
)
def test_the_step_of_a_known_curve(targets: list[float], expect: str) -> None:
    assert abs(_step(targets) - Fraction(expect[:-1]) / 100) <= STEP


def test_it_does_not_leave_the_shares_that_were_trained() -> None:
    own = (Fraction(20, 100),)
    assert _step([3.0, 2.5, 2.0], own) == Fraction(30, 100)


def test_what_is_too_little_for_a_fit_is_told() -> None:
    with pytest.raises(UsageError, match="2 arms for 2 free components: .* at least 3"):
        fit(np.array([[0.1, 0.2], [0.2, 0.3]]), np.ones((3, 2)))
    with pytest.raises(UsageError, match="do not tell the free components apart"):
        fit(np.array([[0.1, 0.2], [0.2, 0.4], [0.3, 0.6]]), np.ones((3, 3)))
    with pytest.raises(UsageError, match="14.0%, is not within the arms' .20.0% to 30.0%"):
        bounds_of(OWN, [[Fraction(1, 5)], [Fraction(3, 10)]], [""])
    with pytest.raises(UsageError, match="one seed says nothing of its noise"):
        gain_of(np.array([0.1]))


def test_a_gain_is_sure_beyond_its_noise_alone() -> None:
    # Student's t of 2 degrees of freedom at 95 %, one-sided, is 2.920.
    sure = gain_of(np.array([0.10, 0.11, 0.12]))
    assert sure.least == pytest.approx(0.11 - 2.920 * 0.01 / np.sqrt(3)) and sure.is_sure
    assert not gain_of(np.array([0.10, -0.02, 0.12])).is_sure


@given(st.data())
def test_a_step_is_within_bounds_sums_to_one_and_never_raises_the_target(
    data: st.DataObject,
) -> None:
    """Any surface: not only those that the fit can follow."""
    free = data.draw(st.integers(1, 4))
    parts = data.draw(st.lists(st.integers(1, 50), min_size=free + 1, max_size=free + 1))
    own = tuple(Fraction(part, sum(parts)) for part in parts[:free])
    levels = [data.draw(st.sampled_from(["", "image"])) for _ in own]
    num_arms = data.draw(st.integers(free + 1, 3 * free + 2))
    factor = st.integers(2, 190).map(lambda percent: Fraction(percent, 100))
    arms = [list(own)]
    for n in range(1, num_arms):
        arm = list(own)
        arm[n % free] = min(own[n % free] * data.draw(factor), Fraction(99, 100))
        arms.append(arm)
    loss = st.floats(0.1, 10, allow_nan=False)
    targets = np.array([[data.draw(loss) for _ in arms] for _ in range(2)])
    shares = np.array([[float(x) for x in arm] for arm in arms])
    try:
        found = fit(shares, targets)
    except UsageError:
        return  # shares that move together
    bounds = bounds_of(own, arms, levels)
    aim = lowest(found, targets, own, bounds)
    for n, share in enumerate(aim):
        tried = [arm[n] for arm in arms]
        assert min(tried) <= share <= max(tried)
        assert own[n] / MAX_FACTOR <= share <= own[n] * MAX_FACTOR
        assert (share - own[n]) % STEP == 0
    for level in set(levels):
        mine = [n for n, name in enumerate(levels) if name == level]
        before, after = (1 - sum(some[n] for n in mine) for some in (own, aim))
        assert 0 < before / MAX_FACTOR <= after <= before * MAX_FACTOR
    ends = [np.array([float(x) for x in some]) for some in (own, aim)]
    assert found.gain(targets.mean(axis=0)[None], ends[0], ends[1])[0] >= -1e-9
