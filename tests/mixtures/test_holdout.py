"""What `--holdout` takes, and which groups it draws."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from manifests.errors import UsageError
from mixtures.holdout import group_draws, is_held, parse_holdout

SHARES = [
    ("1%", Fraction(1, 100)),
    ("0.01", Fraction(1, 100)),
    (".5%", Fraction(1, 200)),
    (" 10% ", Fraction(1, 10)),
    ("49.9%", Fraction(499, 1000)),
]
REFUSED = ["", "%", "one", "nan", "1/3", "-1%", "1e-3", "1 %%", "0", "0%", "50%", "0.5", "2"]


@pytest.mark.parametrize(("text", "share"), SHARES)
def test_a_share_is_taken_as_it_is_written(text: str, share: Fraction) -> None:
    assert parse_holdout(text) == share


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 1% or 0.01|above 0 and below 50%"):
        parse_holdout(text)


def test_a_share_of_groups_is_held_and_a_larger_one_holds_them_too() -> None:
    names = np.random.default_rng(0).integers(0, 1 << 63, (2, 100_000)).astype(np.uint64)
    groups = group_draws(*names)
    few, many = (is_held(groups, Fraction(n, 100)) for n in (1, 10))
    assert 900 < few.sum() < 1100 and 9_700 < many.sum() < 10_300
    assert not (few & ~many).any()


def test_the_draw_never_changes() -> None:
    """Other words would hold out other rows of every mixture that there is."""
    groups = group_draws(np.array([0, 1], np.uint64), np.array([0, 2], np.uint64))
    assert groups.tolist() == [12412075053773171109, 14725133966184342537]
