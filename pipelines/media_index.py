"""Finds the media that a row names: by key as it stands, or as its source's archives hide it.

Look-up "suffix" (LLaVA-shaped archives disagree with their annotations about outer folders) tries
in turn: the key itself; the key below any archive's stem; the key without its first folder; the one
key that ends on it. Two different media that fit equally are ambiguous, never a guess; copies with
the same digest are one media.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests.schema import MEDIA_SCHEMA
from manifests.storage import join, read_parquet

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


def find_media(folders: Sequence[str], suffix: bool, keys: pa.Array) -> _Ints:
    """For each of `keys` the position of its media among those of `folders`, or MISSING, AMBIGUOUS.

    Keys are looked up as they stand all at once; only the rest goes through a `MediaIndex`.
    """
    if not len(keys):
        return np.empty(0, np.int64)
    known = pl.DataFrame({"key": _column(folders, "key")}).with_row_index("at")
    asked = pl.DataFrame({"key": pl.Series(pl.from_arrow(keys))})
    fits = known.join(asked.unique(), on="key", how="semi")
    if fits["key"].n_unique() < fits.height:
        fits = _decide_copies(fits, folders)
    found = asked.join(fits, on="key", how="left", maintain_order="left")
    positions = found["at"].cast(pl.Int64).fill_null(MISSING).to_numpy().copy()
    if suffix and (positions == MISSING).any():
        index = _whole_index(tuple(folders))
        lost = np.flatnonzero(positions == MISSING)
        names = asked["key"].gather(lost).to_list()
        positions[lost] = [index.find(name) for name in names]
    return positions


def _decide_copies(fits: pl.DataFrame, folders: Sequence[str]) -> pl.DataFrame:
    """One position a key, by the rules of `MediaIndex` where several media have it."""
    twice = fits.filter(pl.col("key").is_duplicated())
    digests = _column(folders, "digest").gather(twice["at"]).to_list()
    index = MediaIndex(twice["key"].to_list(), digests, suffix=False)
    places = twice["at"].to_list()
    decided = [
        (key, places[at] if (at := index.find(key)) >= 0 else at)
        for key in twice["key"].unique(maintain_order=True).to_list()
    ]
    chosen = pl.DataFrame(decided, schema={"key": pl.String, "at": pl.Int64}, orient="row")
    once = fits.filter(~pl.col("key").is_duplicated()).select("key", pl.col("at").cast(pl.Int64))
    return pl.concat([once, chosen])


@lru_cache(maxsize=1)
def _whole_index(folders: tuple[str, ...]) -> MediaIndex:
    """Of one source; a process that joins several parts of it builds this once."""
    keys, digests = (_column(folders, name).to_list() for name in ("key", "digest"))
    return MediaIndex(keys, digests, suffix=True)


def _column(folders: Sequence[str], name: str) -> pl.Series:
    parts = [read_parquet(join(folder, "media.parquet"), [name])[name] for folder in folders]
    chunks = [chunk for part in parts for chunk in part.chunks]
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
    tables, start = [_no_media()], 0
    for number, folder in enumerate(folders):
        if start > (used[-1] if len(used) else -1):
            break
        table = read_parquet(join(folder, "media.parquet"))
        stop = start + table.num_rows
        mine = used[np.searchsorted(used, start) : np.searchsorted(used, stop)] - start
        if len(mine):
            numbers = pa.array(np.full(len(mine), first + number, np.int32))
            taken = table.take(pa.array(mine)).append_column("folder", numbers)
            tables.append(taken.append_column("place", pa.array(mine)))
        start = stop
    return pa.concat_tables(tables).combine_chunks(), local


def _no_media() -> pa.Table:
    schema = MEDIA_SCHEMA.append(pa.field("folder", pa.int32()))
    schema = schema.append(pa.field("place", pa.int64()))
    return pa.Table.from_batches([], schema=schema)
