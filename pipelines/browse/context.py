"""What is browsed: a build with its store, or a store alone; opened once, read page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

import filters
from filters.base import Measure
from manifests.build import MANIFEST_NAME, BuildManifest, load_manifest
from manifests.errors import UsageError
from manifests.storage import exists, join
from pipelines.browse.entries import Entries
from pipelines.browse.pictures import Handed
from pipelines.browse.samples import Samples
from pipelines.browse.scores import Scores
from pipelines.browse.store_rows import StoreRows
from pipelines.browse.thresholds import Thresholds
from pipelines.build_store import BuildStore, open_build_store
from pipelines.judge import Rule
from pipelines.ledger_filters import Rules, build_filters
from pipelines.measures import missing


@dataclass(frozen=True, slots=True)
class Build:
    """What only a build has; `gone` says why some of its filters cannot judge now."""

    manifest: BuildManifest
    samples: Samples
    entries: Entries
    gone: dict[str, str]


@dataclass(frozen=True, slots=True)
class Context:
    """`build` is None where a store is browsed; `rows` are the ledger's, or all of the store."""

    where: str
    store: BuildStore
    scores: Scores
    rows: Entries | StoreRows
    thresholds: Thresholds
    build: Build | None
    handed: Handed = field(default_factory=Handed)


def open_context(where: str, store: str | None) -> Context:
    """UsageError where there is neither a finished build nor a store."""
    if exists(join(where, MANIFEST_NAME)):
        return _open_build(where, store)
    if not any(exists(join(where, folder)) for folder in ("rows", "media")):
        raise UsageError(
            f"{where} is neither a finished build (it has no {MANIFEST_NAME}) nor a store (it has "
            "no folder rows or media)"
        )
    if store is not None:
        raise UsageError(f"{where} is a store itself; leave --store out")
    return _open_store(where)


def _open_build(where: str, store: str | None) -> Context:
    manifest = load_manifest(where)
    found = open_build_store(where, store)
    said = build_filters(where)
    scores = Scores(found, said.rules)
    entries = Entries(where, manifest, scores)
    build = Build(manifest, Samples(where, manifest), entries, said.gone)
    return Context(where, found, scores, entries, Thresholds(scores, entries), build)


def _open_store(where: str) -> Context:
    store = open_build_store("", where)
    if not store.is_there:
        raise UsageError(f"the store {where} holds no rows yet; a build fills it")
    scores = Scores(store, _measured_rules(store))
    rows = StoreRows(store, scores)
    return Context(where, store, scores, rows, Thresholds(scores, rows), None)


def _measured_rules(store: BuildStore) -> Rules:
    """Filters that measured something here, each with its default thresholds."""
    firsts: dict[str, list[str]] = {
        level: [join(store.store, path) for path in {e.source: e.path for e in found}.values()]
        for level, found in (("sample", store.rows), ("media", store.media))
    }
    found = {}
    for name, filter_ in filters.discover().items():
        if all(_is_measured(firsts[part.level], part) for part in filter_.parts):
            try:
                found[name] = Rule(filter_, filter_.params_type(), {})
            except ValidationError:  # it has no defaults: nobody said what it is to drop
                continue
    return found


def _is_measured(folders: Sequence[str], measure: Measure) -> bool:
    return any(not missing(folder, [measure]) for folder in folders)
