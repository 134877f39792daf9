"""Rows of a finished build by number, read by row group, and which of them a rank takes.

A build is prefix-exact at every multiple of a window (64 rows): rank r of R takes the windows w
with w mod R = r, so that each rank by itself sees the documented shares. What is read at once is a
unit: a few rows of one row group and one window.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.build import DATA_FOLDER, BuildManifest, load_manifest
from manifests.errors import IntegrityError, UsageError
from manifests.storage import filesystem, join

WINDOW_ROWS = 64
# What a worker hands over at once: with 17 tiles of 512 px an image, 100 MB.
_UNIT_ROWS = 8
_COLUMNS = (
    *("id", "source", "modality", "category", "component", "messages", "images", "videos"),
    *("media", "num_tokens", "num_media_tokens"),
)
_TEXT_COLUMNS = ("source", "modality", "category", "component", "messages")


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows `first` to `first + count` of the split: `offset` is that of the first in its group."""

    path: str
    group: int
    offset: int
    first: int
    count: int

    @property
    def window(self) -> int:
        return self.first // WINDOW_ROWS


@dataclass(frozen=True, slots=True)
class BuildRows:
    """A split of a build; it is picklable, and small."""

    build: str
    manifest: BuildManifest
    units: Sequence[Unit]

    @classmethod
    def open(cls, build: str, split: str = "train") -> BuildRows:
        """Reads the footer of each file. UsageError where BUILD is not complete or has no split."""
        manifest = load_manifest(build)
        head = f"{DATA_FOLDER}{split}-"
        paths = sorted(file.path for file in manifest.files if file.path.startswith(head))
        if not paths:
            raise UsageError(f"{build} has no split {split!r}")
        units: list[Unit] = []
        first = 0
        for path in paths:
            for group, num_rows in enumerate(_group_rows(build, path)):
                units += _units(path, group, first, num_rows)
                first += num_rows
        return cls(build, manifest, units)

    def split(self, name: str) -> BuildRows | None:
        """Another split of the same build, if it has it."""
        head = f"{DATA_FOLDER}{name}-"
        has_one = any(file.path.startswith(head) for file in self.manifest.files)
        return BuildRows.open(self.build, name) if has_one else None

    def __len__(self) -> int:
        return sum(unit.count for unit in self.units)

    def of_rank(self, rank: int, num_ranks: int) -> list[Unit]:
        return [unit for unit in self.units if unit.window % num_ranks == rank]

    def unit_of(self, row: int) -> Unit:
        return self.units[bisect_right(self.units, row, key=_first) - 1]

    def read(self, unit: Unit) -> list[dict[str, Any]]:
        """The rows of a unit, plain; the row group that it lies in is kept for the next one."""
        group = _read_group(self.build, unit.path, unit.group)
        rows: list[dict[str, Any]] = group.slice(unit.offset, unit.count).to_pylist()
        return rows

    def texts(self) -> Iterator[tuple[Unit, dict[str, Any]]]:
        """Each row with the unit of it alone, without media; a row group is held at a time."""
        first = 0
        for path in dict.fromkeys(unit.path for unit in self.units):
            with _open(self.build, path) as file:
                for group in range(file.num_row_groups):
                    rows = file.read_row_group(group, columns=list(_TEXT_COLUMNS)).to_pylist()
                    for offset, row in enumerate(rows):
                        yield Unit(path, group, offset, first + offset, 1), row
                    first += len(rows)


def _first(unit: Unit) -> int:
    return unit.first


def _units(path: str, group: int, first: int, num_rows: int) -> Iterator[Unit]:
    offset = 0
    while offset < num_rows:
        row = first + offset
        count = min(_UNIT_ROWS, num_rows - offset, WINDOW_ROWS - row % WINDOW_ROWS)
        yield Unit(path, group, offset, row, count)
        offset += count


def _open(build: str, path: str) -> pq.ParquetFile:
    fs, place = filesystem(join(build, path))
    try:
        return pq.ParquetFile(fs.open(place, "rb"))
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise IntegrityError(f"{path} of the build cannot be read ({error})") from error


def _group_rows(build: str, path: str) -> list[int]:
    with _open(build, path) as file:
        return [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]


@lru_cache(maxsize=2)
def _read_group(build: str, path: str, group: int) -> pa.Table:
    with _open(build, path) as file:
        return file.read_row_group(group, columns=list(_COLUMNS))
