"""Numbers in tables: short, and a dash where nothing is known."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pipelines.cells import count, duration, passes, percent, points, short, size, uses

CASES = [
    (percent(Fraction(7, 50)), "14.00%"),
    (percent(Fraction(1, 1000)), "0.10%"),
    (percent(Fraction(1, 4000)), "0.0250%"),
    (percent(Fraction(0)), "0.00%"),
    (percent(None), "-"),
    (points(Fraction(1, 50)), "+2.00"),
    (points(Fraction(-1, 4000)), "-0.0250"),
    (points(Fraction(0)), "+0.00"),
    (count(1234), "1,234"),
    (count(None), "-"),
    (size(None), "-"),
    (size(1_500_000), "1.5 MB"),
    (passes(None), "-"),
    (passes(2.5), "2.50"),
    (short(None, False), "-"),
    (short(999), "999"),
    (short(43_751), "43.8k"),
    (short(5_200_000, False), "5.2M+"),
    (short(1_500_000_000), "1.5G"),
    (uses({}), "-"),
    (uses({"a": "no", "b": "no"}), "no"),
    (uses({"a": "unknown", "b": "no", "c": "yes", "d": "no"}), "1 yes, 2 no, 1 unknown"),
    (duration(0), "0 s"),
    (duration(0.4), "< 1 s"),
    (duration(40), "40 s"),
    (duration(1500), "25 min"),
    (duration(9000), "2.5 h"),
    (duration(40_000), "11 h"),
    (duration(864_000), "10 days"),
]


@pytest.mark.parametrize(("shown", "expected"), CASES)
def test_a_cell(shown: str, expected: str) -> None:
    assert shown == expected
