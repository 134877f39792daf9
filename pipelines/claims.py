"""Which component each open row belongs to."""

from __future__ import annotations

import numpy as np
import polars as pl

from manifests.ledger import Fate, Stage
from mixtures.assign import NO_COMPONENT_RULE, NO_LEAF, assign
from mixtures.recipe import Recipe
from pipelines.join import Joined
from pipelines.where_columns import with_where_columns


def claim(index: pl.DataFrame, joined: Joined, recipe: Recipe) -> pl.DataFrame:
    """The index with `leaf`; open rows that no component asks for are not drawn."""
    open_rows = pl.col("fate").is_null()
    leaf = np.full(index.height, NO_LEAF, dtype=np.int32)
    places = index.select(open_rows.arg_true()).to_series().to_numpy()
    leaf[places] = assign(recipe, with_where_columns(index.filter(open_rows), joined, recipe))
    index = index.with_columns(pl.Series("leaf", leaf, dtype=pl.Int32))
    hit = open_rows & (pl.col("leaf") == NO_LEAF)
    return index.with_columns(
        fate=pl.when(hit).then(pl.lit(Fate.NOT_DRAWN.value)).otherwise("fate"),
        stage=pl.when(hit).then(pl.lit(Stage.QUOTA.value)).otherwise("stage"),
        rule=pl.when(hit).then(pl.lit(NO_COMPONENT_RULE)).otherwise("rule"),
    )
