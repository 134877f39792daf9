"""Media by their classes: which one stands for each, as far as rows are concerned.

classes.arrow   one row a medium that another stands for: `same` where it is the same picture or
                clip, `like` where it may be a part of it; `told` says how alike they are
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests.storage import exists, join
from pipelines.flat import Lists, owners
from pipelines.ids import bytes_table
from pipelines.part_files import media_path
from pipelines.scratch import frame, read_batch, write_frame

Digests = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Classes:
    """Where the table is; None: every medium is a class of its own."""

    path: str | None = None

    @classmethod
    def found(cls, scratch: str) -> Classes:
        """What was written there; it stays with the parts."""
        path = _classes_path(scratch)
        return cls(path) if exists(path) else cls()

    @classmethod
    def write(cls, scratch: str, found: pl.DataFrame) -> Classes:
        """`found` is what `near_media.media_classes` gives."""
        if found.is_empty():
            return cls()
        path = _classes_path(scratch)
        told = pl.concat_str("rule", "value", separator=" ").str.strip_chars()
        write_frame(path, found.select("digest", "same", "like", told=told))
        return cls(path)


def _classes_path(scratch: str) -> str:
    return join(scratch, "classes.arrow")


def row_media(scratch: str, number: int, classes: Classes, by: Literal["same", "like"]) -> Digests:
    """Of each of a part's media the digest, 32 bytes, of what stands for it; zeros: not usable."""
    own = read_batch(media_path(scratch, number), ["digest"]).column("digest")
    if classes.path is not None:
        found = _looked_up(own, classes.path, by)
        stands = found.select(pl.coalesce(by, "digest")).to_series().to_arrow()
        own = stands.cast(pa.binary()).cast(pa.binary(32))
    digests = np.zeros((len(own), 32), np.uint8)
    digests[own.is_valid().to_numpy(False)] = bytes_table(pa.chunked_array([own.drop_null()]))
    return digests


def row_told(scratch: str, number: int, classes: Classes, media: Lists) -> pl.Series:
    """Of each row how alike the first of its media is that another stands for; null: none is."""
    rows = np.arange(len(media.counts))
    if classes.path is None:
        return pl.Series([None] * len(rows), dtype=pl.String)
    own = read_batch(media_path(scratch, number), ["digest"]).column("digest")
    told = _looked_up(own, classes.path, "told")["told"].gather(media.values)
    named = pl.DataFrame({"row": owners(media.counts), "told": told}).drop_nulls("told")
    first = named.unique("row", keep="first", maintain_order=True)
    return pl.DataFrame({"row": rows}).join(first, on="row", how="left")["told"]


def _looked_up(digests: pa.Array, path: str, name: str) -> pl.DataFrame:
    table = frame([read_batch(path, ["digest", name])])
    mine = pl.DataFrame({"digest": pl.from_arrow(digests.cast(pa.binary()))})
    return mine.join(table, on="digest", how="left", maintain_order="left")
