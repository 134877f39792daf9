"""Every row once, in order, and each rank the windows that are its own."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from manifests.errors import UsageError
from tests.conftest import Built
from trainer.build_rows import WINDOW_ROWS, BuildRows


def _ids(build: Path) -> list[str]:
    tables = [pq.read_table(path, columns=["id"]) for path in sorted((build / "data").iterdir())]
    return [value for table in tables for value in table["id"].to_pylist()]


def test_all_rows_are_read_in_order(built: Built) -> None:
    rows = BuildRows.open(str(built.out))
    found = [row["id"] for unit in rows.units for row in rows.read(unit)]
    assert found == _ids(built.out) and len(rows) == len(found)
    assert [unit.first for unit in rows.units] == sorted({unit.first for unit in rows.units})


@pytest.mark.parametrize("num_ranks", [1, 2, 3])
def test_ranks_share_the_windows(num_ranks: int, built: Built) -> None:
    rows = BuildRows.open(str(built.out))
    taken: list[int] = []
    for rank in range(num_ranks):
        units = rows.of_rank(rank, num_ranks)
        numbers = [unit.first + n for unit in units for n in range(unit.count)]
        assert {number // WINDOW_ROWS % num_ranks for number in numbers} <= {rank}
        taken += numbers
    assert sorted(taken) == list(range(len(rows)))


def test_what_is_no_build_is_told(tmp_path: Path, built: Built) -> None:
    with pytest.raises(UsageError, match="no complete build"):
        BuildRows.open(str(tmp_path))
    with pytest.raises(UsageError, match="has no split 'tset'"):
        BuildRows.open(str(built.out), "tset")
