"""Resolve, first step: rows joined to their media, as one index of small columns.

Reads indexes only, never messages or media bytes. One index row a turn group, in the order of
sources, of their sorted shards, and of rows and groups in each: a function of upstream alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from manifests.ids import content_ids
from manifests.ledger import Fate, Stage
from pipelines.curate import CuratedSource
from pipelines.ids import Halves, digest_table
from pipelines.media_index import AMBIGUOUS, find_media, load_found
from pipelines.row_facts import Ints, RowFacts, read_rows

# An Arrow binary column counts bytes in 32 bits; one sample's media stay well below that.
MAX_SAMPLE_BYTES = 1 << 30

# What tells a turn group from all others.
ORDER = ["source", "subset", "file", "row", "group"]

_INDEX_TYPES: dict[str, Any] = {
    "source": pl.String,
    "subset": pl.String,
    "file": pl.String,
    "row": pl.Int64,
    "group": pl.Int16,
    "folder": pl.Int32,  # position in `Joined.row_folders`
    "pos": pl.Int64,  # position in that folder's samples.arrow
    "category": pl.String,
    "kind": pl.String,
    "license": pl.String,
    "modality": pl.String,
    "hi": pl.UInt64,  # the content id's first and last 8 bytes; null where there is none
    "lo": pl.UInt64,
    "media": pl.List(pl.Int64),  # positions in `Joined.media`
    "leading": pl.Boolean,  # whether all its media stand in its first turn
    "num_turns": pl.Int32,
    "num_messages": pl.Int32,
    "num_answers": pl.Int32,
    "system_bytes": pl.Int64,
    "user_bytes": pl.Int64,
    "assistant_bytes": pl.Int64,
    "fate": pl.String,
    "stage": pl.String,
    "rule": pl.String,
    "value": pl.String,
    "matched": pl.String,
}


@dataclass(frozen=True, slots=True)
class Joined:
    """`index`: one row a turn group; `media`: what they name, with `folder` and `place` in it."""

    index: pl.DataFrame
    media: pa.Table
    row_folders: tuple[str, ...]
    media_folders: tuple[str, ...]


def join_rows(curated: Sequence[CuratedSource]) -> Joined:
    """Every row of every source with its media, or with the reason why it has none."""
    indexes: list[pl.DataFrame] = []
    tables: list[pa.Table] = []
    row_folders: list[str] = []
    media_folders: list[str] = []
    num_media = 0
    for source in curated:
        facts = read_rows([folder for folder, _ in source.rows], source.subsets)
        keys = facts.media.flatten()
        found = find_media(source.media, source.suffix, keys.field("key"))
        media, local = load_found(source.media, found, len(media_folders))
        index = _Join(facts, media, local).index(num_media)
        indexes.append(_named(index, source, len(row_folders)))
        tables.append(media)
        row_folders += [folder for folder, _ in source.rows]
        media_folders += source.media
        num_media += media.num_rows
    index = pl.concat(indexes)
    return Joined(index, pa.concat_tables(tables), tuple(row_folders), tuple(media_folders))


def _named(index: pl.DataFrame, source: CuratedSource, first: int) -> pl.DataFrame:
    """With the index's columns in their order and types; `first` numbers the row folders."""
    files = pl.Series([file for _, file in source.rows], dtype=pl.String)
    rejected = pl.col("pos").is_null()
    # Two runs that are nearly in order already: samples, and rows that none could be made of.
    order = np.lexsort([index[name].to_numpy() for name in ("group", "row", "folder")])
    index = index[order].with_columns(
        source=pl.lit(source.name),
        file=pl.lit(files).gather(pl.col("folder").cast(pl.UInt32)),
        folder=pl.when(~rejected).then(pl.col("folder") + first),
    )
    return index.select(
        (pl.col(name) if name in index.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in _INDEX_TYPES.items()
    )


class _Join:
    """One source's samples and the media that they name; `local` are positions in `media`."""

    def __init__(self, facts: RowFacts, media: pa.Table, local: Ints) -> None:
        self._facts = facts
        self._local = local
        self._counts = facts.media.value_lengths().to_numpy().astype(np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self._counts)])
        self._owner = np.repeat(np.arange(len(self._counts)), self._counts)
        self._media = media
        self._keys = facts.media.flatten().field("key")

    def index(self, first_media: int) -> pl.DataFrame:
        facts = self._facts
        samples = facts.samples.with_columns(
            modality=self._modality(),
            leading=pl.Series(facts.turns.leading()),
            **{name: pl.Series(column) for name, column in facts.turns.sums().items()},
        )
        samples = self._with_fates(samples)
        usable = samples["fate"].is_null()
        ids = self._content_ids()
        samples = samples.with_columns(
            hi=pl.when(usable).then(pl.Series(ids[:, 0])),
            lo=pl.when(usable).then(pl.Series(ids[:, 1])),
            media=self._positions(usable.to_numpy(), first_media),
        )
        if facts.rejected.is_empty():
            return samples
        return pl.concat([samples, _rejected(facts.rejected)], how="diagonal_relaxed")

    def _modality(self) -> pl.Series:
        kinds = self._facts.media.flatten().field("kind")
        is_video = pc.equal(kinds, "video").to_numpy(zero_copy_only=False)
        videos = np.bincount(self._owner, weights=is_video, minlength=len(self._counts))
        number = np.where(videos > 0, 3, np.minimum(self._counts, 2))
        return pl.Series(["text", "image", "multi_image", "video"]).gather(number)

    def _with_fates(self, samples: pl.DataFrame) -> pl.DataFrame:
        """Unreadable is a row with the first of its media that cannot be used, or too many."""
        first, rule, value = self._faults()
        sizes = self._sizes()
        sizes[first] = 0
        large = np.flatnonzero(sizes > MAX_SAMPLE_BYTES)
        lost = pl.DataFrame(
            {
                "at": np.concatenate([first, large]),
                "rule": [*rule, *["sample_too_large"] * len(large)],
                "value": [*value, *(f"{size} bytes of media" for size in sizes[large].tolist())],
            },
            schema={"at": pl.Int64, "rule": pl.String, "value": pl.String},
        ).with_columns(fate=pl.lit(Fate.UNREADABLE.value), stage=pl.lit(Stage.JOIN.value))
        places = pl.Series("at", np.arange(samples.height, dtype=np.int64))
        numbered = samples.with_columns(places)
        return numbered.join(lost, on="at", how="left", maintain_order="left").drop("at")

    def _faults(self) -> tuple[Ints, list[str], list[str]]:
        """(samples, reasons, details) of the first media of each that cannot be used."""
        bad = self._local < 0
        if self._media.num_rows:
            reasons = self._media["reason"].is_null().to_numpy()
            bad |= ~reasons[np.maximum(self._local, 0)]
        places = np.flatnonzero(bad)
        samples, first = np.unique(self._owner[places], return_index=True)
        rules, values = [], []
        for place in places[first].tolist():
            rule, detail = self._fault(int(self._local[place]))
            key = self._keys[place].as_py()
            rules.append(rule)
            values.append(f"{key}: {detail}" if detail else key)
        return samples.astype(np.int64), rules, values

    def _fault(self, position: int) -> tuple[str, str | None]:
        if position < 0:
            return ("media_ambiguous" if position == AMBIGUOUS else "media_missing"), None
        reason, detail = (self._media[name][position].as_py() for name in ("reason", "detail"))
        return reason, detail

    def _sizes(self) -> Ints:
        """Bytes of each sample's media."""
        lengths = self._media["lengths"].combine_chunks()
        totals = np.concatenate([[0], np.cumsum(lengths.flatten().to_numpy())])
        ends = np.cumsum(lengths.value_lengths().fill_null(0).to_numpy()).astype(np.int64)
        each = np.diff(totals[np.concatenate([[0], ends])], append=0)  # one 0 for absent media
        sizes = np.bincount(self._owner, weights=each[self._local], minlength=len(self._counts))
        return sizes.astype(np.int64)

    def _content_ids(self) -> Halves:
        """Of all samples; those of samples that lack media mean nothing."""
        absent = np.zeros((1, 32), np.uint8)
        table = np.concatenate([digest_table(self._media["digest"]), absent])
        turns, media = self._facts.turns, table[self._local].tobytes()
        return content_ids(turns.digests, turns.counts, media, self._counts)

    def _positions(self, usable: npt.NDArray[np.bool_], first: int) -> pl.Series:
        counts = np.where(usable, self._counts, 0)
        offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int64())
        flat = pa.array(self._local[usable[self._owner]] + first, pa.int64())
        lists = pa.LargeListArray.from_arrays(offsets, flat)
        return pl.Series("media", pl.from_arrow(lists), dtype=pl.List(pl.Int64))


def _rejected(rejected: pl.DataFrame) -> pl.DataFrame:
    return rejected.select(
        "folder",
        "row",
        "group",
        "subset",
        fate=pl.lit(Fate.UNREADABLE.value),
        stage=pl.lit(Stage.CURATE.value),
        rule=pl.col("reason"),
        value=pl.when(pl.col("detail") != "").then("detail"),
        media=pl.lit(None, pl.List(pl.Int64)),
    )
