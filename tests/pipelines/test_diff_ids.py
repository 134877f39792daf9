"""Which ids came and went: the same as sets of them say, in parts of any size."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import IntegrityError
from pipelines import diff_ids
from pipelines.diff_ids import NUM_SHOWN, compare_ids, num_digits

Ids = list[tuple[int, int]]
# (source, digest); a repeat, and the same digest under two sources.
IDS: st.SearchStrategy[Ids] = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 40)), max_size=60
)


def text(entry: tuple[int, int]) -> str:
    """A digest whose first digits differ."""
    source, number = entry
    return f"source-{source}/subset/{number * 0x05F5E100_1234567_89ABCDEF % 16**32:032x}"


def write(build: Path, ids: Ids) -> str:
    """Two files of several row groups each."""
    (build / "data").mkdir(parents=True)
    for name, part in (("a", ids[::2]), ("b", ids[1::2])):
        table = pa.table({"id": pa.array([text(entry) for entry in part], pa.string())})
        pq.write_table(table, build / "data" / f"train-{name}.parquet", row_group_size=7)
    return str(build)


@settings(deadline=None, max_examples=25)
@given(old=IDS, new=IDS, part=st.sampled_from([4, 1000]))
def test_ids_come_and_go_as_sets_do(
    old: Ids, new: Ids, part: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    paths = write(folder / "old", old), write(folder / "new", new)
    lines = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diff_ids, "_PART_IDS", part)
        found = compare_ids(*paths, max(len(old), len(new)), lines)
    before, after = {text(entry) for entry in old}, {text(entry) for entry in new}
    assert (found.came, found.went) == (len(after - before), len(before - after))
    assert found.both == len(after & before)
    told = [line.split(" ") for line in lines.getvalue().decode().splitlines()]
    assert {name for word, name in told if word == "came"} == after - before
    assert {name for word, name in told if word == "went"} == before - after
    assert len(told) == found.came + found.went

    def first(names: set[str]) -> list[str]:
        return sorted(names, key=lambda name: (name[-32:], name))[:NUM_SHOWN]

    assert found.first_came == first(after - before)
    assert found.first_went == first(before - after)


@pytest.mark.parametrize(
    ("rows", "digits"), [(0, 0), (1_000_000, 0), (1_000_001, 1), (16_000_000, 1), (50_000_000, 2)]
)
def test_parts_hold_a_million_ids(rows: int, digits: int) -> None:
    assert num_digits(rows) == digits


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a", [(0, 1)])
    write(tmp_path / "b", [(0, 1)])
    (tmp_path / "b" / "data" / "train-a.parquet").write_bytes(b"PAR1")
    with pytest.raises(IntegrityError, match="train-a.parquet is damaged"):
        compare_ids(str(tmp_path / "a"), str(tmp_path / "b"), 1, None)
