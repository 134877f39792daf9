"""How samples made of several rows about the same media are written, and the ids that this makes.

The media of the first row stand for all, and its own remedies for them stay: fewer frames, images
that are not split. A sample that is too long with all of its turns loses the last ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from mixtures.recipe import Recipe
from mixtures.styles import get_style
from pipelines.flat import Bools, Ints, starts
from pipelines.gate import gate
from pipelines.row_counts import RowCounter
from pipelines.shape import sample_limit, shape_columns, turn_order, whole
from pipelines.token_counter import Counter
from pipelines.turn_units import RowTurns, TurnUnits


def merged_shape(
    firsts: pl.DataFrame, turns: TurnUnits, counts: Ints, recipe: Recipe, counter: Counter
) -> pl.DataFrame:
    """`shape`'s columns for samples of several rows, but max_frames and split: the first row's.

    `firsts` are the samples' first rows as `shape` left them, with media in their first turns and
    nothing said by the system; `turns` are those of all rows of each sample, the first row's first,
    and `counts` says how many. `turns` of the answer counts through them. Turns are shuffled by
    the first row's content id.
    """
    media = _WholeMedia(firsts)
    placed = media.placed(counts)
    own = turns.bare.copy()
    own[placed.first_r] = turns.own[placed.first_r]
    turns = replace(turns, own=own)
    order, num_turns = turn_order(firsts, placed, recipe)
    document = np.zeros(firsts.height, bool)
    style = get_style(recipe.style)
    row_counter = RowCounter(turns, placed, order, media, document, counter, style)
    limit = sample_limit(recipe, counter)
    gated = gate(row_counter, whole(num_turns), ["trim_turns"], limit)
    return shape_columns(gated, order, placed, limit).drop("max_frames", "split")


class _WholeMedia:
    """All media of each sample as one, as its first row is written with; samples by number."""

    def __init__(self, firsts: pl.DataFrame) -> None:
        names = ("num_images", "num_media_tokens", "media_ids", "media_units", "duration_ms")
        values = {name: firsts[name].to_numpy().astype(np.int64) for name in names}
        self._num_images, self.duration_ms = values["num_images"], values["duration_ms"]
        self._ids, self._image_ids = values["media_ids"], values["num_media_tokens"]
        self._more = values["media_units"]
        # A clip, for what that decides here: its duration counts.
        self.is_video: Bools = np.ones(firsts.height, bool)

    def kept(self, media: Ints, max_frames: Ints) -> Ints:
        return self._num_images[media]

    def ids(self, media: Ints, kept: Ints, split: Bools) -> tuple[Ints, Ints]:
        return self._ids[media], self._image_ids[media]

    def more_units(self, media: Ints, kept: Ints, document: Bools) -> Ints:
        return self._more[media]

    def placed(self, counts: Ints) -> RowTurns:
        """Samples of so many turns each, one after another, their media in the first turn."""
        first = starts(counts)[:-1]
        return RowTurns(
            first_r=first,
            count_r=counts,
            first_x_r=np.arange(len(counts)),
            num_x_r=np.ones_like(counts),
            media_x=np.arange(len(counts)),
            turn_x=first,
        )
