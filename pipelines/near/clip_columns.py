"""Codes of many clips as columns: frames of all clips one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.flat import Ints, owners, starts
from pipelines.near.clip_align import Frames
from pipelines.near.clip_codes import FRAME_EDGE, SCHEMA, SHOWING, ClipCode
from pipelines.near.image_hashes import Hashes

# Frames in whose hashes no more bits differ than this show the same, for what is sought by.
_REPEAT_BITS = 4


@dataclass(frozen=True, eq=False)
class ClipColumns:
    """Rows of `clip_codes.SCHEMA`; 21 bytes a frame, and the means, which stay in Arrow."""

    durations_ms: Ints
    sizes: npt.NDArray[np.int32]  # clips x (width, height)
    first_c: Ints  # of each clip's frames; one more for the end
    times_ms: Ints
    hashes: Hashes
    looks: npt.NDArray[np.uint8]  # places in LOOKS
    means: pa.ChunkedArray

    def __len__(self) -> int:
        return len(self.durations_ms)

    @classmethod
    def of_codes(cls, codes: Sequence[ClipCode]) -> ClipColumns:
        rows = [code.row() for code in codes]
        return cls.of_table(pa.Table.from_pylist(rows, schema=SCHEMA))

    @classmethod
    def of_table(cls, table: pa.Table) -> ClipColumns:
        """Of a table with SCHEMA's columns and no nulls; its means may be mapped."""
        lists = {name: table[name].combine_chunks() for name in ("times_ms", *_FRAMES)}
        sizes = [table[name].to_numpy() for name in ("width_px", "height_px")]
        counts = lists["times_ms"].value_lengths().to_numpy(zero_copy_only=False)
        return cls(
            durations_ms=table["duration_ms"].to_numpy(),
            sizes=np.stack(sizes, axis=1),
            first_c=starts(counts.astype(np.int64)),
            times_ms=lists["times_ms"].flatten().to_numpy().astype(np.int64),
            hashes=lists["hashes_code"].flatten().to_numpy(),
            looks=lists["looks_code"].flatten().to_numpy(),
            means=table["means_code"],
        )

    def clip(self, number: int) -> Frames:
        span = slice(int(self.first_c[number]), int(self.first_c[number + 1]))
        kept = np.frombuffer(self.means[number].as_buffer(), np.uint8)
        return Frames(
            int(self.durations_ms[number]),
            self.times_ms[span],
            kept.reshape(-1, FRAME_EDGE**2).astype(np.float32),
            self.hashes[span],
            self.looks[span],
        )

    def sought(self) -> tuple[Ints, Ints]:
        """(frames by which clips are found, the clip of each): with texture or a shape, and unlike
        the frame before."""
        clip_f = owners(np.diff(self.first_c))
        is_new = np.ones(len(self.hashes), np.bool_)
        differ = np.bitwise_count(self.hashes[1:] ^ self.hashes[:-1])
        is_new[1:] = (differ > _REPEAT_BITS) | (clip_f[1:] != clip_f[:-1])
        frames = np.flatnonzero(is_new & np.isin(self.looks, SHOWING))
        return frames, clip_f[frames]


_FRAMES = ("hashes_code", "looks_code")
