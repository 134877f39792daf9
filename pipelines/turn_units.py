"""Units of the turns of a part: of each, the texts as they are written in the style.

A turn's texts are counted in three forms: as upstream has them, with the turn's own media; bare,
where its media are not written with it; and led, where all media of its sample stand in front of
it. Clips count as their stand-ins (media_units.py), texts of masked rows as they are then
(pii_measures.py). The system messages that a conversation begins with are apart: they stay in
front, whichever turns are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import polars as pl
import pyarrow as pa

from manifests.storage import join, read_parquet
from mixtures.styles import Style
from pipelines.flat import Bools, Ints, ints, ranges, starts
from pipelines.join import Joined
from pipelines.media_units import MediaUnits
from pipelines.pii_measures import put_masked, read_pii_measures
from pipelines.token_counter import Counter
from pipelines.token_measures import read_token_measures

_COLUMNS = ["sample", "turn", "num_messages", "num_answers", "num_media"]
_BYTES = ["system_bytes", "user_bytes", "assistant_bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnUnits:
    """Flat over all turns of the part's row folders; `prompt` is what is not an answer."""

    num_messages: Ints
    num_answers: Ints
    num_media: Ints
    num_system: Ints
    num_front: Ints  # of a first turn: system messages that its conversation begins with
    answer: Ints
    front: Ints
    own: Ints  # prompt texts, those of `front` not counted
    bare: Ints
    led: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTurns:
    """Where the turns and media of each row stand; `_x` is one value a media of the rows."""

    first_r: Ints
    count_r: Ints
    first_x_r: Ints
    num_x_r: Ints
    media_x: Ints  # number in `Joined.media`
    turn_x: Ints


def read_turns(
    joined: Joined, index: pl.DataFrame, counter: Counter, style: Style, media: MediaUnits
) -> tuple[TurnUnits, RowTurns]:
    """Turns of the rows of `index`, each of which has a folder and a place there."""
    folders = index["folder"].to_numpy().astype(np.int64)
    used = np.unique(folders)
    paths = [joined.row_folders[number] for number in used.tolist()]
    tables = [read_parquet(join(path, "turns.parquet"), _COLUMNS + _BYTES) for path in paths]
    table = pa.concat_tables(tables) if tables else _nothing()
    rows = _place(index, np.searchsorted(used, folders), tables, ints(table["num_media"]))
    measures = table if counter.tokenizer is None else read_token_measures(paths, counter.tokenizer)
    masked_r = _masked_rows(index)
    if masked_r.any():
        wanted = np.zeros(table.num_rows, bool)
        wanted[ranges(rows.first_r[masked_r], rows.count_r[masked_r])] = True
        masked = read_pii_measures(paths, [len(one) for one in tables], counter.tokenizer)
        measures = put_masked(measures, masked, wanted)
    if counter.tokenizer is None:
        document = (index["kind"] == "document").to_numpy()
        return _estimated(measures, rows, media, np.repeat(document, rows.num_x_r)), rows
    return _measured(table, measures, style), rows


def _masked_rows(index: pl.DataFrame) -> Bools:
    """Rows that are written masked: there is such a column where the recipe masks any."""
    if "masked" not in index.columns:
        return np.zeros(index.height, bool)
    masked: Bools = index["masked"].to_numpy()
    return masked


def _nothing() -> pa.Table:
    return pa.table({name: pa.array([], pa.int64()) for name in _COLUMNS + _BYTES})


def _place(
    index: pl.DataFrame, folder_r: Ints, tables: Sequence[pa.Table], num_media_t: Ints
) -> RowTurns:
    position = index["pos"].to_numpy().astype(np.int64)
    first_r, count_r = np.zeros_like(position), np.zeros_like(position)
    before = 0
    for number, table in enumerate(tables):
        here = folder_r == number
        counts = np.bincount(ints(table["sample"]), minlength=int(position[here].max()) + 1)
        count_r[here] = counts[position[here]]
        first_r[here] = before + starts(counts)[position[here]]
        before += table.num_rows
    num_x = index["media"].list.len().fill_null(0).to_numpy().astype(np.int64)
    flat = index["media"].explode(empty_as_null=False, keep_nulls=False).to_numpy()
    row_x = np.repeat(np.arange(len(num_x)), num_x)
    # Media are named in the order of their placeholders.
    ends = starts(num_media_t)
    rank = ranges(np.zeros_like(num_x), num_x)
    turn_x = np.searchsorted(ends, ends[first_r[row_x]] + rank, side="right") - 1
    last = first_r + np.maximum(count_r, 1) - 1
    return RowTurns(
        first_r=first_r,
        count_r=count_r,
        first_x_r=starts(num_x)[:-1],
        num_x_r=num_x,
        media_x=flat.astype(np.int64),
        turn_x=np.clip(turn_x, first_r[row_x], last[row_x]),
    )


def _estimated(table: pa.Table, rows: RowTurns, media: MediaUnits, document_x: Ints) -> TurnUnits:
    """Bytes; media are taken to stand in one message a turn, and system texts in one message."""
    system, user, answer = (ints(table[name]) for name in _BYTES)
    is_first = ints(table["turn"]) == 0
    words = media.words(rows.media_x, rows.turn_x, document_x.astype(bool))
    own = np.bincount(rows.turn_x, weights=words, minlength=len(user)).astype(np.int64)
    row_x = np.repeat(np.arange(len(rows.num_x_r)), rows.num_x_r)
    words_r = np.bincount(row_x, weights=words, minlength=len(rows.num_x_r)).astype(np.int64)
    led = np.zeros_like(user)
    led[ranges(rows.first_r, rows.count_r)] = np.repeat(words_r, rows.count_r)
    bare = user + np.where(is_first, 0, system)
    return TurnUnits(
        num_messages=ints(table["num_messages"]),
        num_answers=ints(table["num_answers"]),
        num_media=ints(table["num_media"]),
        num_system=(system > 0).astype(np.int64),
        num_front=(is_first & (system > 0)).astype(np.int64),
        answer=answer,
        front=np.where(is_first, system, 0),
        own=bare + own,
        bare=bare,
        led=bare + led,
    )


def _measured(table: pa.Table, measures: pa.Table, style: Style) -> TurnUnits:
    assert measures.num_rows == table.num_rows, "one row of token measures a turn"
    known = {name: ints(table[name]) for name in _COLUMNS[2:]}
    for field in fields(TurnUnits):
        if field.name not in known:
            own = f"{field.name}:{style.name}"
            known[field.name] = ints(measures[own if own in measures.column_names else field.name])
    return TurnUnits(**known)
