"""Media of merged conversations, for what counts rows (row_counts.py): one a conversation."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.flat import Bools, Ints, starts
from pipelines.turn_units import RowTurns


class WholeMedia:
    """All media of each conversation as one, as its first row alone is written with them.

    So what was done to make that row short enough, fewer frames or images unsplit, stays done.
    """

    def __init__(self, heads: pl.DataFrame) -> None:
        names = ("num_images", "num_media_tokens", "media_ids", "media_units", "duration_ms")
        values = {name: heads[name].to_numpy().astype(np.int64) for name in names}
        self._num_images, self.duration_ms = values["num_images"], values["duration_ms"]
        self._ids, self._image_ids = values["media_ids"], values["num_media_tokens"]
        self._more = values["media_units"]
        # A clip, for what that decides here: its duration counts.
        self.is_video: Bools = np.ones(heads.height, bool)

    def kept(self, media: Ints, max_frames: Ints) -> Ints:
        return self._num_images[media]

    def ids(self, media: Ints, kept: Ints, split: Bools) -> tuple[Ints, Ints]:
        return self._ids[media], self._image_ids[media]

    def more_units(self, media: Ints, kept: Ints, document: Bools) -> Ints:
        return self._more[media]


def place_turns(counts: Ints) -> RowTurns:
    """Conversations of so many turns each, one after another, their media in the first turn."""
    first = starts(counts)[:-1]
    return RowTurns(
        first_r=first,
        count_r=counts,
        first_x_r=np.arange(len(counts)),
        num_x_r=np.ones_like(counts),
        media_x=np.arange(len(counts)),
        turn_x=first,
    )
