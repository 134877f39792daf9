from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.schedule import Ints, Schedule
from tests.mixtures.by_hand import largest_remainder_by_hand
from tests.mixtures.order_by_hand import level_by_hand


def _taken(schedule: Schedule, ends: list[int], cuts: list[int]) -> list[list[int]] | None:
    """All windows of a schedule, taken in runs that end at `cuts`."""
    found: list[Ints] = []
    for part in np.split(np.array(ends, dtype=np.int64), sorted(cuts)):
        if len(part):
            rows = schedule.take(part)
            if rows is None:
                return None
            found.append(rows)
    both: list[list[int]] = np.concatenate(found).tolist()
    return both


@st.composite
def windows(draw: st.DrawFn, total: int) -> list[int]:
    """Ends of windows of any sizes, none and nothing among them."""
    return [*sorted(draw(st.lists(st.integers(0, total), max_size=8))), total]


@settings(deadline=None, max_examples=80)
@given(st.data(), st.lists(st.integers(1, 40), min_size=1, max_size=7), st.integers(1, 70))
def test_the_earliest_deadline_is_first(
    data: st.DataObject, weights: list[int], total: int
) -> None:
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    parts = largest_remainder_by_hand(shares, total)
    drawn = [(share, quota) for share, quota in zip(shares, parts, strict=True) if quota]
    shares, quotas = [share for share, _ in drawn], [quota for _, quota in drawn]
    own = [Fraction(quota, total) for quota in quotas]
    ends = data.draw(windows(total))
    cuts = data.draw(st.lists(st.integers(0, len(ends)), max_size=3))
    for lines in ([own], [own, shares]):
        by_hand = level_by_hand(quotas, lines, ends)
        assert _taken(Schedule(quotas, lines), ends, cuts) == by_hand
        assert by_hand is not None or len(lines) == 2


@settings(deadline=None, max_examples=60)
@given(st.data(), st.lists(st.integers(1, 9), min_size=2, max_size=5))
def test_lines_that_cannot_be_kept_are_refused(data: st.DataObject, quotas: list[int]) -> None:
    """Lines that have nothing to do with the quotas: refused just where jobs say so."""
    weights = data.draw(st.lists(st.integers(1, 9), min_size=len(quotas), max_size=len(quotas)))
    lines = [
        [Fraction(quota, sum(quotas)) for quota in quotas],
        [Fraction(weight, sum(weights)) for weight in weights],
    ]
    ends = data.draw(windows(sum(quotas)))
    assert _taken(Schedule(quotas, lines), ends, []) == level_by_hand(quotas, lines, ends)


def test_more_due_than_there_are_rows_is_refused() -> None:
    # After 38 of 57 rows the drawn shares want 2 of each first one, the others' own 1 of each: 42.
    quotas = [3] * 15 + [1] * 12
    own = [Fraction(quota, 57) for quota in quotas]
    asked = [Fraction(26, 570)] * 15 + [Fraction(15, 570)] * 12
    assert largest_remainder_by_hand(asked, 57) == quotas
    assert _taken(Schedule(quotas, [own, asked]), [38, 57], []) is None
    assert level_by_hand(quotas, [own, asked], [38, 57]) is None
    assert _taken(Schedule(quotas, [own]), [38, 57], []) is not None


def test_a_child_without_the_rows_that_a_line_wants_is_refused() -> None:
    # After 11 of 12 rows a fifth is 2.2, and the first child has one row in all.
    quotas = [1, 2, 3, 3, 3]
    own = [Fraction(quota, 12) for quota in quotas]
    fifths = [Fraction(1, 5)] * 5
    assert _taken(Schedule(quotas, [own, fifths]), [11, 12], []) is None
    assert level_by_hand(quotas, [own, fifths], [11, 12]) is None


def test_more_children_than_a_word_has_bits() -> None:
    quotas = [1 + place % 3 for place in range(150)]
    own = [Fraction(quota, sum(quotas)) for quota in quotas]
    ends = [*range(64, sum(quotas), 64), sum(quotas)]
    assert _taken(Schedule(quotas, [own]), ends, [2]) == level_by_hand(quotas, [own], ends)


def test_products_that_do_not_fit_are_exact() -> None:
    # 3 x 10^9 rows a child: rows x share has 2^63 in reach after the first window already.
    quotas = [3 * 10**9 + 1, 3 * 10**9]
    own = [Fraction(quota, sum(quotas)) for quota in quotas]
    ends = [2 * 10**9, 6 * 10**9 - 2, 6 * 10**9 - 1, sum(quotas)]
    rows = _taken(Schedule(quotas, [own]), ends, [])
    assert rows is not None
    done = np.cumsum(rows, axis=0).tolist()
    assert [sum(counts) for counts in done] == ends
    for counts, end in zip(done, ends, strict=True):
        for count, share in zip(counts, own, strict=True):
            assert abs(count - share * end) < 1
