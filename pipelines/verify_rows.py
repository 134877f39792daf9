"""The rows of a build, held against its plan and manifest: the second half of `mixture verify`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from manifests.build import (
    CONTENT_COLUMNS,
    DATA_FOLDER,
    MANIFEST_NAME,
    VALIDATION,
    BuildManifest,
    OutputFile,
)
from manifests.errors import IntegrityError, invalid_fields
from manifests.images import ImageError, probe_image
from manifests.schema import SAMPLE_SCHEMA, Sample
from manifests.storage import filesystem, join
from mixtures.order import WINDOW_ROWS
from mixtures.plan import Plan
from mixtures.prefix import prefix_deviations

PLAN_NAME = "plan.json"
# Rows read at once: a row group holds at most 32 MB, so this bounds memory well below rule 9.
_BATCH_ROWS = 64
_TOKENS = ("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens")


def files_below(folder: str, manifest: BuildManifest) -> list[OutputFile]:
    return [file for file in manifest.files if file.path.startswith(folder)]


def fail(where: str, what: str) -> IntegrityError:
    return IntegrityError(f"{where}: {what}; the build is not what its manifest says: rebuild it")


class BuiltRows:
    """What the data files hold, gathered file by file."""

    def __init__(self, build: str, manifest: BuildManifest, plan: Plan) -> None:
        self._build = build
        self._manifest = manifest
        self._plan = plan
        self.ids: Counter[str] = Counter()  # of the train split
        self.held: Counter[str] = Counter()  # of the validation split
        # By source: (subset, file, row, id) of every upstream row that a sample came from.
        self.origins: dict[str, set[tuple[str, str, int, str]]] = {}
        self._seen: set[tuple[str, str, int]] = set()
        self._places = {leaf.path: leaf.index for leaf in plan.recipe.leaves()}
        self._leaves: list[int] = []
        self._totals: Counter[str] = Counter()
        self._held_totals: Counter[str] = Counter()
        self._held_rows: Counter[str] = Counter()  # by component
        self._contents: Counter[tuple[str, ...]] = Counter()  # rows of the train split
        self._content_tokens: Counter[tuple[str, ...]] = Counter()

    def read(self, expected: OutputFile) -> None:
        path = expected.path
        fs, base = filesystem(join(self._build, path))
        with fs.open(base, "rb") as handle:
            file = pq.ParquetFile(handle)
            if not _is_sample_schema(file.schema_arrow):
                raise fail(path, "its schema is not the sample schema")
            if file.metadata.num_rows != expected.rows:
                raise fail(path, f"it holds {file.metadata.num_rows} rows, not {expected.rows}")
            at = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for row in batch.to_pylist():
                    self._check_row(f"{path} row {at}", row, path.startswith(VALIDATION))
                    at += 1

    def _check_row(self, where: str, row: dict[str, Any], is_held: bool) -> None:
        try:
            sample = Sample.model_validate(row)
        except ValidationError as error:
            raise fail(where, invalid_fields(error)) from error
        key = (sample.component, sample.id, sample.repeat)
        if key in self._seen:
            raise fail(where, f"id {sample.id} pass {sample.repeat} occurs twice")
        self._seen.add(key)
        if is_held:
            self._held_rows[sample.component] += 1
            self.held[sample.id] += 1
        elif sample.component not in self._places:
            raise fail(where, f"the plan has no component {sample.component!r} for the row")
        else:
            self._leaves.append(self._places[sample.component])
            self.ids[sample.id] += 1
            what = tuple(row[name] for name in CONTENT_COLUMNS)
            self._contents[what] += 1
            self._content_tokens[what] += sample.num_tokens
        for origin in sample.origins:
            place = (origin.subset, origin.file, origin.row, sample.id)
            self.origins.setdefault(origin.source, set()).add(place)
        totals = self._held_totals if is_held else self._totals
        totals["num_images"] += len(sample.images)
        for name in _TOKENS:
            totals[name] += row[name]
        _check_media(where, sample)

    def check_totals(self) -> None:
        for name in ("num_images", *_TOKENS):
            stated, found = getattr(self._manifest, name), self._totals[name]
            if found != stated:
                raise fail(MANIFEST_NAME, f"its {name} is {stated}, the data files hold {found}")
        held = self._manifest.validation
        stated_held = held.model_dump(exclude={"share", "shares_media"}) if held else {}
        found_held = {"rows": dict(self._held_rows), **self._held_totals} if held else {}
        for name, value in stated_held.items():
            if found_held.get(name, 0) != value:
                told = f"its validation.{name} is {value}, the data files hold {found_held[name]}"
                raise fail(MANIFEST_NAME, told)

    def check_contents(self) -> None:
        """Builds of before contents were counted say nothing of them."""
        for part in self._manifest.contents:
            what = tuple(getattr(part, name) for name in CONTENT_COLUMNS)
            rows, tokens = self._contents[what], self._content_tokens[what]
            if (part.rows, part.tokens) != (rows, tokens):
                stated = f"{part.rows} rows and {part.tokens} tokens of {', '.join(what)}"
                found = f"the data files hold {rows} and {tokens}"
                raise fail(MANIFEST_NAME, f"its contents state {stated}, {found}")

    def check_apart(self) -> None:
        """Content that is held out is not trained on, whichever source it comes from."""
        held = {found.rpartition("/")[2]: found for found in self.held}
        for found in self.ids:
            other = held.get(found.rpartition("/")[2])
            if other is not None:
                what = f"{other} is in the validation split, and {found} in the train split"
                raise fail(DATA_FOLDER, what)

    def check_order(self) -> None:
        """Quotas, and the shares of every prefix of whole windows."""
        recipe = self._plan.recipe
        leaves = np.array(self._leaves, dtype=np.int32)
        counts = np.bincount(leaves, minlength=len(self._plan.leaves))
        for part, count in zip(self._plan.leaves, counts.tolist(), strict=True):
            if part.quota != count:
                what = f"{part.path} has the quota {part.quota}, the data files {count} rows"
                raise fail(PLAN_NAME, what)
        for deviation in prefix_deviations(recipe, leaves):
            if not deviation.is_exact:
                end = self._worst_end(leaves, deviation.path)
                off = f"{float(deviation.of_whole):.2f} rows off the share of {deviation.path}"
                raise fail(self._place(end), f"the rows up to here are {off}")

    def _place(self, row: int) -> str:
        """Data file and row in it of a row of the whole build."""
        for file in files_below(DATA_FOLDER, self._manifest):
            if row < file.rows:
                return f"{file.path} row {row}"
            row -= file.rows
        raise AssertionError("every row lies in a data file")

    def _worst_end(self, leaves: npt.NDArray[np.int32], path: str) -> int:
        """The last row of the whole windows that are furthest off the component's share."""
        inside = [
            leaf.index
            for leaf in self._plan.recipe.leaves()
            if f"{leaf.path}/".startswith(f"{path}/")
        ]
        is_inside = np.isin(leaves, inside)
        ends = np.arange(WINDOW_ROWS, len(leaves), WINDOW_ROWS)
        off = np.abs(np.cumsum(is_inside)[ends - 1] - ends * is_inside.mean())
        return int(ends[off.argmax()]) - 1


def _is_sample_schema(schema: pa.Schema) -> bool:
    """Same names and types, and the features by which `datasets` decodes images."""
    key = b"huggingface"
    mine = SAMPLE_SCHEMA.metadata[key]
    return bool(schema.equals(SAMPLE_SCHEMA)) and (schema.metadata or {}).get(key) == mine


def _check_media(where: str, sample: Sample) -> None:
    items = [item.type for message in sample.messages for item in message.content]
    num_images = len(sample.images)
    if items.count("image") != num_images or "video" in items:
        raise fail(where, f"{items.count('image')} image items for {num_images} images")
    if len(sample.media) != num_images:
        raise fail(where, f"{len(sample.media)} media infos for {num_images} images")
    for number, (image, info) in enumerate(zip(sample.images, sample.media, strict=True)):
        _check_image(f"{where} image {number}", image.bytes, info.width, info.height)


def _check_image(where: str, data: bytes | None, width: int, height: int) -> None:
    if data is None:
        raise fail(where, "it has no bytes")
    try:
        facts = probe_image(data)
    except ImageError as error:
        raise fail(where, f"it does not open ({error.reason})") from error
    if (facts.width, facts.height) != (width, height):
        raise fail(where, f"it is {facts.width}x{facts.height}, not {width}x{height}")
