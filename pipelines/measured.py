"""Rows of a build or a store with what filters measured of them, a part of the store at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from filters.base import Filter
from filters.pairs import PairFilter
from manifests.storage import read_parquet
from pipelines.build_store import BuildStore
from pipelines.curate import CuratedSource
from pipelines.join import Joined, join_rows
from pipelines.judge import with_policy
from pipelines.ledger_filters import Rules, said_scores
from pipelines.pair_scores import pair_scores
from pipelines.parts import cut_parts
from pipelines.store import measure_path

# What tells a row of one source from all others.
PLACE = ["subset", "file", "row", "group"]


def measured_parts(
    store: BuildStore,
    source: str,
    left: pl.DataFrame,
    rules: Rules,
    join: Callable[[Sequence[CuratedSource]], Joined] = join_rows,
) -> Iterator[tuple[Joined, pl.DataFrame]]:
    """Parts of the store with the build's rows in them: with folder, pos, media, kind and policy.

    A row that lies in several folders counts once, in the first. `join` may be one that remembers.
    """
    curated = store.curated(source, [rule.filter for rule in rules.values()])
    if curated is None or left.is_empty():
        return
    for part in cut_parts([curated]):
        joined = join(part)
        usable = joined.index.filter(pl.col("hi").is_not_null())
        known = usable.unique(PLACE, keep="first", maintain_order=True)
        known = known.select(*PLACE, "folder", "pos", "media", "kind", "modality", "category")
        rows = left.join(known, on=PLACE, how="inner", maintain_order="left")
        left = left.join(known, on=PLACE, how="anti")
        yield joined, with_policy(rows)


def media_scores(
    joined: Joined, rows: pl.DataFrame, filter_: Filter
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the rows' media, each with the first row that holds it, their scores)."""
    held = rows.explode("media").drop_nulls("media")
    held = held.unique("media", keep="first", maintain_order=True)
    places = pl.DataFrame(pl.from_arrow(joined.media.select(["folder", "place"])))
    return held, scores_at(joined.media_folders, places[held["media"]], filter_)


def pair_scores_of(
    joined: Joined, rows: pl.DataFrame, filter_: PairFilter
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the rows that have media, their scores)."""
    found = list(pair_scores(joined, rows, filter_))
    if not found:
        return rows.clear(), said_scores(filter_, [])
    return pl.concat([some for some, _ in found]), pl.concat([scores for _, scores in found])


def scores_at(folders: Sequence[str], places: pl.DataFrame, filter_: Filter) -> pl.DataFrame:
    """Scores at (folder, place in it), in that order."""
    numbers = places["folder"].unique().sort().to_list()
    if not numbers:
        return said_scores(filter_, [])
    tables = [read_parquet(measure_path(folders[number], filter_)) for number in numbers]
    starts = np.zeros(len(folders), np.int64)
    starts[numbers[1:]] = np.cumsum([table.num_rows for table in tables[:-1]])
    whole = pl.DataFrame(pl.from_arrow(pa.concat_tables(tables).combine_chunks()))
    at = starts[places["folder"].to_numpy()] + places["place"].to_numpy()
    return whole.select(pl.all().gather(at))
