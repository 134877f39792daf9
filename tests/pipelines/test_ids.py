from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.ids import halves, hex_ids

IDS = st.lists(st.binary(min_size=16, max_size=16).map(bytes.hex), max_size=20)


@given(IDS)
def test_digits_come_back(ids: list[str]) -> None:
    hi, lo = halves("".join(ids), len(ids))
    assert hex_ids(hi, lo).to_pylist() == ids


def test_halves_are_little_endian() -> None:
    hi, lo = halves("01" + "00" * 7 + "00" * 7 + "80", 1)
    assert (hi.tolist(), lo.tolist()) == ([1], [1 << 63])
