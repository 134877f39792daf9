"""Looks at media that are in the store already: for measures that came after them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from manifests.errors import IntegrityError
from manifests.packs import PackReader, PackSlice
from manifests.storage import join, read_parquet
from pipelines.pixel_scores import Row, Scores, ScoreTable, look_at, pixel_measures
from sources.sandbox import DecoderError, shared_sandbox

# Pictures are read by so many bytes at a time, or one medium where that alone has more.
_READ_BYTES = 4 << 20
_BATCH_ROWS = 1024
# As long as curate gives a clip.
_LOOK_TIMEOUT_S = 900.0


def measure_pictures(folder: str, names: Sequence[str], isolate: bool = False) -> None:
    """Add the measures of the named measures of pixels to a finished media folder.

    Each picture is decoded once, however many measures and rows it has, with `isolate` in a child
    process. Memory: one decoded medium and _READ_BYTES, whatever the packs hold.
    """
    media = read_parquet(join(folder, "media.parquet"))
    with tempfile.TemporaryDirectory() as spool:
        table = ScoreTable(pixel_measures(names), Path(spool))
        table.write(folder, _add_all(table, folder, media, names, isolate))


def _add_all(
    table: ScoreTable, folder: str, media: pa.Table, names: Sequence[str], isolate: bool
) -> list[int]:
    """Numbers of the media's scores, row by row."""
    numbers: dict[str, int] = {}  # by digest
    found = []
    with PackReader(folder) as packs:
        for batch in media.to_batches(max_chunksize=_BATCH_ROWS):
            rows = batch.to_pylist()
            fresh = {row["digest"]: row for row in rows if row["digest"] not in numbers}
            fresh.pop(None, None)
            for row, pictures in stored_pictures(packs, folder, list(fresh.values())):
                scores = _look(row, pictures, names, isolate)
                numbers[row["digest"]] = table.add(row["kind"], scores)
            found += [
                table.add_nothing(row["kind"]) if row["digest"] is None else numbers[row["digest"]]
                for row in rows
            ]
    return found


def stored_pictures(
    packs: PackReader, folder: str, rows: Sequence[Row]
) -> Iterator[tuple[Row, list[bytes]]]:
    """Each row of the media table with its pictures, encoded: an image, or frames of a clip.

    IntegrityError where a pack cannot be read.
    """
    for group in _groups(rows):
        slices = [
            PackSlice(row["pack"], offset, length)
            for row in group
            for offset, length in zip(row["offsets"], row["lengths"], strict=True)
        ]
        try:
            pictures = iter(packs.read(slices))
        except (OSError, EOFError) as error:
            raise IntegrityError(
                f"a pack in {folder} cannot be read ({error}); remove that folder and run the "
                "same command again"
            ) from error
        for row in group:
            yield row, [next(pictures) for _ in row["offsets"]]


def _groups(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows one after another that are read at once."""
    group: list[Row] = []
    size = 0
    for row in rows:
        here = sum(row["lengths"])
        if group and size + here > _READ_BYTES:
            yield group
            group, size = [], 0
        group.append(row)
        size += here
    if group:
        yield group


def _look(row: Row, pictures: list[bytes], names: Sequence[str], isolate: bool) -> Scores:
    if not isolate:
        return look_at(row, pictures, names)
    try:
        scores: Scores = shared_sandbox().call(look_at, (row, pictures, names), _LOOK_TIMEOUT_S)
    except DecoderError:
        scores = [None] * len(names)
    return scores
