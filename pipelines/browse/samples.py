"""The samples of a build, read from its Parquet: small columns of a file to find rows in it, whole
rows of a page alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests.build import DATA_FOLDER, TRAIN, VALIDATION, BuildManifest
from manifests.errors import UsageError
from manifests.schema import MODALITIES, SAMPLE_SCHEMA
from manifests.storage import join, parquet_batches, read_parquet
from pipelines.browse.asked import Asked
from pipelines.browse.selected import Found, Recent, Selected

SPLITS = {"train": TRAIN, "validation": VALIDATION}
# What a sample is looked for by, and numbers of it.
WORDS = ("split", "source", "modality", "category", "component", "id")
NUMBERS = ("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens")
_READ = [name for name in SAMPLE_SCHEMA.names if name not in ("images", "videos")]
# Rows are decoded so many at a time: pictures of a sample may have megabytes.
_BATCH_ROWS = 16
# Bytes of pictures of samples that were shown last.
_PICTURE_BYTES = 96 << 20
_QUESTIONS = 8


@dataclass(frozen=True, slots=True)
class DataFile:
    path: str
    rows: int


class Samples:
    """Rows of the data files, train first."""

    def __init__(self, build: str, manifest: BuildManifest) -> None:
        self._build = build
        self._manifest = manifest
        named = [file for file in manifest.files if file.path.startswith(DATA_FOLDER)]
        named.sort(key=lambda file: (not file.path.startswith(TRAIN), file.path))
        self.files = [DataFile(file.path, file.rows) for file in named]
        self._selected: Recent[Selected] = Recent(_QUESTIONS)
        self._pictures: Recent[list[bytes | None]] = Recent(
            _PICTURE_BYTES, lambda data: sum(len(blob or b"") for blob in data)
        )

    def options(self) -> dict[str, list[str]]:
        """Words that the fields of a form offer, by the manifest."""
        contents = self._manifest.contents
        found = {
            name: sorted({str(getattr(part, name)) for part in contents})
            for name in ("source", "category")
        }
        if not contents:  # of a build before it was there
            found["source"] = sorted({entry.source for entry in self._manifest.funnel})
        modalities = {part.modality for part in contents}
        return {
            "split": list(SPLITS) if self._manifest.validation else [],
            "modality": [name for name in MODALITIES if name in modalities or not contents],
            "component": [part.name for part in self._manifest.components],
            **found,
        }

    def select(self, asked: Asked, ids: pl.Series | None) -> Selected:
        """The samples that fit; `ids` are those that the scores which are asked for let in."""
        return self._selected.get(
            asked.question, lambda: Selected([self._found(file, asked, ids) for file in self.files])
        )

    def _found(self, file: DataFile, asked: Asked, ids: pl.Series | None) -> Found:
        split = asked.word("split")
        if split and not file.path.startswith(SPLITS.get(split, split)):
            return Found(0)
        words = [pair for pair in asked.words if pair[0] != "split"]
        spans = [span for span in asked.spans if not span.is_score]
        fits = [_is(name, word) for name, word in words]
        fits += [span.fits(pl.col(span.name)) for span in spans]
        names = {name for name, _ in words} | {span.name for span in spans}
        if ids is not None:
            fits.append(pl.col("id").is_in(ids.implode()))
            names.add("id")
        if not fits:
            return Found(file.rows)
        table = read_parquet(join(self._build, file.path), sorted(names))
        mask = pl.DataFrame(pl.from_arrow(table)).select(fits=pl.all_horizontal(fits)).to_series()
        return Found(int(mask.sum()), mask)

    def read(self, places: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
        """Rows without their pictures, each with its `file` and `row`."""
        found: dict[tuple[int, int], dict[str, Any]] = {}
        for unit in dict.fromkeys(unit for unit, _ in places):
            rows = [row for other, row in places if other == unit]
            found |= {(unit, row): sample for row, sample in self._rows(unit, rows, _READ).items()}
        return [found[place] | {"file": place[0], "row": place[1]} for place in places]

    def pictures(self, unit: int, row: int) -> list[bytes | None]:
        """The encoded pictures of a sample, as it holds them."""
        return self._pictures.get((unit, row), lambda: self._read_pictures(unit, row))

    def check(self, unit: int, row: int) -> None:
        """UsageError for a row that is not in the build."""
        if not (unit < len(self.files) and row < self.files[unit].rows):
            raise UsageError(f"the build has no row {row} of file {unit}")

    def _read_pictures(self, unit: int, row: int) -> list[bytes | None]:
        self.check(unit, row)
        return [file["bytes"] for file in self._rows(unit, [row], ["images"])[row]["images"]]

    def _rows(
        self, unit: int, rows: Sequence[int], columns: list[str]
    ) -> dict[int, dict[str, Any]]:
        """Some rows of a file, by their places in it; row groups that hold none are passed over."""
        path = join(self._build, self.files[unit].path)
        left = sorted(set(rows))
        found: dict[int, dict[str, Any]] = {}
        while left:
            num_left = len(left)
            for first, batch in parquet_batches(path, _BATCH_ROWS, left[0], left[0], columns):
                while left and left[0] < first + batch.num_rows:
                    row = left.pop(0)
                    (found[row],) = batch.slice(row - first, 1).to_pylist()
                if not left:
                    break
            if len(left) == num_left:
                raise UsageError(f"{path} has no row {left[0]}")
        return found


def _is(name: str, word: str) -> pl.Expr:
    """Whether a column is the word; a component is also in those above it."""
    if name == "component":
        return (pl.col(name) == word) | pl.col(name).str.starts_with(f"{word}/")
    return pl.col(name) == word
