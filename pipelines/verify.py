"""`mixture verify`: re-reads a build and proves what its manifest says; trusts no other record.

Checks, in order: every file's size and SHA-256, no file too many; the manifest against the plan;
schema and types; ids and passes unique; as many image items as images, each of which opens at its
stated size; totals and quotas; the shares of every prefix that ends on a window; no content in both
splits; what the manifest says of contents; each ledger file against the rows, their origins and the
funnel. What fails is told with the file where it was found.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.build import (
    DATA_FOLDER,
    LEDGER_FOLDER,
    MANIFEST_NAME,
    BuildManifest,
    OutputFile,
    load_manifest,
    schema_fingerprint,
)
from manifests.ledger import LEDGER_SCHEMA, Fate
from manifests.storage import filesystem, join, list_files, read_bytes
from mixtures.plan import Plan
from pipelines.finish import component_rows, revisions
from pipelines.ledger import is_emitted
from pipelines.verify_rows import PLAN_NAME, BuiltRows, fail, files_below

_CHUNK = 1 << 20


def verify(build: str, on_file: Callable[[str], None]) -> BuildManifest:
    """The manifest, if all of it holds; IntegrityError with the exact file otherwise."""
    manifest = load_manifest(build)
    for file in manifest.files:
        _check_file(build, file)
        on_file(file.path)
    _check_no_others(build, manifest)
    plan = _check_plan(build, manifest)
    rows = BuiltRows(build, manifest, plan)
    for file in files_below(DATA_FOLDER, manifest):
        with _readable(file.path):
            rows.read(file)
        on_file(file.path)
    rows.check_totals()
    rows.check_order()
    rows.check_apart()
    rows.check_contents()
    for file in files_below(LEDGER_FOLDER, manifest):
        with _readable(file.path):
            _check_ledger(build, manifest, file, rows)
        on_file(file.path)
    return manifest


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """What readers raise of a file whose digest is right and whose content is not."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise fail(path, f"it cannot be read ({first})") from error


def _check_file(build: str, file: OutputFile) -> None:
    fs, base = filesystem(join(build, file.path))
    if not fs.isfile(base):
        raise fail(file.path, "the file is missing")
    state = hashlib.sha256()
    seen = 0
    with fs.open(base, "rb") as handle:
        while chunk := handle.read(_CHUNK):
            state.update(chunk)
            seen += len(chunk)
    if seen != file.bytes:
        raise fail(file.path, f"the file has {seen} bytes, not {file.bytes}")
    if state.hexdigest() != file.sha256:
        raise fail(file.path, f"the file's sha256 is {state.hexdigest()}, not {file.sha256}")


def _check_no_others(build: str, manifest: BuildManifest) -> None:
    known = {file.path for file in manifest.files}
    for folder in (DATA_FOLDER, LEDGER_FOLDER):
        for name in list_files(join(build, folder)):
            if folder + name not in known:
                raise fail(folder + name, "the file is not in the manifest")


def _check_plan(build: str, manifest: BuildManifest) -> Plan:
    """The plan, if the manifest lists it and says of it what it says itself."""
    if PLAN_NAME not in {file.path for file in manifest.files}:
        raise fail(MANIFEST_NAME, f"it does not list {PLAN_NAME}")
    plan = Plan.from_json(read_bytes(join(build, PLAN_NAME)), PLAN_NAME)
    stated = {
        "plan_digest": plan.digest,
        "recipe": plan.recipe.name,
        "seed": plan.seed,
        "unit": plan.recipe.unit,
        "missing": plan.missing,
        "processor": plan.processor,
        "tokens_estimated": plan.tokens_estimated,
        "revisions": revisions(plan),
        "components": component_rows(plan),
        "num_rows": plan.total,
        "schema_fingerprint": schema_fingerprint(),
    }
    for name, value in stated.items():
        if getattr(manifest, name) != value:
            raise fail(MANIFEST_NAME, f"its {name} is not that of {PLAN_NAME}")
    if not _says_held(plan, manifest):
        raise fail(MANIFEST_NAME, f"its validation is not that of {PLAN_NAME}")
    return plan


def _says_held(plan: Plan, manifest: BuildManifest) -> bool:
    """Whether the manifest says of the validation split what the plan does."""
    if plan.validation is None or manifest.validation is None:
        return plan.validation is None and manifest.validation is None
    names = type(plan.validation).model_fields
    return all(getattr(manifest.validation, n) == getattr(plan.validation, n) for n in names)


def _check_ledger(build: str, manifest: BuildManifest, file: OutputFile, rows: BuiltRows) -> None:
    """One source's ledger against the funnel, and against the ids and origins of the rows."""
    path = file.path
    source = path.removeprefix(LEDGER_FOLDER).removesuffix(".parquet")
    fs, base = filesystem(join(build, path))
    with fs.open(base, "rb") as handle:
        table = pq.read_table(handle)
    if not table.schema.equals(LEDGER_SCHEMA):
        raise fail(path, "its schema is not the ledger schema")
    if table.num_rows != file.rows:
        raise fail(path, f"it holds {table.num_rows} rows, not {file.rows}")
    ledger = pl.DataFrame(pl.from_arrow(table))
    stated = {
        (entry.source, entry.subset, str(fate)): count
        for entry in manifest.funnel
        for fate, count in entry.fates.items()
        if count and entry.source == source
    }
    counts = ledger.group_by("source", "subset", "fate").len()
    if {row[:3]: row[3] for row in counts.iter_rows()} != stated:
        raise fail(path, "its fates are not those of the funnel")
    for is_mine, ids in (
        (pl.col("fate") == Fate.KEPT, rows.ids),
        (is_emitted() & (pl.col("fate") != Fate.KEPT), rows.held),
    ):
        stated_ids = set(ledger.filter(is_mine)["id"].to_list())
        emitted = {found for found in ids if found.startswith(f"{source}/")}
        if stated_ids != emitted:
            number = len(stated_ids ^ emitted)
            raise fail(path, f"{number} ids are only here or only in the data files")
    stated_origins, found_origins = (
        _origins(ledger, rows.ids | rows.held),
        rows.origins.get(source, set()),
    )
    if stated_origins != found_origins:
        what = f"{len(stated_origins ^ found_origins)} origins of samples are only here or only in"
        raise fail(path, f"{what} the data files")


def _origins(ledger: pl.DataFrame, emitted: Counter[str]) -> set[tuple[str, str, int, str]]:
    """(subset, file, row, id of the sample) of rows that are kept, or merged into an emitted one.

    A row that adds no question to the conversation is in the ledger alone.
    """
    is_kept = is_emitted()
    is_silent = pl.col("value").str.starts_with("0 of ").fill_null(False)
    is_merged = (pl.col("fate") == Fate.MERGED) & ~is_silent
    owner = pl.when(is_kept).then("id").otherwise("matched").alias("owner")
    rows = ledger.filter(is_kept | is_merged).select("subset", "file", "row", owner)
    return {row for row in rows.iter_rows() if row[3] in emitted}
