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
    """Those that are shown, by modality and category; where there are too many categories, of the
    first ones by name."""
    num_groups = held.select(_GROUP).n_unique()
    each = min(max(most // max(num_groups, 1), 1), MOST_EACH)
    turns = held.sort("hex", "id").with_columns(
        turn=pl.int_range(pl.len()).over([*_GROUP, "source"])
    )
    ordered = turns.sort(*_GROUP, "turn", "hex", "id")
    return ordered.group_by(_GROUP, maintain_order=True).head(each).head(most)
