"""The columns that a recipe's conditions read, beside the index: scores, and fields of upstream."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
import pyarrow as pa

import filters
from filters.base import Filter
from filters.pairs import PairFilter
from manifests.storage import join, open_ipc, read_parquet
from mixtures.assign import extra_field, where_columns
from mixtures.recipe import Recipe
from mixtures.where import EXTRA, INDEX_COLUMNS
from pipelines.join import Joined
from pipelines.pair_scores import pair_scores
from pipelines.store import measure_path

_PLACE = ["folder", "pos"]


def with_where_columns(index: pl.DataFrame, joined: Joined, recipe: Recipe) -> pl.DataFrame:
    """The index with all that `assign` needs; what a row does not have is null."""
    wanted = [name for name in where_columns(recipe) if name not in index.columns]
    if "duration_s" in wanted:
        index = index.with_columns(duration_s=pl.col("duration_ms") / 1000)
    others = [name for name in wanted if name not in INDEX_COLUMNS]
    fields = [name for name in others if name.startswith(f"{EXTRA}.")]
    if fields:
        read = (_fields(folder, fields) for folder in joined.row_folders)
        index = _joined(index, read)
    scores: dict[str, list[str]] = {}
    for name in others:
        owner, _, score = name.partition(".")
        if owner != EXTRA:
            scores.setdefault(owner, []).append(score)
    for owner, names in scores.items():
        used = filters.get(recipe.filter_ref(owner))
        if isinstance(used, PairFilter):
            index = _with_pairs(index, joined, used, names)
        else:
            index = _joined(index, (_scores(folder, used, names) for folder in joined.row_folders))
    return index


def _with_pairs(
    index: pl.DataFrame, joined: Joined, used: PairFilter, names: list[str]
) -> pl.DataFrame:
    """The same with scores of pairs, null for rows without media."""
    none = index.clear(), pl.DataFrame(pl.from_arrow(used.scores.empty_table()))
    parts = [
        rows.select(_PLACE).hstack(_named(scores, used, names))
        for rows, scores in (none, *pair_scores(joined, index.select(*_PLACE, "media"), used))
    ]
    return index.join(pl.concat(parts), on=_PLACE, how="left", maintain_order="left")


def _named(scores: pl.DataFrame, used: Filter, names: list[str]) -> pl.DataFrame:
    return scores.select(pl.col(name).alias(f"{used.name}.{name}") for name in names)


def _joined(index: pl.DataFrame, folders: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The index with what folders have, a row for each position in their samples.arrow."""
    numbered = [
        frame.with_row_index("pos").with_columns(
            pl.col("pos").cast(pl.Int64), folder=pl.lit(number, pl.Int32)
        )
        for number, frame in enumerate(folders)
    ]
    return index.join(pl.concat(numbered), on=_PLACE, how="left", maintain_order="left")


def _scores(folder: str, used: Filter, names: list[str]) -> pl.DataFrame:
    scores = pl.DataFrame(pl.from_arrow(read_parquet(measure_path(folder, used), names)))
    return _named(scores, used, names)


def _fields(folder: str, columns: list[str]) -> pl.DataFrame:
    reader = open_ipc(join(folder, "samples.arrow"))
    batches = [reader.get_batch(n).select([EXTRA]) for n in range(reader.num_record_batches)]
    texts = pa.Table.from_batches(batches, pa.schema([reader.schema.field(EXTRA)]))
    return pl.DataFrame(pl.from_arrow(texts)).select(extra_field(name) for name in columns)
