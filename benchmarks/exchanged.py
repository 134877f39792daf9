"""A copy of a build in which rows have the pictures of others: what it teaches cannot be seen.

Pictures go half way round among the rows with as many pictures of the same kinds, so that texts,
ids and the number of tiles stay nearly what they were. The `validation` split stays as it is.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.build import TRAIN, OutputFile, load_manifest, write_manifest
from pipelines.emit import parquet_options

_PICTURES = ("images", "media")


def exchange(build: Path, out: Path) -> tuple[int, int]:
    """(rows with pictures, those that got the same: alone of their kind, or of a medium twice)."""
    manifest = load_manifest(str(build))
    shutil.copytree(build, out)
    old = [file for file in manifest.files if file.path.startswith(TRAIN)]
    table = pa.concat_tables([pq.read_table(build / file.path) for file in old]).combine_chunks()
    kinds = [tuple((m["kind"], m["split"]) for m in row) for row in table["media"].to_pylist()]
    places = turned(kinds)
    own = [[image["bytes"] for image in row] for row in table["images"].to_pylist()]
    for name in _PICTURES:
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(name), table[name].take(pa.array(places)))
    files = {file.path: file for file in manifest.files}
    first = 0
    for file in old:
        path = out / file.path
        pq.write_table(table.slice(first, file.rows), path, **parquet_options())
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files[file.path] = OutputFile(
            path=file.path, rows=file.rows, bytes=path.stat().st_size, sha256=digest
        )
        first += file.rows
    write_manifest(str(out), manifest.model_copy(update={"files": tuple(files.values())}))
    same = sum(bool(row) and row == own[place] for row, place in zip(own, places, strict=True))
    return sum(bool(row) for row in own), same


def turned(
    kinds: Sequence[tuple[tuple[str, bool], ...]],
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each row the one whose pictures it gets: half way round those of its kind."""
    groups: dict[tuple[tuple[str, bool], ...], list[int]] = {}
    for row, kind in enumerate(kinds):
        groups.setdefault(kind, []).append(row)
    places = np.arange(len(kinds), dtype=np.int64)
    for rows in groups.values():
        # Neighbours are often of one medium.
        turn = (len(rows) + 1) // 2
        places[rows] = [*rows[turn:], *rows[:turn]]
    return places
