from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.supply import MEASURES, ArraySupply, EvenSupply, Measure, Supply
from tests.mixtures.supplies import counted, holding, supplies


def test_sums_run_over_passes() -> None:
    supply = holding([5, 0, 7], [2])
    assert [supply.samples(leaf) for leaf in (0, 1)] == [3, 1]
    assert [supply.amount(0, "tokens", rows) for rows in range(8)] == [0, 5, 5, 12, 17, 17, 24, 29]
    assert supply.amount(1, "tokens", 10**6) == 2 * 10**6
    assert [supply.rows_within(0, "tokens", most) for most in (4, 5, 11, 12, 17)] == [0, 2, 2, 3, 5]
    assert supply.amount(0, "samples", 9) == supply.rows_within(0, "samples", 9) == 9


def test_a_measure_that_no_sample_has() -> None:
    assert holding([5, 3]).rows_within(0, "images", 0) == 2
    assert ArraySupply([{"tokens": np.empty(0, dtype=np.int64)}]).rows_within(0, "tokens", 9) == 0
    assert EvenSupply([{"samples": 7, "images": 0}]).rows_within(0, "images", 10) == 7


def even(data: st.DataObject) -> Supply:
    samples = data.draw(st.integers(1, 50))
    totals: dict[Measure, int] = {"samples": samples}
    for measure in MEASURES[1:]:
        totals[measure] = data.draw(st.integers(0, 500))
    return EvenSupply([totals])


@pytest.mark.parametrize("kind", ["array", "even"])
@settings(deadline=None)
@given(st.data(), st.sampled_from(MEASURES), st.integers(0, 2000))
def test_rows_within_is_the_most_rows_that_fit(
    kind: str, data: st.DataObject, measure: Measure, most: int
) -> None:
    supply = even(data) if kind == "even" else data.draw(supplies(1))
    rows = supply.rows_within(0, measure, most)
    if supply.amount(0, measure, supply.samples(0)) == 0:
        assert rows == supply.samples(0)
        return
    assert supply.amount(0, measure, rows) <= most < supply.amount(0, measure, rows + 1)


def test_even_parts_sum_to_what_is_known() -> None:
    supply = EvenSupply([{"samples": 3, "tokens": 10}])
    assert [supply.amount(0, "tokens", rows) for rows in (1, 2, 3, 6)] == [3, 6, 10, 20]
    assert counted(4, 5).samples(1) == 5
