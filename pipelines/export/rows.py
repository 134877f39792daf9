"""Rows of a build as an export takes them: by row group, with their place in the split."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from manifests.build import DATA_FOLDER, BuildManifest
from manifests.errors import IntegrityError, UsageError
from manifests.images import ImageError, image_suffix, open_image
from manifests.storage import join, parquet_batches

_SHARD = re.compile(rf"{DATA_FOLDER}(?P<split>\w+)-(?P<name>\d+-of-\d+)\.parquet")
# Rows made plain at once: a row group holds at most 32 MB, so memory does not grow with a build.
_BATCH_ROWS = 64


class LeftOut(Exception):
    """A row that the format cannot hold; its text is the reason, a word of docs/export.md."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A data file of the build: `first` is the number of its first row in the split."""

    path: str
    split: str
    first: int
    num_rows: int

    @property
    def name(self) -> str:
        """`train-00000-of-00008`"""
        return self.path.removeprefix(DATA_FOLDER).removesuffix(".parquet")


@dataclass(frozen=True, slots=True)
class Row:
    """A sample as plain values; `number` is its place in the split."""

    split: str
    number: int
    values: dict[str, Any]

    @property
    def key(self) -> str:
        """One word without dots, of no other row: `train-000000042`."""
        return f"{self.split}-{self.number:09d}"

    def images(self) -> list[tuple[str, bytes]]:
        """(suffix by the real format, the bytes as they are) of each image."""
        return [self._image(file["bytes"]) for file in self.values["images"]]

    def _image(self, data: bytes | None) -> tuple[str, bytes]:
        try:
            return image_suffix(open_image(data or b"").format or ""), data or b""
        except ImageError as error:
            raise IntegrityError(
                f"an image of {self.values['id']} does not open ({error.reason}); the build is "
                "damaged: run `mixture verify` on it, and rebuild it"
            ) from error


def shards_of(build: str, manifest: BuildManifest) -> list[Shard]:
    """The build's data files, by split and number."""
    found: list[Shard] = []
    first: dict[str, int] = {}
    for file in sorted(manifest.files, key=lambda file: file.path):
        if not file.path.startswith(DATA_FOLDER):
            continue
        named = _SHARD.fullmatch(file.path)
        if named is None:
            raise UsageError(
                f"{file.path} of {build} is not named SPLIT-00000-of-00001.parquet, so its split "
                "is not known"
            )
        split = named["split"]
        found.append(Shard(file.path, split, first.get(split, 0), file.rows))
        first[split] = first.get(split, 0) + file.rows
    return found


def read_rows(build: str, shard: Shard) -> Iterator[Row]:
    """Its rows in order; IntegrityError where the file is damaged or missing."""
    try:
        batches = parquet_batches(join(build, shard.path), _BATCH_ROWS, 0, shard.num_rows)
        for start, batch in batches:
            for place, values in enumerate(batch.to_pylist()):
                yield Row(shard.split, shard.first + start + place, values)
    except FileNotFoundError as error:
        raise IntegrityError(f"{shard.path} of {build} is missing; rebuild it") from error
