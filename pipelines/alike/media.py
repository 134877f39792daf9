"""Media by their classes: which one stands for each, as far as rows are concerned.

classes.arrow   one row a medium that another stands for: `same` where it is the same picture or
                clip, `like` where it may be a part of it
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipelines.alike.files import near_path
from pipelines.ids import bytes_table
from pipelines.part_files import media_path
from pipelines.scratch import frame, read_batch, write_frame

Digests = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Classes:
    """Where the table is; None: every medium is a class of its own."""

    path: str | None = None

    @classmethod
    def write(cls, scratch: str, found: pl.DataFrame) -> Classes:
        """`found` has digest, same and like, 32 bytes each."""
        if found.is_empty():
            return cls()
        path = near_path(scratch, "classes.arrow")
        write_frame(path, found.select("digest", "same", "like"))
        return cls(path)


def row_media(scratch: str, number: int, classes: Classes, by: Literal["same", "like"]) -> Digests:
    """Of each of a part's media the digest, 32 bytes, of what stands for it; zeros: not usable."""
    batch = read_batch(media_path(scratch, number), ["digest"])
    own = batch.column("digest")
    if classes.path is not None:
        table = frame([read_batch(classes.path, ["digest", by])])
        mine = pl.DataFrame({"digest": pl.from_arrow(own.cast(pa.binary()))})
        found = mine.join(table, on="digest", how="left", maintain_order="left")
        stands = found.select(pl.coalesce(by, "digest")).to_series().to_arrow()
        own = stands.cast(pa.binary()).cast(pa.binary(32))
    digests = np.zeros((len(own), 32), np.uint8)
    digests[own.is_valid().to_numpy(False)] = bytes_table(pa.chunked_array([own.drop_null()]))
    return digests
