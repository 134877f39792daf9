"""Token measures: a column file a tokenizer beside each row folder, one row a turn.

    rows/<source>/<subset>/<key>/tokens/<fingerprint>-<version>.parquet

The columns are those of `TurnUnits`, in ids: `own` and `led` once for each style. They are made
from samples.arrow once, and serve every recipe: other ratios, styles and limits count nothing anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from manifests.ids import key_digest
from manifests.storage import join, open_ipc, open_parquet, read_parquet
from mixtures.styles import STYLES
from pipelines.curate import CuratedSource
from pipelines.engine import Task
from pipelines.flat import Bools, Ints
from pipelines.folder_tasks import folder_tasks
from pipelines.text_counter import TextCounter
from pipelines.tokenizers import TokenizerRef, load_tokenizer
from pipelines.turn_texts import TurnTexts

_VERSION = key_digest(1, *STYLES.values())
_MEMORY = 768 << 20

_NAMES = ["num_system", "num_front", "answer", "front", "bare"]
_NAMES += [f"{form}:{name}" for form in ("own", "led") for name in STYLES]
SCHEMA = pa.schema([(name, pa.int32()) for name in _NAMES])


def token_path(folder: str, tokenizer: TokenizerRef) -> str:
    return join(folder, "tokens", f"{tokenizer.fingerprint[:16]}-{_VERSION}.parquet")


def plan_token_measures(
    curated: Sequence[CuratedSource], tokenizer: TokenizerRef | None
) -> list[Task]:
    """Tasks for the row folders whose turns this tokenizer (none: nothing does) has not counted."""
    if tokenizer is None:
        return []
    return folder_tasks(
        "tokens",
        curated,
        "sample",
        lambda folder: token_path(folder, tokenizer),
        measure_tokens,
        (tokenizer,),
        _MEMORY,
    )


def measure_tokens(folder: str, tokenizer: TokenizerRef) -> dict[str, Any]:
    """Task: count the turns of a finished row folder; at least 1 M ids/s."""
    counter = load_tokenizer(tokenizer)
    with open_parquet(token_path(folder, tokenizer), SCHEMA) as write:
        for batch in text_batches(folder):
            write(count_turns(batch, counter))
    return {}


def read_token_measures(folders: Sequence[str], tokenizer: TokenizerRef) -> pa.Table:
    """Of all turns of these folders, in order."""
    tables = [read_parquet(token_path(folder, tokenizer)) for folder in folders]
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


def text_batches(folder: str) -> Iterator[pa.RecordBatch]:
    """The samples of a row folder, as far as they decide its texts."""
    reader = open_ipc(join(folder, "samples.arrow"))
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number).select(["messages", "kind", "media"])


def count_turns(batch: pa.RecordBatch, counter: TextCounter) -> pa.RecordBatch:
    """One row a turn of a batch of samples.arrow."""
    texts = TurnTexts(batch)
    forms = list(texts.forms())
    ids = counter.counts([*texts.bare(), *(form.text for form in forms)])
    ids_m, ids_f = np.split(ids, [texts.chats.num_messages])
    columns = _sums(texts, ids_m, counter)
    for form, found in zip(forms, ids_f.tolist(), strict=True):
        instead = 0 if form.instead is None else ids_m[form.instead]
        columns[form.column][form.turn] += found - instead
    arrays = [pa.array(columns[name], pa.int32()) for name in _NAMES]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _sums(texts: TurnTexts, ids_m: Ints, counter: TextCounter) -> dict[str, Ints]:
    """The columns as they are where there are no media."""

    def total(mask_m: Bools, values_m: Ints) -> Ints:
        found = np.bincount(texts.turn_m, np.where(mask_m, values_m, 0), texts.num_turns)
        return found.astype(np.int64)

    bare = total(~texts.answer_m & ~texts.front_m, ids_m)
    columns = {name: bare.copy() for name in _NAMES}
    columns["num_system"] = total(texts.system_m, np.ones_like(ids_m))
    columns["num_front"] = total(texts.front_m, np.ones_like(ids_m))
    columns["answer"] = total(texts.answer_m, ids_m - counter.template.answer_head)
    columns["front"] = total(texts.front_m, ids_m)
    return columns
