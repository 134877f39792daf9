"""Measures of masked texts: beside the plain ones, of those samples alone that masking changes.

    rows/<source>/<subset>/<key>/tokens/<tokenizer>-<version>-pii-<version>.parquet
    rows/<source>/<subset>/<key>/tokens/bytes-pii-<version>.parquet     where there is no tokenizer

`turn` is a row of turns.parquet; the other columns are those that it or the token measures have. As
they, these files are made once and serve every recipe that masks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import equals, sum_per
from manifests.storage import join, open_parquet, read_parquet
from mixtures.recipe import Recipe
from pipelines.curate import CuratedSource
from pipelines.engine import Task
from pipelines.flat import Bools, Ints, ints
from pipelines.folder_tasks import folder_tasks
from pipelines.pii import VERSION, mask_messages
from pipelines.token_measures import SCHEMA, count_turns, text_batches, token_path
from pipelines.tokenizers import TokenizerRef, load_tokenizer
from pipelines.turn_texts import TurnTexts

_MEMORY = 768 << 20
_ROLES = ("system", "user", "assistant")
_TURN = pa.field("turn", pa.int64())
_BYTES_SCHEMA = pa.schema([_TURN, *((f"{role}_bytes", pa.int64()) for role in _ROLES)])
_TOKENS_SCHEMA = pa.schema([_TURN, *SCHEMA])


def pii_path(folder: str, tokenizer: TokenizerRef | None) -> str:
    if tokenizer is None:
        return join(folder, "tokens", f"bytes-pii-{VERSION}.parquet")
    return f"{token_path(folder, tokenizer).removesuffix('.parquet')}-pii-{VERSION}.parquet"


def plan_pii_measures(
    curated: Sequence[CuratedSource], recipe: Recipe, tokenizer: TokenizerRef | None
) -> list[Task]:
    """Tasks for the row folders whose masked turns nobody has counted; none if none is masked."""
    if not recipe.mask_pii:
        return []
    return folder_tasks(
        "masked",
        curated,
        "sample",
        lambda folder: pii_path(folder, tokenizer),
        measure_pii,
        (tokenizer,),
        _MEMORY,
    )


def measure_pii(folder: str, tokenizer: TokenizerRef | None) -> dict[str, Any]:
    """Task: count the turns of a finished row folder that masking changes, and of their samples."""
    schema = _BYTES_SCHEMA if tokenizer is None else _TOKENS_SCHEMA
    counter = None if tokenizer is None else load_tokenizer(tokenizer)
    samples = ints(read_parquet(join(folder, "turns.parquet"), ["sample"])["sample"])
    with open_parquet(pii_path(folder, tokenizer), schema) as write:
        for places, batch in _masked_batches(folder):
            turns = np.flatnonzero(np.isin(samples, places))
            counts = _bytes(batch) if counter is None else count_turns(batch, counter)
            assert counts.num_rows == len(turns), "one row of measures a turn"
            columns = [pa.array(turns, pa.int64()), *counts.columns]
            write(pa.RecordBatch.from_arrays(columns, schema=schema))
    return {}


def read_pii_measures(
    folders: Sequence[str], num_turns: Sequence[int], tokenizer: TokenizerRef | None
) -> pa.Table:
    """Of these folders, `turn` counting through all of their turns, so many of each folder."""
    tables, before = [], 0
    for folder, number in zip(folders, num_turns, strict=True):
        table = read_parquet(pii_path(folder, tokenizer))
        tables.append(table.set_column(0, _TURN, pc.add(table["turn"], before)))
        before += number
    return pa.concat_tables(tables)


def put_masked(plain: pa.Table, masked: pa.Table, wanted_t: Bools) -> pa.Table:
    """`plain`, a row a turn, with the columns of `masked` where turns are wanted."""
    turns = ints(masked["turn"])
    hit = wanted_t[turns]
    for name in masked.column_names[1:]:
        values = ints(plain[name]).copy()
        values[turns[hit]] = ints(masked[name])[hit]
        plain = plain.set_column(plain.column_names.index(name), name, pa.array(values))
    return plain


def _masked_batches(folder: str) -> Iterator[tuple[Ints, pa.RecordBatch]]:
    """(places in the folder, samples) of what masking changes, masked."""
    before = 0
    for batch in text_batches(folder):
        messages, changed = mask_messages(batch.column("messages"), np.ones(len(batch), bool))
        if changed.any():
            at = batch.schema.get_field_index("messages")
            masked = batch.set_column(at, batch.schema.field(at), messages)
            yield before + np.flatnonzero(changed), masked.filter(pa.array(changed))
        before += len(batch)


def _bytes(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The bytes of texts by role, as turns.parquet has them; one row a turn."""
    texts = TurnTexts(batch)
    bytes_i = pc.fill_null(pc.binary_length(texts.chats.texts_i), 0).to_numpy()
    bytes_m = sum_per(texts.chats.num_items_m, bytes_i.astype(np.int64))
    columns = [
        np.bincount(texts.turn_m, np.where(equals(texts.chats.roles_m, role), bytes_m, 0))
        for role in _ROLES
    ]
    return pa.record_batch([pa.array(c.astype(np.int64)) for c in columns], names=_ROLES)
