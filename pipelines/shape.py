"""Resolve: which turns, frames and tiles of each row are written, and the ids that this makes.

Turns beyond the recipe's `max_turns` are trimmed, then independent turns shuffled, then rows over
the token limit shortened by the recipe's remedies. So counts are of what is written, in its style.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from manifests.ids import splitmix64
from mixtures.draw import draws
from mixtures.recipe import Recipe
from mixtures.styles import get_style
from pipelines.flat import Bools, Ints, owners, ranges
from pipelines.gate import RULE, Gated, gate
from pipelines.ids import Halves
from pipelines.join import Joined
from pipelines.media_units import MediaUnits
from pipelines.row_counts import ALL_FRAMES, Asked, RowCounter, TurnOrder
from pipelines.token_counter import Counter
from pipelines.turn_units import RowTurns, TurnUnits, read_turns

__all__ = ["Counter", "Shaped", "shape"]

_NO_LIMIT = 1 << 62
_COUNTS = (
    *("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens", "num_images"),
    *("media_ids", "media_units"),
)


@dataclass(frozen=True, slots=True)
class Shaped:
    """The index with what `shape` adds; the turns of its open rows, and where they stand."""

    index: pl.DataFrame
    open: Bools
    turns: TurnUnits
    placed: RowTurns


def shape(joined: Joined, recipe: Recipe, counter: Counter) -> Shaped:
    """The index with how each row is written: turns, max_frames, split; the counts of that:
    num_tokens and its parts, num_images, duration_ms; and gate_rule, gate_value where it is too
    long whatever is done.

    Rows that have a fate already have no counts (0). `media_ids` and `media_units` are what its
    media add to a row, images and words: merged samples are counted from them (merge.py).
    """
    index = joined.index
    open_ = index["fate"].is_null().to_numpy()
    rows = index.filter(pl.Series(open_))
    style = get_style(recipe.style)
    media = MediaUnits(joined.media, counter, style)
    turns, placed = read_turns(joined, rows, counter, style, media)
    order, num_turns = turn_order(rows, placed, recipe)
    document = (rows["kind"] == "document").to_numpy()
    row_counter = RowCounter(turns, placed, order, media, document, counter, style)
    asked = whole(num_turns)
    limit = sample_limit(recipe, counter)
    gated = gate(row_counter, asked, recipe.over_length, limit)
    columns = shape_columns(gated, order, placed, limit)
    return Shaped(_spread(index, open_, columns), open_, turns, placed)


def whole(num_turns: Ints) -> Asked:
    """Rows with so many turns each, and all of their frames and tiles."""
    return Asked(
        rows=np.arange(len(num_turns)),
        num_turns=num_turns,
        max_frames=np.full(len(num_turns), ALL_FRAMES),
        split=np.ones(len(num_turns), bool),
    )


def sample_limit(recipe: Recipe, counter: Counter) -> int:
    """The most ids that a sample may have."""
    limit = recipe.max_sample_tokens
    if isinstance(limit, int):
        return limit
    return counter.processor.context_tokens if limit == "context" else _NO_LIMIT


def turn_order(rows: pl.DataFrame, placed: RowTurns, recipe: Recipe) -> tuple[TurnOrder, Ints]:
    """(the order of turns, how many of each row): those over the most are the last ones."""
    counts = placed.count_r
    if recipe.max_turns is not None:
        counts = np.minimum(counts, recipe.max_turns)
    turn = ranges(placed.first_r, counts)
    shuffled = _shuffled(rows, counts) if recipe.shuffle_turns else np.zeros(len(counts), bool)
    if shuffled.any():
        row = owners(counts)
        at = np.flatnonzero(shuffled[row])
        number = turn[at] - placed.first_r[row[at]]
        hi, lo = (rows[name].to_numpy() for name in ("hi", "lo"))
        draw = turn_draws(hi, lo, row[at], number, recipe.seed)
        turn[at] = turn[at][np.lexsort((number, draw, row[at]))]
    return TurnOrder.of(placed, turn, counts), counts


def _shuffled(rows: pl.DataFrame, counts: Ints) -> Bools:
    """Rows of independent turns; media must all stand in the first, to be led by whichever is."""
    if "independent" not in rows.columns:
        return np.zeros(len(counts), bool)
    free = rows.select(pl.col("independent").fill_null(False) & pl.col("leading").fill_null(False))
    return np.asarray(free.to_series().to_numpy() & (counts > 1), bool)


def turn_draws(hi: Halves, lo: Halves, row: Ints, number: Ints, seed: int) -> Halves:
    """A stable draw of each turn, a function of (seed, its row's content id, its number) alone."""
    own = draws(hi[row], lo[row], seed, "turns")
    return splitmix64(own ^ splitmix64(number.astype(np.uint64)))


def shape_columns(gated: Gated, order: TurnOrder, placed: RowTurns, limit: int) -> pl.DataFrame:
    asked, counts, too_long = gated.asked, gated.counts, pl.Series(~gated.fits)
    clipped = pl.Series(asked.max_frames != ALL_FRAMES)
    long = pl.format("{} ids, at most {}", pl.col("num_tokens"), pl.lit(limit))
    values = {name: pl.Series(getattr(counts, name), dtype=pl.Int32) for name in _COUNTS}
    return pl.DataFrame(
        {
            "turns": _turn_lists(asked, order, placed),
            "split": asked.split,
            "max_frames": pl.Series(np.where(clipped, asked.max_frames, 0), dtype=pl.Int32),
            **values,
            "duration_ms": counts.duration_ms,
        }
    ).with_columns(
        max_frames=pl.when(clipped).then("max_frames"),
        gate_rule=pl.when(too_long).then(pl.lit(RULE)),
        gate_value=pl.when(too_long).then(long),
    )


def _turn_lists(asked: Asked, order: TurnOrder, placed: RowTurns) -> pl.Series:
    """Numbers of the turns that are written; null where that is all of them, as they stand."""
    counts = asked.num_turns
    row = owners(counts)
    number = order.turn_o[ranges(order.first_r, counts)] - placed.first_r[row]
    moved = number != ranges(np.zeros_like(counts), counts)
    changed = (counts < placed.count_r) | (np.bincount(row[moved], minlength=len(counts)) > 0)
    lists = (
        pl.DataFrame({"row": row, "turns": number.astype(np.int16)})
        .filter(pl.Series(changed[row]))
        .group_by("row", maintain_order=True)
        .agg("turns")
    )
    rows = pl.DataFrame({"row": np.arange(len(counts))})
    return rows.join(lists, on="row", how="left", maintain_order="left")["turns"]


def _spread(index: pl.DataFrame, open_: Bools, columns: pl.DataFrame) -> pl.DataFrame:
    """The index with these columns of its open rows; the others have no ids and keep their form."""
    found = columns.with_columns(at=pl.Series(np.flatnonzero(open_)))
    numbered = index.with_columns(at=pl.Series(np.arange(index.height)))
    both = numbered.join(found, on="at", how="left", maintain_order="left").drop("at")
    return both.with_columns(
        pl.col(*_COUNTS, "duration_ms").fill_null(0), pl.col("split").fill_null(True)
    )
