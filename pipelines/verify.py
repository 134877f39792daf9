"""`mixture verify`: re-reads a build and proves what its manifest says; trusts no other record.

Checks, in order: every file's size and SHA-256, no file too many; schema; ids and passes unique;
as many image items as images, each of which opens at its stated size; quotas of the plan; the
shares of every prefix that ends on a window; the ledger against the rows and the funnel.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.build import BuildManifest, load_manifest
from manifests.errors import IntegrityError
from manifests.ledger import Fate
from manifests.schema import SAMPLE_SCHEMA
from manifests.storage import filesystem, join, list_files, read_bytes
from mixtures.assign import NO_LEAF, assign
from mixtures.plan import Plan
from mixtures.prefix import prefix_deviations
from pipelines.images import ImageError, probe_image
from pipelines.why import read_ledger

_CHUNK = 1 << 20
# Rows read at once: a row group holds at most 32 MB, so this bounds memory well below rule 9.
_BATCH_ROWS = 64


def verify(build: str, on_file: Callable[[str], None]) -> BuildManifest:
    """The manifest, if all of it holds; IntegrityError with the exact file otherwise."""
    manifest = load_manifest(build)
    for file in manifest.files:
        _check_file(build, file.path, file.bytes, file.sha256)
        on_file(file.path)
    _check_no_others(build, manifest)
    facts = _Facts(build, manifest)
    for file in manifest.files:
        if file.path.startswith("data/"):
            facts.read(file.path, file.rows)
            on_file(file.path)
    facts.check_totals()
    _check_ledger(build, manifest, facts.ids)
    return manifest


def _fail(where: str, what: str) -> IntegrityError:
    return IntegrityError(f"{where}: {what}; the build is not what its manifest says: rebuild it")


def _check_file(build: str, path: str, size: int, sha256: str) -> None:
    fs, base = filesystem(join(build, path))
    if not fs.exists(base):
        raise _fail(path, "the file is missing")
    state = hashlib.sha256()
    seen = 0
    with fs.open(base, "rb") as handle:
        while chunk := handle.read(_CHUNK):
            state.update(chunk)
            seen += len(chunk)
    if seen != size:
        raise _fail(path, f"the file has {seen} bytes, not {size}")
    if state.hexdigest() != sha256:
        raise _fail(path, f"the file's sha256 is {state.hexdigest()}, not {sha256}")


def _check_no_others(build: str, manifest: BuildManifest) -> None:
    known = {file.path for file in manifest.files}
    for folder in ("data", "ledger"):
        for name in list_files(join(build, folder)):
            if f"{folder}/{name}" not in known:
                raise _fail(f"{folder}/{name}", "the file is not in the manifest")


class _Facts:
    """What the data files hold, gathered file by file."""

    def __init__(self, build: str, manifest: BuildManifest) -> None:
        self._build = build
        self._manifest = manifest
        self._plan = Plan.from_json(read_bytes(join(build, "plan.json")), join(build, "plan.json"))
        self.ids: Counter[str] = Counter()
        self._seen: set[tuple[str, int]] = set()
        self._claims: list[pl.DataFrame] = []
        self._tokens = 0

    def read(self, path: str, rows: int) -> None:
        fs, base = filesystem(join(self._build, path))
        with fs.open(base, "rb") as handle:
            file = pq.ParquetFile(handle)
            if not _is_sample_schema(file.schema_arrow):
                raise _fail(path, "its schema is not the sample schema")
            if file.metadata.num_rows != rows:
                raise _fail(path, f"it holds {file.metadata.num_rows} rows, not {rows}")
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
        key = (row["id"], row["repeat"])
        if key in self._seen:
            raise _fail(where, f"id {row['id']} pass {row['repeat']} occurs twice")
        self._seen.add(key)
        self.ids[row["id"]] += 1
        self._tokens += row["num_tokens"]
        items = [i["type"] for m in row["messages"] for i in m["content"]]
        if items.count("image") != len(row["images"]) or "video" in items:
            message = f"{items.count('image')} image items for {len(row['images'])} images"
            raise _fail(where, message)
        if len(row["media"]) != len(row["images"]):
            raise _fail(where, f"{len(row['media'])} media infos for {len(row['images'])} images")
        for number, (image, info) in enumerate(zip(row["images"], row["media"], strict=True)):
            _check_image(f"{where} image {number}", image["bytes"], info)

    def check_totals(self) -> None:
        manifest = self._manifest
        total = sum(self.ids.values())
        if total != manifest.num_rows:
            raise _fail("data", f"there are {total} rows, not {manifest.num_rows}")
        if self._tokens != manifest.num_tokens:
            raise _fail("data", f"rows hold {self._tokens} tokens, not {manifest.num_tokens}")
        leaves = assign(self._plan.recipe, pl.concat(self._claims))
        if (leaves == NO_LEAF).any():
            raise _fail("data", "a row belongs to no component of the plan")
        for part, count in zip(self._plan.leaves, np.bincount(leaves), strict=True):
            if part.quota != count:
                raise _fail("data", f"{part.path} has {count} rows, its quota is {part.quota}")
        for deviation in prefix_deviations(self._plan.recipe, leaves):
            if not deviation.is_exact:
                off = f"{float(deviation.of_whole):.2f} rows"
                raise _fail("data", f"a prefix is {off} off the share of {deviation.path}")


def _is_sample_schema(schema: pa.Schema) -> bool:
    """Same names and types, and the features by which `datasets` decodes images."""
    key = b"huggingface"
    mine = SAMPLE_SCHEMA.metadata[key]
    return bool(schema.equals(SAMPLE_SCHEMA)) and (schema.metadata or {}).get(key) == mine


def _check_image(where: str, data: bytes | None, info: dict[str, Any]) -> None:
    if data is None:
        raise _fail(where, "it has no bytes")
    try:
        facts = probe_image(data)
    except ImageError as error:
        raise _fail(where, f"it does not open ({error.reason})") from error
    if (facts.width, facts.height) != (info["width"], info["height"]):
        stated = f"{info['width']}x{info['height']}"
        raise _fail(where, f"it is {facts.width}x{facts.height}, not {stated}")


def _check_ledger(build: str, manifest: BuildManifest, ids: Counter[str]) -> None:
    ledger = read_ledger(build)
    read = sum(entry.read for entry in manifest.funnel)
    if ledger.height != read:
        raise _fail("ledger", f"it has {ledger.height} rows, the funnel read {read}")
    counts = ledger.group_by("source", "subset", "fate").len().to_dicts()
    found = {(c["source"], c["subset"], c["fate"]): c["len"] for c in counts}
    stated = {
        (entry.source, entry.subset, fate): count
        for entry in manifest.funnel
        for fate, count in entry.fates.items()
        if count
    }
    if found != stated:
        raise _fail("ledger", "its fates are not those of the funnel")
    kept = set(ledger.filter(pl.col("fate") == Fate.KEPT)["id"].to_list())
    if kept != set(ids):
        raise _fail("ledger", f"{len(kept ^ set(ids))} ids are only in the ledger or only in data")
