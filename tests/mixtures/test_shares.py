from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.shares import MAX_REPEAT, parse_repeat, parse_share


@pytest.mark.parametrize(
    "written", ["14%", "7/50", "0.14", "14.0%", " 14% ", 0.14, Fraction(7, 50), "14/100"]
)
def test_the_same_share_in_every_spelling(written: object) -> None:
    assert parse_share(written) == Fraction(7, 50)


def test_shares_that_binary_floats_cannot_hold_are_exact() -> None:
    assert parse_share(1e-05) == Fraction(1, 100_000)
    assert parse_share("0.1234567890123456789") == Fraction(1234567890123456789, 10**19)
    assert parse_share(1) == 1


@pytest.mark.parametrize("written", ["", "many", "1/0", "-5%", "1e-3", "5%%", "1/2%", True, None])
def test_no_share(written: object) -> None:
    with pytest.raises(ValueError, match="write it as 14%"):
        parse_share(written)


@pytest.mark.parametrize("written", ["0", "0/5", "101%", 1.5, 2])
def test_share_out_of_range(written: object) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        parse_share(written)


@pytest.mark.parametrize(
    ("written", "passes"),
    [("3/2", Fraction(3, 2)), ("150%", Fraction(3, 2)), (1.5, Fraction(3, 2)), (4, Fraction(4))],
)
def test_passes(written: object, passes: Fraction) -> None:
    assert parse_repeat(written) == passes


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("twice", "no number of passes; write it as 2, 1/2, 0.5 or 50%"),
        (-1, "no number of passes"),
        (True, "no number of passes"),
        ("0", "must be above 0"),
        (MAX_REPEAT + 1, "at most 32767"),
    ],
)
def test_no_passes(written: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_repeat(written)


@settings(deadline=None, max_examples=50)
@given(st.fractions(min_value=Fraction(1, 10**9), max_value=1))
def test_shares_survive_json(share: Fraction) -> None:
    assert parse_share(str(share)) == share
    assert parse_repeat(str(share)) == share
