"""Scores of pairs: what was measured of rows and of media by themselves, joined row by row.

Measures of pairs hold vectors, a kilobyte or two a row: they are read some rows at a time, and of
the media those alone that these rows name.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa

from filters.conversation import Ints, parents
from filters.pairs import PairFilter, Side
from manifests.storage import parquet_batches
from pipelines.join import Joined
from pipelines.store import measure_path

# Rows of a file whose vectors are in memory at once, and media that rows name together.
_BATCH_ROWS = 1 << 14
_BATCH_MEDIA = 1 << 15


def pair_scores(
    joined: Joined, rows: pl.DataFrame, filter_: PairFilter
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """(some of the rows, their scores in the same order), all rows with media in the end.

    `rows` have `folder`, `pos` and `media` as those of `joined.index`.
    """
    texts, media = filter_.parts
    asked = rows.filter(pl.col("media").list.len() > 0).sort("folder", "pos")
    for (number,), mine in asked.group_by("folder", maintain_order=True):
        assert isinstance(number, int)
        path = measure_path(joined.row_folders[number], texts)
        for start, stop, found in _at_places(path, mine["pos"].to_numpy()):
            for low, high in _cuts(mine["media"][start:stop].list.len().to_numpy()):
                some = mine[start + low : start + high]
                yield some, _scores(joined, some, found.slice(low, high - low), filter_, media)


def _cuts(counts: Ints) -> Iterator[tuple[int, int]]:
    """Ranges of rows that name about _BATCH_MEDIA media; no row is cut."""
    numbers = np.cumsum(counts, dtype=np.int64) // _BATCH_MEDIA
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(counts)]
    yield from pairwise(edges)


def _scores(
    joined: Joined, rows: pl.DataFrame, texts: pa.Table, filter_: PairFilter, side: Side
) -> pl.DataFrame:
    counts = rows["media"].list.len().to_numpy().astype(np.int64)
    named, places = np.unique(rows["media"].explode().to_numpy(), return_inverse=True)
    media = _media(joined, named, side)
    found = filter_.join(texts, media, parents(counts), places.astype(np.int64))
    return pl.DataFrame(pl.from_arrow(found))


def _media(joined: Joined, named: Ints, side: Side) -> pa.Table:
    """What the side measured of media, by their places in `joined.media`, in that order."""
    where = {name: joined.media[name].to_numpy()[named] for name in ("folder", "place")}
    order = np.lexsort((where["place"], where["folder"]))
    tables = []
    for number in np.unique(where["folder"]).tolist():
        path = measure_path(joined.media_folders[number], side)
        places = where["place"][order][where["folder"][order] == number]
        tables += [found for _, _, found in _at_places(path, places)]
    return pa.concat_tables(tables).take(pa.array(np.argsort(order, kind="stable")))


def _at_places(path: str, places: Ints) -> Iterator[tuple[int, int, pa.Table]]:
    """(first, past the last of `places`, their rows of the file), places being in order."""
    start = 0
    for first, batch in parquet_batches(path, _BATCH_ROWS, int(places[0]), int(places[-1])):
        stop = int(np.searchsorted(places, first + batch.num_rows))
        if stop > start:
            found = batch.take(pa.array(places[start:stop] - first))
            yield start, stop, pa.Table.from_batches([found])
        start = stop
        if stop == len(places):
            return
