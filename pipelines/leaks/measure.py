"""What the texts of a row folder share with benchmarks: a sparse column file a set of benchmarks.

    rows/<source>/<subset>/<key>/leaks/<set>-<version>.parquet

Rows of it are samples that share anything above `text_match.FLOOR`, with scores, so that thresholds
are judged later without reading texts again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import equals, flatten, is_document
from manifests.storage import join, open_parquet, read_parquet
from pipelines.curate import CuratedSource
from pipelines.engine import Task
from pipelines.flat import Bools, Ints, offsets
from pipelines.folder_tasks import folder_tasks
from pipelines.leaks.index_set import IndexSet
from pipelines.leaks.lookup import Lookup, open_lookup
from pipelines.leaks.text_match import RULES, Matches, best, match_asked, match_told
from pipelines.token_measures import text_batches

# Bump it when the same texts and indexes give other files.
_VERSION = 1
_MEMORY = 1024 << 20

SCHEMA = pa.schema(
    [
        ("pos", pa.int64()),  # of the sample in samples.arrow
        ("benchmark", pa.string()),
        ("text", pa.int32()),  # row of the index's texts.parquet
        ("rule", pa.string()),  # one of text_match.RULES
        ("score", pa.float64()),
        ("words", pa.int32()),  # of the benchmark's text that were found
    ]
)


def leaks_path(folder: str, index_set: IndexSet) -> str:
    return join(folder, "leaks", f"{index_set.digest}-{_VERSION}.parquet")


def plan_text_leaks(curated: Sequence[CuratedSource], index_set: IndexSet) -> list[Task]:
    """Tasks for the row folders that nobody has held against this set."""
    return folder_tasks(
        "leaks",
        curated,
        "sample",
        lambda folder: leaks_path(folder, index_set),
        measure_text_leaks,
        (index_set,),
        _MEMORY,
    )


def measure_text_leaks(folder: str, index_set: IndexSet) -> dict[str, Any]:
    """Task: hold the texts of a finished row folder against benchmarks."""
    lookup = open_lookup(index_set)
    before = 0
    with open_parquet(leaks_path(folder, index_set), SCHEMA) as write:
        for batch in text_batches(folder):
            found = match_batch(lookup, batch)
            found["row"] += before
            if len(found):
                write(_columns(lookup, found))
            before += len(batch)
    return {}


def read_text_leaks(folder: str, index_set: IndexSet) -> pa.Table:
    return read_parquet(leaks_path(folder, index_set))


def match_batch(lookup: Lookup, batch: pa.RecordBatch) -> Matches:
    """Matches of a batch of samples, by place in it: user turns of chats are asked, answers told,
    and so is all of a document."""
    chats = flatten(batch)
    is_document_m = is_document(batch)[chats.sample_m]
    asked = equals(chats.roles_m, "user") & ~is_document_m
    told = equals(chats.roles_m, "assistant") | is_document_m
    is_text = equals(chats.types_i, "text")
    texts = pc.if_else(pa.array(is_text), pc.fill_null(chats.texts_i, ""), "")
    whole = _joined(texts, chats.num_items_m)
    return best(
        [
            match_asked(lookup, _some(whole, asked), chats.sample_m[asked]),
            match_told(lookup, _some(whole, told), chats.sample_m[told]),
        ]
    )


def _joined(texts: pa.Array, counts: Ints) -> pa.Array:
    """The texts of each message as one; a picture between two parts their words too."""
    return pc.binary_join(pa.ListArray.from_arrays(offsets(counts), texts), " ")


def _some(texts: pa.Array, mask: Bools) -> list[str]:
    found: list[str] = texts.filter(pa.array(mask)).to_pylist()
    return found


def _columns(lookup: Lookup, found: Matches) -> pa.RecordBatch:
    number = np.searchsorted(lookup.first_text, found["text"], side="right") - 1
    names = np.array(lookup.names, object)[number]
    rules = np.array(RULES, object)[found["rule"]]
    columns = [
        pa.array(found["row"]),
        pa.array(names, pa.string()),
        pa.array((found["text"] - lookup.first_text[number]).astype(np.int32)),
        pa.array(rules, pa.string()),
        pa.array(found["score"]),
        pa.array(found["words"]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
