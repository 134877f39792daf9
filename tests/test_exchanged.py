"""The control arm of `make bench-train`: rows with the pictures of others, and else the same."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.exchanged import exchange, turned
from pipelines.verify import verify
from tests.conftest import Built

_KINDS = {"text": (), "image": (("image", True),), "clip": (("frame", False),) * 2}


def _rows(build: Path) -> pa.Table:
    return pq.read_table(sorted((build / "data").glob("train-*")))


@given(st.lists(st.sampled_from(list(_KINDS))))
def test_pictures_stay_among_rows_of_their_kind(names: list[str]) -> None:
    kinds = [_KINDS[name] for name in names]
    places = turned(kinds).tolist()
    assert sorted(places) == list(range(len(kinds)))
    for row, place in enumerate(places):
        assert kinds[place] == kinds[row]
        assert place != row or kinds.count(kinds[row]) == 1


def test_a_build_of_exchanged_pictures(small_built: Built, tmp_path: Path) -> None:
    out = tmp_path / "others"
    pictured, kept = exchange(small_built.out, out)
    before, after = _rows(small_built.out), _rows(out)
    names = [name for name in before.column_names if name not in ("images", "media")]
    assert before.select(names) == after.select(names) and before.schema == after.schema
    pairs = list(zip(before["images"].to_pylist(), after["images"].to_pylist(), strict=True))
    assert pictured == sum(bool(own) for own, _ in pairs)
    assert kept == sum(bool(own) and own == other for own, other in pairs) < pictured
    assert [len(own) for own, _ in pairs] == [len(other) for _, other in pairs]
    verify(str(out), lambda path: None)


@pytest.mark.parametrize("names", [["clip"], ["text", "image", "clip"]])
def test_a_row_alone_keeps_its_own(names: list[str]) -> None:
    assert turned([_KINDS[name] for name in names]).tolist() == list(range(len(names)))
