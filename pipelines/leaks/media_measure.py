"""Which media of a media folder are a benchmark's: a sparse column file a set of benchmarks.

    media/<source>/<key>/leaks/<set>-<version>.parquet

They are found by the near-duplicate tests of images and clips (near.image_pairs, near.clip_pairs),
from the codes that curate measures. A blank image stands for no item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.conversation import truth
from manifests.ids import key_digest
from manifests.storage import join, open_parquet, parquet_batches, read_parquet
from pipelines.curate import CuratedSource
from pipelines.engine import Task
from pipelines.flat import Ints
from pipelines.folder_tasks import folder_tasks
from pipelines.leaks.index_set import IndexSet
from pipelines.leaks.shown import open_shown
from pipelines.measures import CODES, find
from pipelines.store import measure_path

# Bump it when the same codes and indexes give other files.
_VERSION = 2
_MEMORY = 1536 << 20
# More than any folder has.
_ALL_ROWS = 1 << 62
# Media whose codes, of up to 17 kB each, are looked up at once.
_QUERIES = 4096

SCHEMA = pa.schema(
    [
        ("place", pa.int64()),  # row of media.parquet
        ("benchmark", pa.string()),
        ("item", pa.int32()),  # row of the index's items.parquet
        ("score", pa.float64()),  # correlation of the pictures, or of what changes in clips
        ("value", pa.string()),  # what was measured, for people
    ]
)


def media_leaks_path(folder: str, index_set: IndexSet) -> str:
    versions = key_digest(_VERSION, [find(name).fingerprint for name in CODES])
    return join(folder, "leaks", f"{index_set.digest}-{versions}.parquet")


def plan_media_leaks(curated: Sequence[CuratedSource], index_set: IndexSet) -> list[Task]:
    """Tasks for the media folders that nobody has held against this set; their codes are there."""
    return folder_tasks(
        "leaks",
        curated,
        "media",
        lambda folder: media_leaks_path(folder, index_set),
        measure_media_leaks,
        (index_set,),
        _MEMORY,
    )


def measure_media_leaks(folder: str, index_set: IndexSet) -> dict[str, Any]:
    """Task: hold the media of a finished media folder against benchmarks.

    About a second for 100,000 images, of which a hundredth meet candidates, and 6 ms a clip that
    shares a frame with one.
    """
    shown = open_shown(index_set)
    with open_parquet(media_leaks_path(folder, index_set), SCHEMA) as write:
        for name, matches in (
            ("image_codes", shown.of_images),
            ("clip_codes", shown.of_clips),
        ):
            for places, codes in _codes(folder, name):
                found = matches(codes)
                if found.num_rows:
                    at = places[found["query"].to_numpy()]
                    found = found.set_column(0, "place", pa.array(at, pa.int64()))
                    write(found.cast(SCHEMA).combine_chunks().to_batches()[0])
    return {}


def read_media_leaks(folder: str, index_set: IndexSet) -> pa.Table:
    return read_parquet(media_leaks_path(folder, index_set))


def _codes(folder: str, name: str) -> Iterator[tuple[Ints, pa.Table]]:
    """(rows of media.parquet, codes) of what could be measured."""
    path = measure_path(folder, find(name))
    for first, batch in parquet_batches(path, _QUERIES, 0, _ALL_ROWS):
        is_there = truth(batch.column("is_measured")) & ~truth(pc.is_null(batch.column(-1)))
        if is_there.any():
            places = first + np.flatnonzero(is_there)
            yield places, pa.Table.from_batches([batch.filter(pa.array(is_there))])
