"""What leaves hold, from buckets: as from arrays in memory, wherever the buckets are cut."""

from __future__ import annotations

from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.supply import MEASURES, ArraySupply, Measure
from pipelines.bucket_supply import BucketSupply
from pipelines.buckets import SUM_COLUMNS, Bucket, drawn_path
from pipelines.scratch import column, read_batch, write_frame

Rows = list[dict[Measure, int]]

_SUMMED: list[Measure] = [name for name in MEASURES if name != "samples"]


@st.composite
def leaves(draw: st.DrawFn) -> tuple[list[Rows], list[list[int]]]:
    """(rows of each leaf in draw order, rows of each leaf by bucket)."""
    num_leaves, num_buckets = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    value = st.one_of(st.just(0), st.integers(0, 9))
    found, cuts = [], []
    for _ in range(num_leaves):
        counts = [draw(st.integers(0, 4)) for _ in range(num_buckets)]
        cuts.append(counts)
        size = sum(counts)
        found.append([{name: draw(value) for name in _SUMMED} for _ in range(size)])
    return found, cuts


def write_buckets(folder: str, found: list[Rows], cuts: list[list[int]]) -> list[Bucket]:
    """Numbered from 3, as those after a merge are."""
    buckets = []
    for at in range(len(cuts[0])):
        rows, counts = [], []
        sums: dict[str, list[int]] = {name: [] for name in _SUMMED}
        for leaf, (held, counted) in enumerate(zip(found, cuts, strict=True)):
            start = sum(counted[:at])
            here = held[start : start + counted[at]]
            counts.append(len(here))
            for name in _SUMMED:
                sums[name].append(sum(row[name] for row in here))
            rows += [
                {"leaf": leaf, "n": start + n} | {SUM_COLUMNS[m]: row[m] for m in _SUMMED}
                for n, row in enumerate(here)
            ]
        schema = {name: pl.Int64 for name in ("leaf", "n", *SUM_COLUMNS.values())}
        write_frame(drawn_path(folder, 3 + at), pl.DataFrame(rows, schema=schema))
        arrays = {name: np.array(values, np.int64) for name, values in sums.items()}
        buckets.append(Bucket(3 + at, np.array(counts, np.int64), arrays, {}))
    return buckets


def array_supply(found: list[Rows]) -> ArraySupply:
    return ArraySupply(
        [
            {name: np.array([row[name] for row in rows], np.int64) for name in _SUMMED}
            for rows in found
        ]
    )


@settings(max_examples=60, deadline=None)
@given(leaves(), st.data())
def test_answers_are_those_of_arrays(
    made: tuple[list[Rows], list[list[int]]], data: st.DataObject
) -> None:
    found, cuts = made
    asked = data.draw(st.permutations(range(len(found))))
    asked = asked[: data.draw(st.integers(1, len(found)))]
    plain = array_supply([found[leaf] for leaf in asked])
    with TemporaryDirectory() as folder:
        supply = BucketSupply(folder, write_buckets(folder, found, cuts), asked)
        for leaf, original in enumerate(asked):
            size = len(found[original])
            assert supply.samples(leaf) == plain.samples(leaf) == size
            for measure in MEASURES:
                _compare(supply, plain, leaf, measure, size)


def _compare(
    supply: BucketSupply, plain: ArraySupply, leaf: int, measure: Measure, size: int
) -> None:
    """Two passes and some more, at every row and at every amount."""
    rows = range(2 * size + 2) if size else range(1)
    for count in rows:
        assert supply.amount(leaf, measure, count) == plain.amount(leaf, measure, count)
    for amount in range(plain.amount(leaf, measure, rows[-1]) + 2):
        within = supply.rows_within(leaf, measure, amount)
        assert within == plain.rows_within(leaf, measure, amount), (measure, amount)


@settings(max_examples=30, deadline=None)
@given(leaves())
def test_every_rank_is_found_where_it_lies(made: tuple[list[Rows], list[list[int]]]) -> None:
    found, cuts = made
    with TemporaryDirectory() as folder:
        supply = BucketSupply(folder, write_buckets(folder, found, cuts), range(len(found)))
        for leaf, rows in enumerate(found):
            numbers, places = supply.places.find(leaf, np.arange(len(rows)))
            for rank, (number, at) in enumerate(zip(numbers, places, strict=True)):
                batch = read_batch(drawn_path(folder, int(number)))
                row = [int(column(batch, name)[at]) for name in ("leaf", "n")]
                assert row == [leaf, rank]
