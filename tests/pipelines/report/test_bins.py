"""Bins hold every value once; curves are those that counting row by row gives."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.bins import SECONDS, binned, half_octaves, median, used_edges
from pipelines.report.curve import make_curve
from pipelines.report.picks import MOST_EACH, pick, settle

counts_of = st.dictionaries(st.integers(0, 20_000), st.integers(1, 50), max_size=30)


@given(counts_of, st.sampled_from([tuple(half_octaves(1 << 20)), SECONDS]))
def test_every_value_is_in_one_bin(counts: dict[int, int], all_edges: tuple[int, ...]) -> None:
    edges = used_edges([counts], all_edges)
    bins = binned(counts, edges)
    assert sum(b.count for b in bins) == sum(counts.values())
    for b in bins:
        inside = [n for v, n in counts.items() if v >= b.low and (b.high is None or v < b.high)]
        assert b.count == sum(inside)
    assert not bins or (bins[0].count and bins[-1].count)


@given(counts_of)
def test_median(counts: dict[int, int]) -> None:
    values = sorted(value for value, n in counts.items() for _ in range(n))
    expected = values[(len(values) - 1) // 2] if values else None
    assert median(counts) == expected


def test_labels() -> None:
    bins = binned({0: 1, 2: 1, 9: 1}, [0, 1, 5])
    assert [b.label for b in bins] == ["0", "1 to 4", "5 and more"]


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=700), st.integers(1, 100))
def test_curve(leaves: list[int], step: int) -> None:
    """Whatever batches the rows come in, as counting each prefix does it."""
    names = ["text", "image/vqa", "image/ocr"]
    rows = {name: leaves.count(code) for code, name in enumerate(names)}
    rows["image"] = rows["image/vqa"] + rows["image/ocr"]
    curve = make_curve(rows, names)
    for start in range(0, len(leaves), step):
        curve.add(np.array(leaves[start : start + step]))
    ends = range(64, len(leaves) + 1, 64)
    for place, name in enumerate(curve.names):
        below = [names[code] == name or names[code].startswith(f"{name}/") for code in leaves]
        off = [sum(below[:end]) - end * rows[name] / len(leaves) for end in ends]
        assert curve.furthest[place] == pytest.approx(max(map(abs, off), default=0.0))
        lines = [p["off"] for p in curve.lines([name])]
        assert lines == pytest.approx(off, abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=80), st.integers(1, 20))
def test_picks_do_not_depend_on_batches(rows: list[tuple[int, int]], step: int) -> None:
    frame = pl.DataFrame(
        {
            "id": [f"s/s/{(n * 7919) % 100_003:032x}" for n in range(len(rows))],
            "source": [f"s{source}" for source, _ in rows],
            "modality": ["text"] * len(rows),
            "category": [f"c{category}" for _, category in rows],
            "repeat": [1] * len(rows),
        },
        schema_overrides={"id": pl.String, "source": pl.String, "category": pl.String},
    )
    held = pick(None, frame)
    parts = None
    for start in range(0, max(len(rows), 1), step):
        parts = pick(parts, frame.slice(start, step))
    assert parts is not None
    chosen = settle(held)
    assert settle(parts).equals(chosen)
    counts = chosen.group_by("category").len()["len"].to_list()
    assert all(count <= MOST_EACH for count in counts)
    assert set(chosen["category"]) == set(frame["category"])
    for (category,), mine in chosen.group_by("category"):
        # No source twice while another has one that is not shown.
        there = frame.filter(pl.col("category") == category)["source"].n_unique()
        assert mine["source"].n_unique() == min(there, mine.height)
