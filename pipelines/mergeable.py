"""What merging needs to know of a part's rows: their media as one key, and their turns.

turns-00012.arrow   turns of the rows that may be merged, with their digests and units
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests.storage import join as join_path
from manifests.storage import read_parquet
from pipelines.flat import Bools, Ints, Lists, ranges, starts
from pipelines.ids import Halves, digest_table
from pipelines.join import Joined
from pipelines.part_files import turn_columns, turns_path
from pipelines.row_facts import digest_bytes
from pipelines.scratch import write_table
from pipelines.shape import Shaped

# Columns of open rows: a row's media in two halves (null: no media), whether it may be merged, and
# where its turns are.
MERGE_FACTS = (
    *("media_half", "media_key", "mergeable", "first_turn", "num_turns"),
    *("media_ids", "media_units"),
)


def with_merge_facts(
    index: pl.DataFrame, shaped: Shaped, joined: Joined, scratch: str, number: int
) -> pl.DataFrame:
    """The index with MERGE_FACTS; writes turns-*.arrow.

    Rows of one turn, or of independent ones, may be merged, if all media stand in the first turn
    and nothing is said by the system: a dialogue is never cut into another.
    """
    free = (pl.col("num_turns") == 1) | pl.col("independent").fill_null(False)
    has_media = pl.col("media").list.len() > 0
    alone = pl.col("leading").fill_null(False) & (pl.col("system_bytes") == 0)
    mergeable = (pl.col("kind") == "chat") & has_media & alone & free & pl.col("fate").is_null()
    index = index.with_columns(mergeable=mergeable.fill_null(False))
    wanted = index["mergeable"].to_numpy()
    first = np.zeros(index.height, np.int64)
    first[wanted] = _write_turns(wanted[shaped.open], shaped, joined, turns_path(scratch, number))
    lists = Lists(pa.chunked_array([index["media"].to_arrow()]))
    hi, lo = media_halves(lists, digest_table(joined.media["digest"]))
    has = pl.Series(index.select(has_media.fill_null(False)).to_series())
    return index.with_columns(
        first_turn=pl.Series(first),
        media_half=pl.when(has).then(pl.Series(hi)),
        media_key=pl.Series(lo),
    )


def _write_turns(wanted: Bools, shaped: Shaped, joined: Joined, path: str) -> Ints:
    """Where the turns of each wanted open row begin in the file."""
    counts = shaped.placed.count_r[wanted]
    turn = ranges(shaped.placed.first_r[wanted], counts)
    folders = shaped.index.filter(pl.Series(shaped.open))["folder"].unique().sort().to_list()
    paths = [join_path(joined.row_folders[folder], "turns.parquet") for folder in folders]
    raw = b"".join(digest_bytes(read_parquet(path, ["digest"])["digest"]) for path in paths)
    digests = np.frombuffer(raw, dtype="<u8").reshape(-1, 2)[turn]
    columns = {name: getattr(shaped.turns, name)[turn].astype(np.int32) for name in turn_columns()}
    columns |= {"digest_hi": digests[:, 0], "digest_lo": digests[:, 1]}
    arrays = {name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()}
    write_table(path, pa.table(arrays))
    return starts(counts)[:-1]


def media_halves(lists: Lists, digests: npt.NDArray[np.uint8]) -> tuple[Halves, Halves]:
    """16 bytes of each row's media, as two numbers: of the digest of one, of a digest of several's.

    `lists` are rows' places in `digests`, 32 bytes each. Rows without media have zeros.
    """
    absent = np.zeros((1, 16), np.uint8)
    keys = np.concatenate([digests[:, :16], absent]).view("<u8")
    first = np.append(lists.values, len(keys) - 1)[lists.starts[:-1]]
    found = keys[np.where(lists.counts > 0, first, len(keys) - 1)]
    for row in np.flatnonzero(lists.counts > 1).tolist():
        several = keys[lists.slice(row, row + 1)].tobytes()
        found[row] = np.frombuffer(hashlib.blake2b(several, digest_size=16).digest(), dtype="<u8")
    return np.ascontiguousarray(found[:, 0]), np.ascontiguousarray(found[:, 1])
