"""The end of a build: ledger, card, run record, and the manifest, which is written last."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import polars as pl

from filters.base import Filter, Params
from manifests.build import (
    BuildManifest,
    ComponentRows,
    FilterUse,
    OriginTerms,
    OutputFile,
    SubsetFunnel,
    schema_fingerprint,
    write_manifest,
)
from manifests.cards import Answer, SourceCard
from manifests.errors import WorkError
from manifests.ledger import LEDGER_SCHEMA, Fate
from manifests.storage import join, read_bytes, remove_tree, write_bytes, write_parquet
from mixtures.plan import Plan
from pipelines.card import render_card
from pipelines.join import ORDER
from pipelines.resolve import sample_id
from pipelines.select import Selection

_CREDITS = ("title", "homepage", "attribution", "citation")


def _with_ids(index: pl.DataFrame) -> pl.DataFrame:
    has_id = pl.col("content_id").is_not_null()
    return index.with_columns(id=pl.when(has_id).then(sample_id()).otherwise(None))


def write_ledger(out: str, index: pl.DataFrame) -> list[OutputFile]:
    """ledger/<source>.parquet, every upstream turn group once; in the order of the index."""
    if index["fate"].null_count():
        raise WorkError(f"{index['fate'].null_count()} rows ended without a fate; report this")
    twice = index.select(ORDER).is_duplicated().sum()
    if twice:
        raise WorkError(f"{twice} upstream rows are in the ledger twice; report this")
    files = []
    for (source,), part in _with_ids(index).group_by("source", maintain_order=True):
        table = part.select(LEDGER_SCHEMA.names).to_arrow().cast(LEDGER_SCHEMA)
        path = f"ledger/{source}.parquet"
        write_parquet(join(out, path), table)
        files.append(output_file(out, path, table.num_rows))
    return files


def output_file(out: str, path: str, rows: int) -> OutputFile:
    data = read_bytes(join(out, path))
    return OutputFile(
        path=path, rows=rows, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
    )


def funnel(index: pl.DataFrame) -> tuple[SubsetFunnel, ...]:
    """Fates per subset. Read is the sum of fates by construction of the ledger; it is asserted."""
    entries = []
    for (source, subset), part in index.group_by("source", "subset", maintain_order=True):
        counts = dict(part.group_by("fate").len().iter_rows())
        fates = {fate: counts[fate.value] for fate in Fate if fate.value in counts}
        entries.append(
            SubsetFunnel(source=str(source), subset=str(subset), read=part.height, fates=fates)
        )
    return tuple(sorted(entries, key=lambda entry: (entry.source, entry.subset)))


def component_rows(plan: Plan) -> tuple[ComponentRows, ...]:
    """Every component of the recipe, inner ones too; what is drawn is exactly what was asked."""
    totals: dict[str, tuple[Fraction, int]] = {}
    for leaf, quota in zip(plan.recipe.leaves(), plan.quotas, strict=True):
        share, path = Fraction(1), ""
        for part in leaf.chain:
            share *= part.share
            path = f"{path}/{part.name}".lstrip("/")
            totals[path] = (share, totals.get(path, (share, 0))[1] + quota)
    return tuple(
        ComponentRows(name=name, share=share, asked_rows=rows, rows=rows)
        for name, (share, rows) in totals.items()
    )


def revisions(plan: Plan) -> dict[str, str]:
    """Upstream repository: the revision that was read."""
    prefix = "revision:"
    return {k.removeprefix(prefix): v for k, v in plan.pins.items() if k.startswith(prefix)}


def origin_terms(
    counts: Sequence[SubsetFunnel], cards: Mapping[str, SourceCard]
) -> tuple[OriginTerms, ...]:
    """Terms of the subsets that rows were kept of; those of a source that share them are one."""
    found: dict[tuple[str, str, Answer, Answer], list[str]] = {}
    for entry in counts:
        if entry.fates.get(Fate.KEPT):
            card = cards[entry.source]
            subset = card.subset(entry.subset)
            uses = card.commercial_use_of(subset), card.redistribution_of(subset)
            key = (entry.source, card.license_of(subset), *uses)
            found.setdefault(key, []).append(entry.subset)
    return tuple(
        OriginTerms(
            source=source,
            subsets=tuple(subsets),
            license=license_,
            commercial_use=commercial_use,
            redistribution=redistribution,
            **{name: getattr(cards[source], name) for name in _CREDITS},
        )
        for (source, license_, commercial_use, redistribution), subsets in found.items()
    )


def skipped(plan: Plan) -> tuple[str, ...]:
    """Sources of the recipe that the build went without."""
    prefix = "skipped:"
    return tuple(sorted(k.removeprefix(prefix) for k in plan.pins if k.startswith(prefix)))


def _token_sums(rows: pl.DataFrame) -> dict[str, int]:
    names = ("num_tokens", "num_media_tokens", "num_answer_tokens", "num_text_tokens")
    return {name: int(rows[name].cast(pl.Int64).sum()) for name in names}


def _num_images(records: Sequence[dict[str, Any]]) -> int:
    return sum(record["images"] for record in records)


def finish(
    out: str,
    plan: Plan,
    cards: Mapping[str, SourceCard],
    policies: Sequence[tuple[Filter, Params]],
    index: pl.DataFrame,
    selection: Selection,
    records: Sequence[dict[str, Any]],
) -> BuildManifest:
    """Write ledger, card and manifest of a build whose shards are all there."""
    shards = [
        OutputFile(**{k: record[k] for k in ("path", "rows", "bytes", "sha256")})
        for record in sorted(records, key=lambda record: str(record["path"]))
    ]
    ledger = write_ledger(out, index)
    counts = funnel(index)
    facts: dict[str, Any] = {
        "plan_digest": plan.digest,
        "recipe": plan.recipe.name,
        "seed": plan.recipe.seed,
        "processor": plan.processor,
        "schema_fingerprint": schema_fingerprint(),
        "filters": tuple(
            FilterUse(name=f.name, version=f.version, params=params.model_dump(mode="json"))
            for f, params in policies
        ),
        "revisions": revisions(plan),
        "licenses": plan.pins["licenses"],
        "skipped": skipped(plan),
        "terms": origin_terms(counts, cards),
        "funnel": counts,
        "components": component_rows(plan),
        "num_rows": selection.rows.height,
        "num_images": _num_images(records),
        "tokens_estimated": plan.tokens_estimated,
        **_token_sums(selection.rows),
    }
    files = (*shards, *ledger, output_file(out, "plan.json", 0))
    draft = BuildManifest(files=files, **facts)
    write_bytes(join(out, "README.md"), render_card(draft).encode())
    manifest = BuildManifest(files=(*files, output_file(out, "README.md", 0)), **facts)
    remove_tree(join(out, ".work"))
    write_manifest(out, manifest)
    return manifest
