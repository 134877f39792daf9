"""Every row once a pass, packed within bounds, and the same after any stop."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed")

from manifests.errors import IntegrityError, UsageError  # noqa: E402
from tests.conftest import Built  # noqa: E402
from tests.trainer.tiny import encoder_of  # noqa: E402
from trainer.build_rows import BuildRows, _units  # noqa: E402
from trainer.cursor import FeedState, divide  # noqa: E402
from trainer.feed import Feed  # noqa: E402
from trainer.items import Item  # noqa: E402
from trainer.packing import Packer, Sequence  # noqa: E402

# Such that no row is left out, and few passes fill a sequence.
CONTEXT, TILES = 2048, 2000


def _item(row: int, num_ids: int, num_tiles: int = 0) -> Item:
    return Item(
        row=row,
        id=f"source/subset/{row}",
        groups={},
        ids=np.zeros(num_ids, np.int64),
        is_learned=np.zeros(num_ids, np.bool_),
        tiles=torch.zeros((num_tiles, 2, 2, 3), dtype=torch.uint8),
    )


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 120), st.integers(0, 6)), max_size=80))
def test_packing_loses_nothing_and_keeps_its_bounds(sizes: list[tuple[int, int]]) -> None:
    items = [_item(row, *size) for row, size in enumerate(sizes)]
    packer = Packer(100, 5)
    found = [*packer.pack(items), *packer.rest()]
    rows = [item.row for sequence in found for item in sequence.items]
    fitting = [row for row, (ids, tiles) in enumerate(sizes) if ids <= 100 and tiles <= 5]
    assert sorted(rows) == fitting and packer.left_out == len(sizes) - len(fitting)
    assert all(s.num_ids <= 100 and s.num_tiles <= 5 for s in found)
    assert [item.row for item in sorted(items, key=lambda item: item.row)] == list(
        range(len(items))
    )


def test_packing_leaves_little_room() -> None:
    draw = np.random.default_rng(0)
    items = [_item(row, int(size)) for row, size in enumerate(draw.integers(20, 900, 2000))]
    full = list(Packer(2048, 1).pack(items))
    assert 1 - sum(s.num_ids for s in full) / 2048 / len(full) < 0.03


def _feed(built: Built, num_workers: int = 0, rank: int = 0, num_ranks: int = 1) -> Feed:
    rows = BuildRows.open(str(built.out))
    packer = Packer(CONTEXT, TILES)
    return Feed(rows, encoder_of(rows), packer, rank, num_ranks, num_workers)


def _rows(sequences: list[Sequence]) -> list[list[int]]:
    return [[item.row for item in sequence.items] for sequence in sequences]


def _until_pass(feed: Feed, number: int) -> list[Sequence]:
    found = []
    for sequence in feed.sequences():
        if feed.epoch == number:
            break
        found.append(sequence)
    return found


def test_each_rank_takes_its_rows_once_a_pass(built: Built) -> None:
    taken: list[int] = []
    for rank in range(2):
        feed = _feed(built, rank=rank, num_ranks=2)
        sequences = feed.sequences()
        rows: list[int] = []
        while feed.epoch == 0:
            rows += [item.row for item in next(sequences).items]
        open_ = [row for rows in feed.state().open for row in rows]
        counted = rows + open_
        own = [unit.first + n for unit in feed._units for n in range(unit.count)]
        # What the second pass took already is there a second time.
        second = own[: feed.state().taken]
        assert sorted(counted) == sorted(own + second)
        taken += own
    assert sorted(taken) == list(range(len(BuildRows.open(str(built.out)))))


@pytest.mark.parametrize("stop", [1, 7])
def test_a_feed_goes_on_where_another_stopped(stop: int, built: Built) -> None:
    """Also in the second pass, also with another number of workers."""
    whole = _rows(list(islice(_feed(built).sequences(), stop + 5)))
    first = _feed(built)
    before = _rows(list(islice(first.sequences(), stop)))
    state = FeedState.of_json(first.state().as_json())
    second = _feed(built, num_workers=stop // 7 * 2)
    second.restore(state)
    after = _rows(list(islice(second.sequences(), 5)))
    assert before + after == whole


@pytest.mark.parametrize(("before", "after"), [(2, 1), (2, 3)])
def test_every_row_once_a_pass_with_another_number_of_processes(
    before: int, after: int, built: Built
) -> None:
    """Stopped where one is ahead of another, and stopped again while it catches up."""
    rows = BuildRows.open(str(built.out))
    trained: list[int] = []
    states = []
    for rank in range(before):
        feed = _feed(built, rank=rank, num_ranks=before)
        trained += _flat(islice(feed.sequences(), 3 + 9 * rank))
        states.append(FeedState.of_json(feed.state().as_json()))
    states = [FeedState.of_json(one.as_json()) for one in divide(states, rows, after)]
    again = []
    for rank, state in enumerate(states):
        feed = _feed(built, rank=rank, num_ranks=after)
        feed.restore(state)
        trained += _flat(islice(feed.sequences(), 2))
        again.append(feed.state())
    epoch = max(state.epoch for state in states)
    last = divide(again, rows, 1)[0]
    # What is open and what is lacking make the passes whole: nothing more need be read for that.
    trained += [row for some in last.open for row in some]
    trained += [first + n for first, count in last.behind for n in range(count)]
    assert last.epoch >= epoch > 0 and last.taken == 0
    assert sorted(trained) == sorted([*range(len(rows))] * last.epoch)


def _flat(sequences: Iterator[Sequence]) -> list[int]:
    return [item.row for sequence in sequences for item in sequence.items]


@given(st.data())
def test_what_is_lacking_is_divided_whole(data: st.DataObject) -> None:
    """Over any build and any states: rows that are lacking are those of the same passes."""
    num_rows = data.draw(st.integers(1, 700))
    rows = _numbered(num_rows)
    ranks = data.draw(st.integers(1, min(4, -(-num_rows // 64))))
    states = []
    for rank in range(ranks):
        own = sum(unit.count for unit in rows.of_rank(rank, ranks))
        states.append(FeedState(data.draw(st.integers(0, 2)), data.draw(st.integers(0, own - 1))))
    now = states
    for number in data.draw(st.lists(st.integers(1, 4), max_size=3)):
        now = divide(now, rows, number)
    epoch = max(state.epoch + (state.taken > 0) for state in states)
    assert _lacking(now, rows, epoch) == _lacking(states, rows, epoch)


def _numbered(num_rows: int) -> BuildRows:
    units = _units("data/train-00000.parquet", 0, 0, num_rows)
    nothing: Any = None  # no file is read
    return BuildRows("", nothing, list(units))


def _lacking(states: list[FeedState], rows: BuildRows, epoch: int) -> Counter[int]:
    """How often each row is still to be taken before pass `epoch` begins."""
    found: Counter[int] = Counter()
    for rank, state in enumerate(states):
        own = [u.first + n for u in rows.of_rank(rank, len(states)) for n in range(u.count)]
        for number in range(state.epoch, epoch):
            found.update(own[state.taken :] if number == state.epoch else own)
        found.update(first + n for first, count in state.behind for n in range(count))
    return found


def test_the_samples_are_packed_with_little_room(built: Built) -> None:
    full = list(islice(_feed(built).sequences(), 40))
    assert 1 - sum(sequence.num_ids for sequence in full) / CONTEXT / len(full) < 0.03


def test_workers_change_nothing(built: Built) -> None:
    one, two = (list(islice(_feed(built, number).sequences(), 6)) for number in (0, 2))
    assert _rows(one) == _rows(two)
    for first, second in zip(one, two, strict=True):
        for a, b in zip(first.items, second.items, strict=True):
            assert a.ids.tolist() == b.ids.tolist() and torch.equal(a.tiles, b.tiles)
            assert a.is_learned.tolist() == b.is_learned.tolist()


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_broken_picture_is_one_sentence(num_workers: int, built: Built, tmp_path: Path) -> None:
    """Also out of a worker; verify finds such builds."""
    build = tmp_path / "build"
    shutil.copytree(built.out, build)
    path = sorted((build / "data").iterdir())[0]
    table = pq.read_table(path)
    rows = table.to_pylist()
    place = next(n for n, row in enumerate(rows) if row["images"])
    rows[place]["images"][0]["bytes"] = b"404 not found"
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path, row_group_size=64)
    feed = _feed(replace(built, out=build), num_workers)
    with pytest.raises(IntegrityError) as raised:
        list(islice(feed.sequences(), 20))
    assert str(raised.value).startswith(f"row {rows[place]['id']}: an image of the build cannot")


def test_rows_that_fit_nowhere_are_told(built: Built) -> None:
    rows = BuildRows.open(str(built.out))
    feed = Feed(rows, encoder_of(rows), Packer(4, 1), 0, 1, 0)
    with pytest.raises(UsageError, match="no row of .* fits into a sequence"):
        next(feed.sequences())


def test_more_processes_than_windows_are_refused(built: Built) -> None:
    with pytest.raises(UsageError, match="start fewer processes"):
        _feed(built, rank=40, num_ranks=41)
