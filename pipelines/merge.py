"""Merging: questions about the same media, of one component, become one conversation.

Rows of a group follow one another by source, subset and place upstream. A question that was asked
already is left out, and a conversation has at most so many turns; the next one begins with the row
that did not fit. A conversation that the target processor could not take in is not made: its rows
stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa

from manifests.ids import content_ids
from manifests.ledger import Fate, Stage
from mixtures.recipe import Recipe
from mixtures.styles import get_style
from pipelines.exclude import EXCLUDED_RULE
from pipelines.flat import Bools, Ints, Lists, owners, ranges, starts
from pipelines.ids import Halves, bytes_table
from pipelines.merged_media import WholeMedia, place_turns
from pipelines.part_files import media_path, part_path, read_turn_rows, turn_columns
from pipelines.row_counts import RowCounter, RowCounts, TurnOrder
from pipelines.scratch import read_batch
from pipelines.shape import sample_limit, turn_draws, whole
from pipelines.token_counter import Counter
from pipelines.turn_units import RowTurns, TurnUnits

# Where the recipe does not say: as the vision stage's packing has it (huggingface/smollm,
# vision/m4/training/packing.py).
_MAX_TURNS = 7
MERGE_RULE = "same_media"
_GROUP = ["leaf", "key", "media_key"]
_COUNTS = ("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens", "num_images")


@dataclass(slots=True)
class _Conversation:
    """Rows (numbers among the candidates) that become one; `silent` ones add no question."""

    members: list[int]
    num_turns: int
    silent: list[int] = field(default_factory=list)


def merge(
    rows: pl.DataFrame,
    recipe: Recipe,
    counter: Counter,
    scratch: str,
    excluded: Mapping[str, str],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(samples, rows that are no sample of their own any more, or whose id is another now).

    Samples have `others`, `turns` besides: null where nothing was merged. `excluded` are the lists'
    entries by the ids (32 hex digits) that they name: a conversation of such an id goes with all
    its rows. Of rows that are merged `own_hi`, `own_lo` are the ids that they had.
    """
    plain = {"others": pl.List(pl.Struct({"part": pl.UInt32, "at": pl.UInt32}))}
    rows = rows.with_columns(
        others=pl.lit(None, plain["others"]), turns=pl.lit(None, pl.List(pl.Int16))
    )
    groups = _candidates(rows.with_row_index("place"), recipe.max_turns or _MAX_TURNS)
    if groups.is_empty():
        return rows, rows.clear()
    merging = _Merging(groups, recipe, counter, scratch, excluded)
    samples = merging.samples()
    lost = pl.concat([merging.lost(), merging.excluded()], how="diagonal")
    is_kept = np.ones(rows.height, bool)
    for touched in (samples, lost):
        is_kept[touched["place"].to_numpy()] = False
    kept = rows.filter(pl.Series(is_kept))
    return pl.concat([kept, samples.select(rows.columns)]), lost.drop("place")


def _candidates(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    """Rows that may be merged and have another to be merged with, group after group.

    A row of more turns than a conversation may have is trimmed by itself, as `shape` has it.
    """
    fits = pl.col("num_turns") <= most
    open_rows = rows.filter(pl.col("mergeable") & ~pl.col("gated") & fits)
    twice = open_rows.select(pl.struct(_GROUP).is_duplicated()).to_series()
    # The first of them gives the media: one whose own are those that stand for the others'.
    copied = ["copied"] if "copied" in open_rows.columns else []
    return open_rows.filter(twice).sort(*_GROUP, *copied, "code", "part", "at")


class _Merging:
    def __init__(
        self,
        rows: pl.DataFrame,
        recipe: Recipe,
        counter: Counter,
        scratch: str,
        excluded: Mapping[str, str],
    ) -> None:
        self._rows, self._recipe, self._counter = rows, recipe, counter
        self._scratch = scratch
        self._turns = read_turn_rows(scratch, rows)
        self._count_r = rows["num_turns"].to_numpy().astype(np.int64)
        self._first_r = starts(self._count_r)[:-1]
        self._new_t = self._first_asked()
        found = [made for made in self._conversations() if len(made.members + made.silent) > 1]
        self._ids, self._order, counts, self._lists = self._shape(found)
        fits = counts.num_tokens <= sample_limit(recipe, counter)
        hexes = [pair.tobytes().hex() for pair in self._ids] if excluded else [""] * len(found)
        named = np.array([content in excluded for content in hexes], bool)
        self._named = [
            (found[at].members + found[at].silent, excluded[hexes[at]])
            for at in np.flatnonzero(fits & named).tolist()
        ]
        self._fits, self._counts = fits & ~named, counts
        self._made = [found[at] for at in np.flatnonzero(self._fits).tolist()]

    def _first_asked(self) -> Bools:
        """Of each turn whether no earlier turn of its group is the same."""
        group = self._rows.select(pl.struct(_GROUP).rle_id()).to_series().to_numpy()
        turns = pl.DataFrame(
            {
                "group": np.repeat(group, self._count_r),
                "hi": self._turns["digest_hi"],
                "lo": self._turns["digest_lo"],
            }
        )
        return turns.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()

    def _conversations(self) -> Iterator[_Conversation]:
        most = self._recipe.max_turns or _MAX_TURNS
        new = np.bincount(owners(self._count_r), weights=self._new_t, minlength=len(self._count_r))
        group = self._rows.select(pl.struct(_GROUP).rle_id()).to_series().to_list()
        here: list[_Conversation] = []
        last = -1
        for row, (number, count) in enumerate(zip(group, new.astype(int).tolist(), strict=True)):
            if number != last:
                yield from here
                here, last = [], number
            if here and not count:
                here[0].silent.append(row)
            elif here and here[-1].num_turns + count <= most:
                here[-1].members.append(row)
                here[-1].num_turns += count
            else:
                here.append(_Conversation([row], count))
        yield from here

    def _shape(self, found: list[_Conversation]) -> tuple[Halves, TurnOrder, RowCounts, pl.Series]:
        """Ids, turn orders and counts of all conversations, one value each."""
        rows = np.array([row for made in found for row in made.members], np.int64)
        sizes = np.array([len(made.members) for made in found], np.int64)
        heads = np.array([made.members[0] for made in found], np.int64)
        turn = ranges(self._first_r[rows], self._count_r[rows])
        count_c = np.bincount(
            owners(sizes), weights=self._count_r[rows], minlength=len(found)
        ).astype(np.int64)
        is_other = np.repeat(rows != heads[owners(sizes)], self._count_r[rows])
        media, table = self._media(heads)
        placed = place_turns(count_c)
        asked = np.flatnonzero(self._new_t[turn])
        asked_c = np.bincount(owners(count_c)[asked], minlength=len(found)).astype(np.int64)
        ids = self._content_ids(turn[asked], asked_c, media, table)
        written = self._shuffled(asked, asked_c, placed, ids)
        order = TurnOrder.of(placed, written, asked_c, is_other[written])
        counts = self._count(turn, placed, order, asked_c, self._rows[heads])
        return ids, order, counts, _number_lists(written, asked_c, placed)

    def _media(self, heads: Ints) -> tuple[Lists, pa.Table]:
        """(media of each head by position in the table, the table, which has their digests)."""
        places = self._rows[heads].select("part", "at").with_row_index("order")
        tables, lists, start = [], [], 0
        for (number,), here in places.group_by("part", maintain_order=True):
            batch = read_batch(part_path(self._scratch, int(str(number))), ["media"])
            used = Lists(pa.chunked_array([batch.column("media").take(here["at"].to_arrow())]))
            media = read_batch(media_path(self._scratch, int(str(number))), ["digest"])
            tables.append(pa.Table.from_batches([media.take(pa.array(used.values))]))
            positions = np.arange(start, start + len(used.values))
            start += len(used.values)
            column = pa.LargeListArray.from_arrays(starts(used.counts), positions)
            lists.append(here.select("order").with_columns(media=pl.Series(pl.from_arrow(column))))
        found = pl.concat(lists).sort("order")["media"].to_arrow()
        return Lists(pa.chunked_array([found])), pa.concat_tables(tables).combine_chunks()

    def _content_ids(self, turn: Ints, counts: Ints, media: Lists, table: pa.Table) -> Halves:
        digests = np.stack([self._turns["digest_hi"][turn], self._turns["digest_lo"][turn]], axis=1)
        named = bytes_table(table["digest"])[media.values].tobytes()
        return content_ids(digests.astype("<u8").tobytes(), counts, named, media.counts)

    def _shuffled(self, asked: Ints, counts: Ints, placed: RowTurns, ids: Halves) -> Ints:
        if not self._recipe.shuffle_turns:
            return asked
        sample = owners(counts)
        number = asked - placed.first_r[sample]
        draw = turn_draws(ids[:, 0], ids[:, 1], sample, number, self._recipe.seed)
        return asked[np.lexsort((number, draw, sample))]

    def _count(
        self,
        turn: Ints,
        placed: RowTurns,
        order: TurnOrder,
        num_turns: Ints,
        heads: pl.DataFrame,
    ) -> RowCounts:
        style, media = get_style(self._recipe.style), WholeMedia(heads)
        units = TurnUnits(**{name: self._turns[name][turn] for name in turn_columns()})
        documents = np.zeros(len(num_turns), bool)
        counter = RowCounter(units, placed, order, media, documents, self._counter, style)
        return counter.counts(whole(num_turns))

    def samples(self) -> pl.DataFrame:
        """The conversations, each at the place of its first row."""
        fits = np.flatnonzero(self._fits)
        heads = self._rows[[made.members[0] for made in self._made]]
        ids = self._ids[fits]
        sizes = np.array([len(made.members) for made in self._made], np.int64)
        members = np.array([row for made in self._made for row in made.members], np.int64)
        texts = self._rows["text_bytes"].to_numpy()[members]
        text_bytes = np.bincount(owners(sizes), weights=texts, minlength=len(sizes))
        text_bytes = text_bytes.astype(np.int64)
        columns = {name: getattr(self._counts, name)[fits].astype(np.int32) for name in _COUNTS}
        return heads.with_columns(
            **{name: pl.Series(values) for name, values in columns.items()},
            hi=pl.Series(ids[:, 0]),
            lo=pl.Series(ids[:, 1]),
            bytes=pl.col("bytes") - pl.col("text_bytes") + pl.Series(text_bytes),
            text_bytes=pl.Series(text_bytes),
            others=self._others(members, sizes),
            turns=self._lists.gather(fits),
        )

    def _others(self, members: Ints, sizes: Ints) -> pl.Series:
        """Places of each conversation's rows after its first."""
        later = np.delete(members, starts(sizes)[:-1])
        places = self._rows[later].select("part", "at").to_arrow().to_struct_array()
        lists = pa.LargeListArray.from_arrays(starts(sizes - 1), places.combine_chunks())
        return pl.Series("others", pl.from_arrow(lists))

    def lost(self) -> pl.DataFrame:
        """Rows that were merged, with the sample that they are in; and that sample's own row."""
        at = [at for at, fits in enumerate(self._fits.tolist()) if fits]
        rows, owner = [], []
        for number, made in zip(at, self._made, strict=True):
            found = sorted(made.members + made.silent)
            rows += found
            owner += [(number, made.members[0])] * len(found)
        ids = self._ids[[number for number, _ in owner]]
        heads = np.array([head for _, head in owner], np.int64)
        row = np.array(rows, np.int64)
        new = np.bincount(owners(self._count_r), weights=self._new_t, minlength=len(self._count_r))
        lost = self._rows[row]
        is_other = pl.Series(row != heads)
        asked = pl.Series(new[row].astype(np.int64))
        value = pl.format("{} of {} turns are new", asked, pl.col("num_turns"))
        return lost.with_columns(
            fate=pl.when(is_other).then(pl.lit(Fate.MERGED.value)),
            stage=pl.lit(Stage.MERGE.value),
            rule=pl.lit(MERGE_RULE),
            value=pl.when(is_other & (asked < pl.col("num_turns"))).then(value),
            matched_code=pl.when(is_other).then(self._rows["code"].gather(heads)),
            head_code=self._rows["code"].gather(heads),
            own_hi="hi",
            own_lo="lo",
            hi=pl.Series(ids[:, 0]),
            lo=pl.Series(ids[:, 1]),
        )

    def excluded(self) -> pl.DataFrame:
        """Rows of conversations that a list names by the id that they would have."""
        rows = np.array([row for members, _ in self._named for row in members], np.int64)
        entries = [entry for members, entry in self._named for _ in members]
        return self._rows[rows].with_columns(
            fate=pl.lit(Fate.DROPPED.value),
            stage=pl.lit(Stage.ACCESS.value),
            rule=pl.lit(EXCLUDED_RULE),
            value=pl.Series(entries, dtype=pl.String),
        )


def _number_lists(written: Ints, counts: Ints, placed: RowTurns) -> pl.Series:
    """Of each conversation the numbers of the turns that are written, in that order."""
    numbers = (written - placed.first_r[owners(counts)]).astype(np.int16)
    lists = pa.LargeListArray.from_arrays(starts(counts), pa.array(numbers))
    return pl.Series("turns", pl.from_arrow(lists), dtype=pl.List(pl.Int16))
