"""Measures of model filters: made from the store, folder by folder, where the model is loaded.

They have tasks of their own behind those that read upstream, so that a model is in few processes
(actors.py) and no reader waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from filters import plugins
from filters.base import Measure
from filters.models import ModelMeasure
from manifests.packs import PackReader
from manifests.schema import MEDIA_SCHEMA
from manifests.storage import join, open_parquet, read_parquet
from pipelines.engine import Task
from pipelines.measures import facts_bytes, find, measure_folder
from pipelines.store import measure_path
from pipelines.stored_pictures import stored_pictures

Row = dict[str, Any]

# Beside the weights: a batch, and what libraries take.
_BASE_MEMORY = 1 << 30
# Encoded pictures are handed over by so many bytes, or media.
_BATCH_BYTES = 32 << 20
_BATCH_MEDIA = 256
_WRITTEN_ROWS = 1 << 14
_PICTURES = pa.field("pictures", pa.list_(pa.binary()))
_SEEN_SCHEMA = MEDIA_SCHEMA.append(_PICTURES)


def model_task(source: str, folder: str, filter_: ModelMeasure) -> Task:
    """A task that adds the filter's measure to a finished folder."""
    assert filter_.weights is not None, "filters are bound before tasks are planned"
    return Task(
        name=f"measure {source} {filter_.name}",
        group=source,
        function=measure_by_model,
        args=(folder, filter_.ref),
        memory_bytes=_BASE_MEMORY + 2 * filter_.weights.num_bytes,
        weight=facts_bytes(folder, filter_.level),
        actor=filter_.ref,
    )


def measure_by_model(folder: str, ref: str) -> dict[str, Any]:
    """Task: write the measure; the model is loaded if there is something to score."""
    filter_ = find(ref)
    if "pictures" in filter_.columns:
        _measure_pictures(folder, filter_)
    else:
        measure_folder(folder, [ref])
    return {}


def _measure_pictures(folder: str, filter_: Measure) -> None:
    """Equal bytes are scored once; what has none is scored as a medium without pictures."""
    media = read_parquet(join(folder, "media.parquet"))
    digests = media["digest"].to_pylist()
    first = {digest: row for row, digest in reversed(list(enumerate(digests)))}
    rows = media.take(pa.array(sorted(first.values()), pa.int64())).to_pylist()
    rows.sort(key=lambda row: row["digest"] is not None)
    with PackReader(folder) as packs:
        batches = [plugins.measure(filter_, batch) for batch in _batches(packs, folder, rows)]
    numbers = {row["digest"]: number for number, row in enumerate(rows)}
    chosen = pa.array([numbers[digest] for digest in digests], pa.int64())
    scores = pa.Table.from_batches(batches, filter_.scores)
    with open_parquet(measure_path(folder, filter_), filter_.scores) as write:
        # Not a second copy of all: there may be a kilobyte or two a medium.
        for start in range(0, len(chosen), _WRITTEN_ROWS):
            for batch in scores.take(chosen[start : start + _WRITTEN_ROWS]).to_batches():
                write(batch)


def _batches(packs: PackReader, folder: str, rows: Sequence[Row]) -> Iterator[pa.RecordBatch]:
    """Rows of the media table with their encoded pictures; those without bytes stand first."""
    without = [row for row in rows if row["digest"] is None]
    seen = stored_pictures(packs, folder, rows[len(without) :])
    held: list[Row] = []
    size = 0
    for row, pictures in chain(((row, list[bytes]()) for row in without), seen):
        held.append({**row, _PICTURES.name: pictures})
        size += sum(map(len, pictures))
        if size >= _BATCH_BYTES or len(held) == _BATCH_MEDIA:
            yield pa.RecordBatch.from_pylist(held, schema=_SEEN_SCHEMA)
            held, size = [], 0
    if held:
        yield pa.RecordBatch.from_pylist(held, schema=_SEEN_SCHEMA)
