"""Measures: one column file per filter beside the facts it measures, computed once.

A filter is not part of a store key: a new or changed filter is measured from the store, without
reading upstream again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import orjson
import pyarrow as pa

import filters
from filters import plugins
from filters.base import Measure
from filters.models import is_bound_ref
from manifests.storage import exists, filesystem, join, open_ipc, open_parquet, read_parquet
from pipelines.store import measure_path

# Measures that near duplicates and leaks are found by (media_measures.py).
CODES = ("image_codes", "clip_codes")
# The second look at images, where a recipe names a model for it (image_embedding.py).
EMBEDDING = "image_embedding"
_FACTS = {"sample": "samples.arrow", "media": "media.parquet"}


def facts_bytes(folder: str, level: str) -> int:
    """Bytes that measuring a finished folder reads."""
    fs, path = filesystem(join(folder, _FACTS[level]))
    return int(fs.size(path))


def find(ref: str) -> Measure:
    """The filter, or the measure that is none, of a `Measure.ref`."""
    if ref not in CODES and not is_embedding(ref):
        return filters.get(ref)
    # They bring Pillow, which a plan of a full store does without.
    from pipelines.media_measures import MEASURES, embedding

    return MEASURES[ref] if ref in CODES else embedding(ref)


def is_embedding(ref: str) -> bool:
    return ref == EMBEDDING or (is_bound_ref(ref) and orjson.loads(ref)["filter"] == EMBEDDING)


def missing(folder: str, wanted: Sequence[Measure]) -> list[Measure]:
    return [f for f in wanted if not exists(measure_path(folder, f))]


def write_measures(
    folder: str, wanted: Sequence[Measure], batches: Iterable[pa.RecordBatch]
) -> None:
    """Measure every batch with every filter; one pass over the batches, one file a filter.

    The pass is made without filters too: the batches may be written as they are taken. The files
    grow with it, and are there when it ends.
    """
    with ExitStack() as files:
        writers: dict[str, Callable[[pa.RecordBatch], None]] = {}
        for batch in batches:
            for filter_ in wanted:
                scores = plugins.measure(filter_, batch)
                if filter_.name not in writers:
                    opened = open_parquet(measure_path(folder, filter_), scores.schema)
                    writers[filter_.name] = files.enter_context(opened)
                writers[filter_.name](scores)


def _sample_batches(folder: str) -> Iterator[pa.RecordBatch]:
    reader = open_ipc(join(folder, _FACTS["sample"]))
    for index in range(reader.num_record_batches):
        yield reader.get_batch(index)


def _media_batches(folder: str) -> Iterator[pa.RecordBatch]:
    yield from read_parquet(join(folder, _FACTS["media"])).to_batches(max_chunksize=65_536)


def measure_folder(folder: str, names: Sequence[str], isolate: bool = False) -> dict[str, Any]:
    """Task: add the column files of these measures to a finished folder of the store.

    All are of one level; `isolate` decodes pictures in a child process.
    """
    # They bring Pillow, which what only asks what is `missing` does without.
    from filters.pixels import PixelMeasure
    from pipelines.stored_pictures import measure_pictures

    wanted = [find(name) for name in names]
    level = wanted[0].level
    batches = _sample_batches(folder) if level == "sample" else _media_batches(folder)
    plain = [f for f in wanted if not isinstance(f, PixelMeasure)]
    if plain:
        write_measures(folder, plain, _at_least_one(batches, folder, level))
    seeing = [f.ref for f in wanted if isinstance(f, PixelMeasure)]
    if seeing:
        measure_pictures(folder, seeing, isolate)
    return {}


def _at_least_one(
    batches: Iterator[pa.RecordBatch], folder: str, level: str
) -> Iterator[pa.RecordBatch]:
    """The batches, or one of no rows: a measure's columns are known even where nothing is."""
    empty = True
    for batch in batches:
        empty = False
        yield batch
    if empty:
        if level == "sample":
            schema = open_ipc(join(folder, _FACTS[level])).schema
        else:
            schema = read_parquet(join(folder, _FACTS[level])).schema
        yield pa.RecordBatch.from_pylist([], schema=schema)
