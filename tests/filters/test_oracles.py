"""Random batches: the vectorised filters answer what the slow oracles answer, row for row."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import get
from filters.base import Params
from filters.empty_turns import EmptyTurnsParams
from filters.image_bounds import ImageBoundsParams
from filters.turn_length import TurnLengthParams
from tests.filters.oracles import ORACLES
from tests.filters.rows import batch_of, rows_for

# Thresholds that small random rows fall on both sides of, beside the defaults.
_TIGHT: dict[str, Params] = {
    "empty_turns": EmptyTurnsParams(allow_media_only=False),
    "turn_length": TurnLengthParams(min_chars=2, max_chars=3),
    "image_bounds": ImageBoundsParams(min_side_px=100, max_side_px=9_000, max_aspect_ratio=3.0),
}


@pytest.mark.parametrize("name", sorted(ORACLES))
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_filter_equals_oracle(name: str, data: st.DataObject) -> None:
    here = get(name)
    rows = data.draw(rows_for(here))
    start = data.draw(st.integers(0, len(rows)))
    measured = here.measure(batch_of(here, rows).slice(start))
    assert all(column.null_count == 0 for column in measured.columns)
    scores = pl.DataFrame(measured)
    for params in [here.params_type(), _TIGHT.get(name, here.params_type())]:
        expected = [ORACLES[name](row, params) for row in rows[start:]]
        assert here.judge(scores, params).to_list() == expected
