"""Measures of pixels: a medium is decoded once for all of them, and equal bytes score once.

Curate looks at a medium while it has it (`read_image`, `look_at`), and `stored_pictures.py` at what
lies in the packs. Both see the bytes that are stored, so that the scores are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from filters.pixels import PixelMeasure, Pixels, read_pixels, see_image
from manifests.image_metadata import MetadataError, strip_metadata
from manifests.images import ImageError, probe_image
from manifests.storage import open_parquet
from pipelines.measures import find
from pipelines.store import measure_path

Row = dict[str, Any]
# What each measure says of one medium, in the order of the measures; null: nothing to look at.
Scores = list[dict[str, Any] | None]
# Scores of so many media are made into columns, which take a tenth of the memory.
_BATCH_ROWS = 1024


def pixel_measures(names: Iterable[str]) -> list[PixelMeasure]:
    """Those of the named filters and measures that look at pixels."""
    return [f for f in map(find, names) if isinstance(f, PixelMeasure)]


def read_image(data: bytes, row: Row, names: Sequence[str]) -> tuple[Row, bytes, Scores]:
    """(the image's row of the media table with what it is, the bytes to store, scores of the
    measures of pixels among those named); ImageError where it cannot be used.

    What is stored is upstream's without its metadata, and what is told and scored is of that.
    Without measures to show it to, a JPEG is not decoded in full.
    """
    wanted = pixel_measures(names)
    data = _without_metadata(data)
    if any(f.on == "image" for f in wanted):
        facts, pixels = see_image(data)
        pictures = [pixels]
    else:
        facts, pictures = probe_image(data), []
    row = row | {
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "frame_sizes": [facts.width, facts.height],
        "timestamps_ms": [],
    }
    return row, data, _scores(row, pictures, wanted)


def _without_metadata(data: bytes) -> bytes:
    try:
        return strip_metadata(data)
    except MetadataError as error:
        # One that cannot be decoded either has a reason that says more.
        probe_image(data)
        raise ImageError("image_metadata_unreadable", str(error)) from error


def look_at(medium: Row, encoded: Sequence[bytes], names: Sequence[str]) -> Scores:
    """Scores of a medium of the media table by its encoded pictures, as they are stored."""
    wanted = pixel_measures(names)
    if not any(f.on == medium["kind"] for f in wanted):
        return [None] * len(wanted)
    try:
        return _scores(medium, [read_pixels(data) for data in encoded], wanted)
    except ImageError:
        return [None] * len(wanted)


def _scores(medium: Row, pictures: Sequence[Pixels], wanted: Sequence[PixelMeasure]) -> Scores:
    return [
        f.score(pictures, f.facts(medium)) if pictures and f.on == medium["kind"] else None
        for f in wanted
    ]


class ScoreTable:
    """Scores of media by number; media of the same bytes are given the same one.

    They wait in files of `spool`, a local folder: a picture's codes take kilobytes, and an archive
    may hold a million of them.
    """

    def __init__(self, wanted: Sequence[PixelMeasure], spool: Path) -> None:
        self._held: list[tuple[str, Scores]] = []
        self._waiting = [_Waiting(measure, spool) for measure in wanted]
        self._size = 0
        self._nothing: dict[str, int] = {}  # by kind

    def add(self, kind: str, scores: Scores) -> int:
        self._held.append((kind, scores))
        self._size += 1
        if len(self._held) == _BATCH_ROWS:
            self._settle()
        return self._size - 1

    def add_nothing(self, kind: str) -> int:
        """A medium that there is nothing to see of."""
        if kind not in self._nothing:
            self._nothing[kind] = self.add(kind, [None] * len(self._waiting))
        return self._nothing[kind]

    def write(self, folder: str, numbers: Sequence[int]) -> None:
        """The measures of a media folder whose rows have these numbers; call last."""
        self._settle()
        for waiting in self._waiting:
            waiting.write(folder, numbers)

    def _settle(self) -> None:
        media = [{"kind": kind} for kind, _ in self._held]
        for place, waiting in enumerate(self._waiting):
            waiting.add(media, [scores[place] for _, scores in self._held])
        self._held.clear()


class _Waiting:
    """Scores of one measure, by number."""

    def __init__(self, measure: PixelMeasure, spool: Path) -> None:
        self._measure = measure
        self._path = str(spool / f"{measure.name}.arrow")
        self._sink = pa.OSFile(self._path, "wb")
        self._batches = pa.ipc.new_file(self._sink, measure.scores)

    def add(self, media: Sequence[Row], scores: Sequence[dict[str, Any] | None]) -> None:
        self._batches.write_batch(self._measure.scored(media, scores))

    def write(self, folder: str, numbers: Sequence[int]) -> None:
        self._batches.close()
        self._sink.close()
        most, scores = self._measure.row_group_rows, self._measure.scores
        found = pa.ipc.open_file(pa.memory_map(self._path)).read_all()
        with open_parquet(measure_path(folder, self._measure), scores, most) as take:
            for first in range(0, len(numbers), most):
                some = found.take(pa.array(numbers[first : first + most], pa.int64()))
                take(some.combine_chunks().to_batches()[0])
