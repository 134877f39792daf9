"""Which samples the page shows: some of each category, sources taking turns.

The hex digits of an id are a digest of its content, so that the smallest are a fair draw: the same
for the same build, and whatever else is in it.
"""

from __future__ import annotations

import polars as pl

_GROUP = ["modality", "category"]
# Samples in all, and of one category.
MAX_SAMPLES = 96
MOST_EACH = 8


def hex_of(column: str) -> pl.Expr:
    return pl.col(column).str.slice(-32)


def pick(held: pl.DataFrame | None, rows: pl.DataFrame) -> pl.DataFrame:
    """The samples that may still be shown, of those held before and of new rows.

    Only first passes: a sample is shown once. At most MOST_EACH a source of each category.
    """
    fresh = rows.filter(pl.col("repeat") == 1).with_columns(hex=hex_of("id"))
    both = fresh if held is None else pl.concat([held, fresh])
    groups = both.sort("hex", "id").group_by([*_GROUP, "source"], maintain_order=True)
    return groups.head(MOST_EACH).select(fresh.columns)


def settle(held: pl.DataFrame, most: int = MAX_SAMPLES) -> pl.DataFrame:
    """Those that are shown: one of each category by name, then a second of each, and so on."""
    num_groups = held.select(_GROUP).n_unique()
    each = min(max(most // max(num_groups, 1), 1), MOST_EACH)
    turn = pl.int_range(pl.len()).over([*_GROUP, "source"])
    rows = held.sort("hex", "id").with_columns(turn=turn).sort(*_GROUP, "turn", "hex", "id")
    placed = rows.with_columns(place=pl.int_range(pl.len()).over(_GROUP))
    return placed.filter(pl.col("place") < each).sort("place", *_GROUP).head(most)
