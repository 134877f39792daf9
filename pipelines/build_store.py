"""What the store still holds of a build's rows: their texts and measures, found by their places.

A build does not name folders of the store: they are found by the upstream files that the ledger
names. Where several hold a file (another revision, a limit), the one read last comes first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import sources
from filters.base import Filter
from manifests.storage import (
    exists,
    filesystem,
    join,
    list_files,
    open_ipc,
    read_bytes,
    read_json,
    undamaged,
)
from mixtures.plan import Plan
from mixtures.policies import Policy, policy_of
from pipelines.curate import CuratedSource
from pipelines.measures import missing
from pipelines.options import default_store
from pipelines.progress import printable
from pipelines.store_files import Entry, scan
from pipelines.weights import pinned_models

_EXCERPT_CHARS = 200
_PLACE = ["row", "group"]


@dataclass(frozen=True, slots=True)
class Stored:
    """How a row's text begins, and its policy; None: neither the store nor the build has it."""

    text: str | None
    policy: Policy | None


@dataclass(frozen=True, slots=True)
class BuildStore:
    """A build and the folders of a store, of the kinds rows and media; none where there is none."""

    build: str
    store: str
    rows: tuple[Entry, ...]
    media: tuple[Entry, ...]

    @property
    def is_there(self) -> bool:
        return bool(self.rows)

    def folders(self, source: str, file: str | None = None) -> list[tuple[str, str]]:
        """(folder, upstream file) of a source's rows, or of one file's, those read last first."""
        found = [e for e in self.rows if e.source == source and file in (None, e.record["file"])]
        return [(join(self.store, e.path), str(e.record["file"])) for e in found]

    def curated(self, source: str, used: Sequence[Filter]) -> CuratedSource | None:
        """The source's folders that these filters have measured; None where there are none."""
        media = [join(self.store, e.path) for e in self.media if e.source == source]
        parts = [part for f in used for part in f.parts]
        samples = [part for part in parts if part.level == "sample"]
        rows = [entry for entry in self.folders(source) if not missing(entry[0], samples)]
        images = [part for part in parts if part.level == "media"]
        media = [folder for folder in media if not missing(folder, images)]
        if not rows:
            return None
        suffix = source in sources.names() and sources.get(source).media_lookup == "suffix"
        return CuratedSource(source, suffix, None, tuple(media), tuple(rows))


def open_build_store(build: str, store: str | None) -> BuildStore:
    """The store that was named, else that the build was made with, else the default one."""
    uri = store or _store_of(build)
    found = scan(uri) if store is not None or exists(uri) else []
    done = sorted((e for e in found if e.is_done), key=lambda e: (-e.used, e.path))
    rows, media = ([e for e in done if e.kind == kind] for kind in ("rows", "media"))
    return BuildStore(build, uri, tuple(rows), tuple(media))


def read_plan(build: str) -> Plan:
    """A build's plan; its recipe finds the user's own filters where they lay when it was built."""
    path = join(build, "plan.json")
    plan = Plan.from_json(read_bytes(path), path)
    folder = os.path.dirname(run_says(build, "recipe"))
    recipe = pinned_models(plan.recipe.lying_in(folder), plan.pins)
    return plan.model_copy(update={"recipe": recipe})


def _store_of(build: str) -> str:
    said = run_says(build, "store")
    return said if said and exists(said) else default_store()


def run_says(build: str, name: str) -> str:
    """A word of run.json, which a build that was copied may be without."""
    run = join(build, "run.json")
    return str(read_json(run).get(name) or "") if exists(run) else ""


def look_up(found: BuildStore, entries: Sequence[dict[str, Any]]) -> list[Stored]:
    """What store or build still have of ledger rows."""
    stored = [_from_store(found, entry) for entry in entries]
    wanted = {e["id"] for e, row in zip(entries, stored, strict=True) if row is None} - {None}
    written = dict(_from_build(found.build, wanted)) if wanted else {}
    return [
        row or Stored(written.get(entry["id"]), None)
        for entry, row in zip(entries, stored, strict=True)
    ]


def _from_store(found: BuildStore, entry: dict[str, Any]) -> Stored | None:
    for folder, _ in found.folders(entry["source"], entry["file"]):
        reader = open_ipc(join(folder, "samples.arrow"))
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            places = pl.DataFrame(pl.from_arrow(pa.table(batch.select(_PLACE))))
            is_it = (places["row"] == entry["row"]) & (places["group"] == entry["group"])
            if is_it.any():
                (row,) = batch.slice(int(is_it.arg_true()[0]), 1).to_pylist()
                policy = policy_of(row["kind"], _modality(row["media"]), row["category"])
                return Stored(_excerpt(row["messages"]), policy)
    return None


def _modality(media: list[dict[str, Any]]) -> str:
    """As the join has it: of a row's media, not of its subset."""
    if any(ref["kind"] == "video" for ref in media):
        return "video"
    return ("text", "image", "multi_image")[min(len(media), 2)]


def _from_build(build: str, wanted: set[str]) -> Iterator[tuple[str, str]]:
    """(id, text) of those that the build's data hold."""
    fs, base = filesystem(join(build, "data"))
    for name in list_files(join(build, "data"), ".parquet"):
        path = f"{base}/{name}"
        with undamaged(path), fs.open(path, "rb") as handle:
            file = pq.ParquetFile(handle)
            for batch in file.iter_batches(columns=["id", "messages"], use_threads=False):
                for at, sample_id in enumerate(batch.column("id").to_pylist()):
                    if sample_id in wanted:
                        said = batch.column("messages")[at].as_py()
                        # What the recipe's style says first is of no row of upstream.
                        yield sample_id, _excerpt([m for m in said if m["role"] != "system"])


def _excerpt(messages: list[dict[str, Any]]) -> str:
    """`user: [image] What is it? | assistant: A cat.`, cut off."""
    turns = []
    for message in messages or ():
        items = message["content"] or ()
        said = [i["text"] if i["type"] == "text" else f"[{i['type']}]" for i in items]
        turns.append(f"{message['role']}: {' '.join(map(str, said))}")
    return excerpt(turns)


def excerpt(parts: Sequence[str]) -> str:
    """The parts on one line, cut off; printable."""
    text = " | ".join(" ".join(part.split()) for part in parts)
    return printable(text if len(text) <= _EXCERPT_CHARS else text[: _EXCERPT_CHARS - 3] + "...")
