"""Finds the media that a row names: by key as it stands, or as its source's archives hide it.

Look-up "suffix" (LLaVA-shaped archives disagree with their annotations about outer folders) tries
in turn: the key itself; the key below any archive's stem; the key without its first folder; the one
key that ends on it. Two different media that fit equally are ambiguous, never a guess; copies with
the same digest are one media.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests.schema import MEDIA_SCHEMA
from manifests.storage import changed_ns, join, parquet_span, read_parquet

# What resolve looks at.
MEDIA_COLUMNS = [
    *("key", "kind", "digest", "reason", "detail", "pack", "offsets", "lengths", "timestamps_ms"),
    *("frame_sizes", "duration_ms"),
]
MISSING = -1
AMBIGUOUS = -2

_Ints = npt.NDArray[np.int64]


class MediaIndex:
    """Maps media keys of one source to positions in its media table.

    `keys` and `digests` are aligned; a null digest is a media that cannot be used, which is found
    like any other so that its reason can be told. Building costs about 1 us a key.
    """

    def __init__(self, keys: Sequence[str], digests: Sequence[str | None], suffix: bool) -> None:
        self._keys = keys
        self._digests = digests
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._by_name: dict[str, list[int]] = defaultdict(list)
        for position, key in enumerate(keys):
            self._exact[key].append(position)
            if suffix:
                self._by_name[key.rsplit("/", 1)[-1]].append(position)
        self._suffix = suffix

    def find(self, key: str) -> int:
        """Position of the key's media, MISSING, or AMBIGUOUS."""
        found = self._exact.get(key)
        if found:
            return self._one(found)
        return self._find_suffix(key) if self._suffix else MISSING

    def _find_suffix(self, key: str) -> int:
        trimmed = key.split("/", 1)[1] if "/" in key else key
        below = [p for p in self._named(key) if self._keys[p].split("/", 1)[-1] == key]
        if below:
            return self._one(below)
        found = self._exact.get(trimmed)
        if found:
            return self._one(found)
        for wanted in dict.fromkeys([key, trimmed]):
            if "/" not in wanted:
                continue  # a bare file name fits by chance
            ending = "/" + wanted
            fits = [p for p in self._named(wanted) if self._keys[p].endswith(ending)]
            if fits:
                return self._one(fits)
        return MISSING

    def _named(self, key: str) -> list[int]:
        return self._by_name.get(key.rsplit("/", 1)[-1], [])

    def _one(self, positions: list[int]) -> int:
        """The first usable position where all usable ones are the same media."""
        usable = [p for p in positions if self._digests[p] is not None]
        if not usable:
            return positions[0]
        same = {self._digests[p] for p in usable}
        return usable[0] if len(same) == 1 else AMBIGUOUS


@dataclass(frozen=True, slots=True)
class _File:
    """A media table of a source: `first` is the position of its first media in the source."""

    path: str
    first: int
    num_rows: int
    low: str
    high: str


def find_media(folders: Sequence[str], suffix: bool, keys: pa.Array) -> _Ints:
    """For each of `keys` the position of its media among those of `folders`, or MISSING, AMBIGUOUS.

    Keys are looked up as they stand all at once, in the tables whose keys are around them; only
    the rest goes through a `MediaIndex` of the whole source.
    """
    if not len(keys):
        return np.empty(0, np.int64)
    asked = pl.DataFrame({"key": pl.Series(pl.from_arrow(keys))})
    files = _around(_files(folders), asked["key"])
    known = pl.DataFrame({"key": _column(files, "key"), "at": _positions(files)})
    found = asked.join(known, on="key", how="left", maintain_order="left")
    if found.height > asked.height:
        known = _decide_copies(known.join(asked, on="key", how="semi"), files)
        found = asked.join(known, on="key", how="left", maintain_order="left")
    positions = found["at"].fill_null(MISSING).to_numpy().copy()
    if suffix and (positions == MISSING).any():
        index = _whole_index(tuple(folders))
        lost = np.flatnonzero(positions == MISSING)
        names = asked["key"].gather(lost).to_list()
        positions[lost] = [index.find(name) for name in names]
    return positions


def _files(folders: Sequence[str]) -> list[_File]:
    found, first = [], 0
    for folder in folders:
        path = join(folder, "media.parquet")
        num_rows, low, high = _span(path, changed_ns(path))
        found.append(_File(path, first, num_rows, low, high))
        first += num_rows
    return found


@lru_cache(maxsize=100_000)
def _span(path: str, _changed_ns: int) -> tuple[int, str, str]:
    """(rows, the least and the greatest key) by the file's own statistics."""
    return parquet_span(path, "key")


def _around(files: Sequence[_File], keys: pl.Series) -> list[_File]:
    """Those that may hold one of the keys."""
    files = [file for file in files if file.num_rows]
    if len(files) < 2:
        return files
    ordered = keys.unique().sort()
    low = ordered.search_sorted(pl.Series([file.low for file in files]), side="left")
    high = ordered.search_sorted(pl.Series([file.high for file in files]), side="right")
    return [file for file, some in zip(files, low < high, strict=True) if some]


def _positions(files: Sequence[_File]) -> pl.Series:
    spans = [np.arange(file.first, file.first + file.num_rows) for file in files]
    return pl.Series("at", np.concatenate([np.empty(0, np.int64), *spans]))


def _decide_copies(fits: pl.DataFrame, files: Sequence[_File]) -> pl.DataFrame:
    """One position a key, by the rules of `MediaIndex` where several media have it."""
    twice = fits.filter(pl.col("key").is_duplicated())
    digests = pl.DataFrame({"digest": _column(files, "digest"), "at": _positions(files)})
    twice = twice.join(digests, on="at", how="left", maintain_order="left")
    digest = pl.col("digest")
    chosen = twice.group_by("key").agg(
        at=pl.when(digest.min() != digest.max())  # of those that can be used
        .then(pl.lit(AMBIGUOUS, pl.Int64))
        .otherwise(pl.coalesce(pl.col("at").filter(digest.is_not_null()).min(), pl.col("at").min()))
    )
    once = fits.filter(~pl.col("key").is_duplicated()).select("key", "at")
    return pl.concat([once, chosen])


@lru_cache(maxsize=1)
def _whole_index(folders: tuple[str, ...]) -> MediaIndex:
    """Of one source; a process that joins several parts of it builds this once."""
    files = _files(folders)
    keys, digests = (_column(files, name).to_list() for name in ("key", "digest"))
    return MediaIndex(keys, digests, suffix=True)


def _column(files: Sequence[_File], name: str) -> pl.Series:
    chunks = [chunk for file in files for chunk in read_parquet(file.path, [name])[name].chunks]
    return pl.Series(name, pl.from_arrow(pa.chunked_array(chunks, pa.string())), pl.String)


def load_found(folders: Sequence[str], found: _Ints, first: int) -> tuple[pa.Table, _Ints]:
    """(the media at these positions, each once; the position in it of each of `found`).

    Each has the number of its `folder`, from `first` on, and its `place` there. Positions below 0
    are passed on as they are.
    """
    used, places = np.unique(found, return_inverse=True)
    num_absent = int((used < 0).sum())
    local = np.where(found < 0, found, places - num_absent)
    used = used[num_absent:]
    tables = [_no_media()]
    files = _files(folders) if len(used) else []
    for number, file in enumerate(files):
        stop = file.first + file.num_rows
        mine = used[np.searchsorted(used, file.first) : np.searchsorted(used, stop)] - file.first
        if len(mine):
            numbers = pa.array(np.full(len(mine), first + number, np.int32))
            taken = read_parquet(file.path, MEDIA_COLUMNS).take(pa.array(mine))
            taken = taken.append_column("folder", numbers)
            tables.append(taken.append_column("place", pa.array(mine)))
    return pa.concat_tables(tables).combine_chunks(), local


def _no_media() -> pa.Table:
    schema = pa.schema([MEDIA_SCHEMA.field(name) for name in MEDIA_COLUMNS])
    schema = schema.append(pa.field("folder", pa.int32()))
    schema = schema.append(pa.field("place", pa.int64()))
    return pa.Table.from_batches([], schema=schema)
