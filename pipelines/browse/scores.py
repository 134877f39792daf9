"""What filters measured of rows, as the store has it: ranges to look for rows by, and one row's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

import sources
from filters.base import Filter
from filters.pairs import PairFilter
from manifests.storage import join
from mixtures.policies import Policy, policy_of
from pipelines.browse.asked import Span
from pipelines.browse.selected import Recent
from pipelines.build_store import BuildStore
from pipelines.curate import CuratedSource
from pipelines.join import Joined, join_rows
from pipelines.ledger_entries import Entry
from pipelines.ledger_filters import Rules, said_scores
from pipelines.measured import (
    PLACE,
    measured_parts,
    media_scores,
    pair_scores_of,
    scores_at,
)
from pipelines.measures import missing
from pipelines.parts import cut_parts

# Rows of joined parts that are remembered: about 600 bytes each.
_JOINED_ROWS = 1_000_000
# Of a row's media so many are told.
_MAX_MEDIA = 16


@dataclass(frozen=True, slots=True)
class RowScores:
    """One filter's scores of a row, or of each of its media that are told."""

    filter_name: str
    rows: list[dict[str, object]]


class Scores:
    """The measures in a store of some filters, by which rows can be asked for."""

    def __init__(self, store: BuildStore, rules: Rules) -> None:
        self.store = store
        self.rules = rules
        self._joined: Recent[Joined] = Recent(_JOINED_ROWS, lambda joined: joined.index.height)

    def names(self) -> list[str]:
        """`filter.column` of every number that is measured; none where there is no store."""
        if not self.store.is_there:
            return []
        return [f"{name}.{c}" for name, rule in self.rules.items() for c in numbers_of(rule.filter)]

    def join(self, part: Sequence[CuratedSource]) -> Joined:
        """`join_rows`, remembered: a part is looked at once for every threshold that is tried."""
        key = tuple((source.name, source.rows, source.media) for source in part)
        return self._joined.get(key, lambda: join_rows(part))

    def parts(
        self, source: str, left: pl.DataFrame, used: Sequence[str]
    ) -> Iterator[tuple[Joined, pl.DataFrame]]:
        """Parts of a source that these filters measured, with the rows of `left` in them."""
        rules = {name: self.rules[name] for name in used}
        yield from measured_parts(self.store, source, left, rules, self.join)

    def fitting(self, joined: Joined, rows: pl.DataFrame, spans: Sequence[Span]) -> pl.DataFrame:
        """Those of the rows that are in all ranges; of several media one is enough."""
        for span in spans:
            name, _, column = span.name.partition(".")
            scored = scores_of(joined, rows, self.rules[name].filter)
            fits = scored.filter(span.fits(pl.col(column))).select("at").unique()
            rows = rows.join(fits, on="at", how="semi", maintain_order="left")
        return rows

    def folder(self, source: str, folder: str, file: str) -> Joined:
        """One folder of rows, joined to the media of its source."""
        return self.join([self._curated(source, [(folder, file)])])

    def all_parts(self, source: str, used: Sequence[str]) -> Iterator[tuple[Joined, pl.DataFrame]]:
        """Parts of a source that these filters measured, with all rows that can be judged."""
        curated = self.store.curated(source, [self.rules[name].filter for name in used])
        for part in cut_parts([curated]) if curated else ():
            joined = self.join(part)
            yield joined, joined.index.filter(pl.col("hi").is_not_null())

    def of_row(self, entry: Entry) -> tuple[Policy | None, list[RowScores]]:
        """(what is asked of a row, what was measured of it by each filter), as the store has it."""
        here = [pl.col(name) == entry[name] for name in PLACE]
        for folder, file in self.store.folders(entry["source"], entry["file"]):
            joined = self.folder(entry["source"], folder, file)
            row = joined.index.with_row_index("at").filter(*here, pl.col("hi").is_not_null())
            if row.height:
                known = row.row(0, named=True)
                policy = policy_of(known["kind"], known["modality"], known["category"])
                told = [found for name in self.rules if (found := self._told(joined, row, name))]
                return policy, told
        return None, []

    def _told(self, joined: Joined, row: pl.DataFrame, name: str) -> RowScores | None:
        filter_ = self.rules[name].filter
        if self.lacks(joined.row_folders, joined.media_folders, name):
            return None
        scored = scores_of(joined, row, filter_).select(numbers_of(filter_)).head(_MAX_MEDIA)
        return RowScores(name, scored.to_dicts()) if scored.height else None

    def lacks(self, rows: Sequence[str], media: Sequence[str], name: str) -> bool:
        """Whether some of the folders were not measured by the filter."""
        return any(
            missing(folder, [part])
            for part in self.rules[name].filter.parts
            for folder in (rows if part.level == "sample" else media)
        )

    def _curated(self, source: str, rows: Sequence[tuple[str, str]]) -> CuratedSource:
        store = self.store
        media = tuple(join(store.store, e.path) for e in store.media if e.source == source)
        suffix = source in sources.names() and sources.get(source).media_lookup == "suffix"
        return CuratedSource(source, suffix, None, media, tuple(rows))


def numbers_of(filter_: Filter) -> list[str]:
    """Score columns that are numbers, or yes and no."""
    is_number = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return [field.name for field in filter_.scores if any(test(field.type) for test in is_number)]


def scores_of(joined: Joined, rows: pl.DataFrame, filter_: Filter) -> pl.DataFrame:
    """Scores of rows with `at`, a number of each; of media each row's, with that row's number."""
    if isinstance(filter_, PairFilter):
        some, scores = pair_scores_of(joined, rows, filter_)
        return scores.with_columns(at=some["at"])
    if filter_.level == "media":
        media, scores = media_scores(joined, rows, filter_)
        known = scores.with_columns(media=media["media"])
        named = rows.select("at", "media").explode("media").drop_nulls("media")
        return named.join(known, on="media", how="inner", maintain_order="left").drop("media")
    asked = rows.filter(pl.col("kind").is_in(filter_.kinds))
    if asked.is_empty():
        return said_scores(filter_, []).with_columns(at=pl.lit(None, rows.schema["at"]))
    scores = scores_at(joined.row_folders, asked.select("folder", place="pos"), filter_)
    return scores.with_columns(at=asked["at"])
