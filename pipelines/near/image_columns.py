"""Codes of many images as columns, in the order of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.near.image_codes import SCHEMA, ImageCode
from pipelines.near.image_hashes import WINDOWS, Hashes
from pipelines.near.image_lookup import Ints
from pipelines.near.image_tiles import NUM_SUMS, Sums, coarser


@dataclass(frozen=True, eq=False)
class ImageColumns:
    """Rows of `image_codes.SCHEMA`; 200 bytes each, and the means, which stay in Arrow."""

    kinds: npt.NDArray[np.str_]
    sizes: npt.NDArray[np.int32]  # rows x (width, height)
    pixels: npt.NDArray[np.void]
    hashes: Hashes  # rows x windows
    tiles: Sums  # rows x sums
    means: pa.ChunkedArray

    def __len__(self) -> int:
        return len(self.kinds)

    @classmethod
    def of_codes(cls, codes: Sequence[ImageCode]) -> ImageColumns:
        rows = [code.row() for code in codes]
        return cls.of_table(pa.Table.from_pylist(rows, schema=SCHEMA))

    @classmethod
    def of_table(cls, table: pa.Table) -> ImageColumns:
        """Of a table with SCHEMA's columns and no nulls; its means may be mapped."""
        columns = {name: table[name].combine_chunks() for name in _SMALL}
        sizes = [columns[name].to_numpy() for name in ("width_px", "height_px")]
        digests = pc.cast(columns["pixels_code"], pa.binary())
        return cls(
            kinds=np.array(columns["look_code"].to_pylist(), np.str_),
            sizes=np.stack(sizes, axis=1),
            pixels=np.array(digests.to_pylist(), np.dtype("V16")),
            hashes=columns["hashes_code"].flatten().to_numpy().reshape(-1, len(WINDOWS)),
            tiles=columns["tiles_code"].flatten().to_numpy().reshape(-1, NUM_SUMS),
            means=table["means_code"],
        )

    def edges(self) -> Ints:
        """Of each row's means."""
        lengths = pc.binary_length(self.means).to_numpy(zero_copy_only=False)
        edges: Ints = np.sqrt(lengths).astype(np.int64)
        return edges

    def pictures(self, rows: Ints, edge: int) -> npt.NDArray[np.float32]:
        """Means of the rows at one edge, which none of them is coarser than."""
        found = np.empty((len(rows), edge, edge), np.float32)
        for place, row in enumerate(rows.tolist()):
            kept = np.frombuffer(self.means[row].as_buffer(), np.uint8)
            own = int(len(kept) ** 0.5)
            found[place] = coarser(kept.reshape(own, own).astype(np.float32), edge)
        return found


_SMALL = [name for name in SCHEMA.names if name != "means_code"]
