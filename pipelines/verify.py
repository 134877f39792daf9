"""`mixture verify`: re-reads a build and proves what its manifest says; trusts no other record.

Checks, in order: every file's size and SHA-256, no file too many; the manifest against the plan;
schema and types; ids and passes unique; as many image items as images, each of which opens at its
stated size; totals and quotas; the shares of every prefix that ends on a window; each ledger file
against the rows and the funnel. What fails is told with the file in which it was found.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from manifests.build import (
    DATA_FOLDER,
    LEDGER_FOLDER,
    MANIFEST_NAME,
    BuildManifest,
    OutputFile,
    load_manifest,
    schema_fingerprint,
)
from manifests.errors import IntegrityError, invalid_fields
from manifests.ledger import LEDGER_SCHEMA, Fate
from manifests.schema import SAMPLE_SCHEMA, Sample
from manifests.storage import filesystem, join, list_files, read_bytes, read_parquet
from mixtures.assign import NO_LEAF, assign
from mixtures.order import WINDOW_ROWS
from mixtures.plan import Plan
from mixtures.prefix import prefix_deviations
from pipelines.finish import component_rows, revisions
from pipelines.images import ImageError, probe_image

_CHUNK = 1 << 20
# Rows read at once: a row group holds at most 32 MB, so this bounds memory well below rule 9.
_BATCH_ROWS = 64
_PLAN = "plan.json"


def verify(build: str, on_file: Callable[[str], None]) -> BuildManifest:
    """The manifest, if all of it holds; IntegrityError with the exact file otherwise."""
    manifest = load_manifest(build)
    for file in manifest.files:
        _check_file(build, file)
        on_file(file.path)
    _check_no_others(build, manifest)
    plan = _check_plan(build, manifest)
    facts = _Facts(build, manifest, plan)
    for file in _below(DATA_FOLDER, manifest):
        with _readable(file.path):
            facts.read(file)
        on_file(file.path)
    facts.check_totals()
    facts.check_order()
    for file in _below(LEDGER_FOLDER, manifest):
        with _readable(file.path):
            _check_ledger(build, manifest, file, facts.ids)
        on_file(file.path)
    return manifest


def _below(folder: str, manifest: BuildManifest) -> list[OutputFile]:
    return [file for file in manifest.files if file.path.startswith(folder)]


def _fail(where: str, what: str) -> IntegrityError:
    return IntegrityError(f"{where}: {what}; the build is not what its manifest says: rebuild it")


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """What readers raise of a file whose digest is right and whose content is not."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _fail(path, f"it cannot be read ({str(error).splitlines()[0]})") from error


def _check_file(build: str, file: OutputFile) -> None:
    fs, base = filesystem(join(build, file.path))
    if not fs.isfile(base):
        raise _fail(file.path, "the file is missing")
    state = hashlib.sha256()
    seen = 0
    with fs.open(base, "rb") as handle:
        while chunk := handle.read(_CHUNK):
            state.update(chunk)
            seen += len(chunk)
    if seen != file.bytes:
        raise _fail(file.path, f"the file has {seen} bytes, not {file.bytes}")
    if state.hexdigest() != file.sha256:
        raise _fail(file.path, f"the file's sha256 is {state.hexdigest()}, not {file.sha256}")


def _check_no_others(build: str, manifest: BuildManifest) -> None:
    known = {file.path for file in manifest.files}
    for folder in (DATA_FOLDER, LEDGER_FOLDER):
        for name in list_files(join(build, folder)):
            if folder + name not in known:
                raise _fail(folder + name, "the file is not in the manifest")


def _check_plan(build: str, manifest: BuildManifest) -> Plan:
    """The plan, if the manifest lists it and says of it what it says itself."""
    if _PLAN not in {file.path for file in manifest.files}:
        raise _fail(MANIFEST_NAME, f"it does not list {_PLAN}")
    plan = Plan.from_json(read_bytes(join(build, _PLAN)), _PLAN)
    stated = {
        "plan_digest": plan.digest,
        "recipe": plan.recipe.name,
        "seed": plan.seed,
        "processor": plan.processor,
        "tokens_estimated": plan.tokens_estimated,
        "revisions": revisions(plan),
        "components": component_rows(plan),
        "num_rows": plan.total,
        "schema_fingerprint": schema_fingerprint(),
    }
    for name, value in stated.items():
        if getattr(manifest, name) != value:
            raise _fail(MANIFEST_NAME, f"its {name} is not that of {_PLAN}")
    return plan


class _Facts:
    """What the data files hold, gathered file by file."""

    def __init__(self, build: str, manifest: BuildManifest, plan: Plan) -> None:
        self._build = build
        self._manifest = manifest
        self._plan = plan
        self.ids: Counter[str] = Counter()
        self._seen: set[tuple[str, int]] = set()
        self._claims: list[pl.DataFrame] = []
        self._totals: Counter[str] = Counter()

    def read(self, expected: OutputFile) -> None:
        path = expected.path
        fs, base = filesystem(join(self._build, path))
        with fs.open(base, "rb") as handle:
            file = pq.ParquetFile(handle)
            if not _is_sample_schema(file.schema_arrow):
                raise _fail(path, "its schema is not the sample schema")
            if file.metadata.num_rows != expected.rows:
                raise _fail(path, f"it holds {file.metadata.num_rows} rows, not {expected.rows}")
            at = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                self._claim(batch)
                for row in batch.to_pylist():
                    self._check_row(f"{path} row {at}", row)
                    at += 1

    def _claim(self, batch: Any) -> None:
        names = ["source", "subset", "modality", "category"]
        self._claims.append(pl.DataFrame(pl.from_arrow(batch.select(names))))

    def _check_row(self, where: str, row: dict[str, Any]) -> None:
        try:
            sample = Sample.model_validate(row)
        except ValidationError as error:
            raise _fail(where, invalid_fields(error)) from error
        if (sample.id, sample.repeat) in self._seen:
            raise _fail(where, f"id {sample.id} pass {sample.repeat} occurs twice")
        self._seen.add((sample.id, sample.repeat))
        self.ids[sample.id] += 1
        self._totals["num_images"] += len(sample.images)
        for name in _TOKENS:
            self._totals[name] += row[name]
        _check_media(where, sample)

    def check_totals(self) -> None:
        for name in ("num_images", *_TOKENS):
            stated, found = getattr(self._manifest, name), self._totals[name]
            if found != stated:
                raise _fail(MANIFEST_NAME, f"its {name} is {stated}, the data files hold {found}")

    def check_order(self) -> None:
        """Quotas, and the shares of every prefix of whole windows."""
        recipe = self._plan.recipe
        leaves = assign(recipe, pl.concat(self._claims))
        if (leaves == NO_LEAF).any():
            where = self._place(int((leaves == NO_LEAF).argmax()))
            raise _fail(where, "the row belongs to no component of the plan")
        counts = np.bincount(leaves, minlength=len(self._plan.leaves))
        for part, count in zip(self._plan.leaves, counts.tolist(), strict=True):
            if part.quota != count:
                raise _fail(_PLAN, f"{part.path} has the quota {part.quota}, data has {count} rows")
        for deviation in prefix_deviations(recipe, leaves):
            if not deviation.is_exact:
                end = self._worst_end(leaves, deviation.path)
                off = f"{float(deviation.of_whole):.2f} rows off the share of {deviation.path}"
                raise _fail(self._place(end), f"the rows up to here are {off}")

    def _place(self, row: int) -> str:
        """Data file and row in it of a row of the whole build."""
        for file in _below(DATA_FOLDER, self._manifest):
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


_TOKENS = ("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens")


def _is_sample_schema(schema: pa.Schema) -> bool:
    """Same names and types, and the features by which `datasets` decodes images."""
    key = b"huggingface"
    mine = SAMPLE_SCHEMA.metadata[key]
    return bool(schema.equals(SAMPLE_SCHEMA)) and (schema.metadata or {}).get(key) == mine


def _check_media(where: str, sample: Sample) -> None:
    items = [item.type for message in sample.messages for item in message.content]
    num_images = len(sample.images)
    if items.count("image") != num_images or "video" in items:
        raise _fail(where, f"{items.count('image')} image items for {num_images} images")
    if len(sample.media) != num_images:
        raise _fail(where, f"{len(sample.media)} media infos for {num_images} images")
    for number, (image, info) in enumerate(zip(sample.images, sample.media, strict=True)):
        _check_image(f"{where} image {number}", image.bytes, info.width, info.height)


def _check_image(where: str, data: bytes | None, width: int, height: int) -> None:
    if data is None:
        raise _fail(where, "it has no bytes")
    try:
        facts = probe_image(data)
    except ImageError as error:
        raise _fail(where, f"it does not open ({error.reason})") from error
    if (facts.width, facts.height) != (width, height):
        raise _fail(where, f"it is {facts.width}x{facts.height}, not {width}x{height}")


def _check_ledger(build: str, manifest: BuildManifest, file: OutputFile, ids: Counter[str]) -> None:
    """One source's ledger against the funnel and against the ids that were emitted."""
    path = file.path
    source = path.removeprefix(LEDGER_FOLDER).removesuffix(".parquet")
    table = read_parquet(join(build, path))
    if not table.schema.equals(LEDGER_SCHEMA):
        raise _fail(path, "its schema is not the ledger schema")
    if table.num_rows != file.rows:
        raise _fail(path, f"it holds {table.num_rows} rows, not {file.rows}")
    ledger = pl.DataFrame(pl.from_arrow(table))
    stated = {
        (entry.source, entry.subset, str(fate)): count
        for entry in manifest.funnel
        for fate, count in entry.fates.items()
        if count and entry.source == source
    }
    counts = ledger.group_by("source", "subset", "fate").len()
    if {row[:3]: row[3] for row in counts.iter_rows()} != stated:
        raise _fail(path, "its fates are not those of the funnel")
    kept = set(ledger.filter(pl.col("fate") == Fate.KEPT)["id"].to_list())
    emitted = {found for found in ids if found.startswith(f"{source}/")}
    if kept != emitted:
        raise _fail(path, f"{len(kept ^ emitted)} ids are only here or only in the data files")
