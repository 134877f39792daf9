"""The end of a build: its card, and the manifest, which is written last."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

from filters.base import Params
from filters.models import ModelFilter
from manifests.build import (
    CONTENT_COLUMNS,
    TRAIN,
    VALIDATION,
    BuildManifest,
    ComponentRows,
    ContentRows,
    FilterUse,
    OriginTerms,
    OutputFile,
    SubsetFunnel,
    ValidationRows,
    schema_fingerprint,
    write_manifest,
)
from manifests.cards import Answer, SourceCard
from manifests.ledger import Fate
from manifests.storage import join, read_bytes, remove_tree, write_bytes
from mixtures.plan import Plan
from pipelines.benchmarks import HELD, NOT_HELD
from pipelines.card import render_card
from pipelines.judge import Rule

_CREDITS = ("title", "homepage", "attribution", "citation")


def output_file(out: str, path: str, rows: int) -> OutputFile:
    data = read_bytes(join(out, path))
    return OutputFile(
        path=path, rows=rows, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
    )


def funnel(ledgers: Sequence[dict[str, Any]]) -> tuple[SubsetFunnel, ...]:
    """Fates per subset, from the records of the ledger tasks; read is the sum of fates."""
    counts: dict[tuple[str, str], dict[Fate, int]] = {}
    for record in ledgers:
        source = PurePosixPath(record["path"]).stem
        for (subset, fate), count in record["fates"].items():
            counts.setdefault((source, subset), {})[Fate(fate)] = count
    return tuple(
        SubsetFunnel(
            source=source,
            subset=subset,
            read=sum(fates.values()),
            fates={fate: fates[fate] for fate in Fate if fate in fates},
        )
        for (source, subset), fates in sorted(counts.items())
    )


def component_rows(plan: Plan) -> tuple[ComponentRows, ...]:
    """Every component of the recipe, inner ones too, with what was asked and what is drawn."""
    found: dict[str, dict[str, Any]] = {}
    for leaf in plan.leaves:
        names = leaf.path.split("/")
        for depth in range(1, len(names) + 1):
            path = "/".join(names[:depth])
            sums = found.setdefault(
                path, {"share": Fraction(0), "asked": 0, "amount": 0, "rows": 0}
            )
            sums["share"] += leaf.share
            sums["asked"] += leaf.asked
            sums["amount"] += leaf.amount
            sums["rows"] += leaf.quota
    return tuple(ComponentRows(name=name, **sums) for name, sums in found.items())


def revisions(plan: Plan) -> dict[str, str]:
    """Upstream repository: the revision that was read."""
    return _below(plan, "revision:")


def benchmarks(plan: Plan) -> tuple[dict[str, str], tuple[str, ...]]:
    """Those that rows were held against, with their revisions; and those that were switched off."""
    pinned = _below(plan, HELD)
    held = {name: pin.partition("@")[2] for name, pin in sorted(pinned.items())}
    return held, tuple(sorted(_below(plan, NOT_HELD)))


def _below(plan: Plan, prefix: str) -> dict[str, str]:
    """Pins that begin so, without it."""
    return {k.removeprefix(prefix): v for k, v in plan.pins.items() if k.startswith(prefix)}


def origin_terms(
    counts: Sequence[SubsetFunnel], cards: Mapping[str, SourceCard]
) -> tuple[OriginTerms, ...]:
    """Terms of the subsets that rows were kept of; those of a source that share them are one."""
    found: dict[tuple[str, str, Answer, Answer], list[str]] = {}
    for entry in counts:
        if entry.fates.get(Fate.KEPT) or entry.fates.get(Fate.HELD_OUT):
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
    return tuple(sorted(_below(plan, "skipped:")))


def _filter_use(rule: Rule) -> FilterUse:
    return FilterUse(
        name=rule.filter.name,
        version=rule.filter.version,
        params=_said(rule, rule.params),
        policies={policy: _said(rule, params) for policy, params in rule.others.items()},
    )


def _said(rule: Rule, params: Params | None) -> dict[str, Any] | None:
    """Thresholds, behind what a model's scores were made with."""
    if params is None:
        return None
    told = rule.filter.told() if isinstance(rule.filter, ModelFilter) else {}
    return told | params.model_dump(mode="json")


def _num_images(records: Sequence[dict[str, Any]], split: str) -> int:
    return sum(record["images"] for record in records if record["path"].startswith(split))


def _contents(records: Sequence[dict[str, Any]]) -> tuple[ContentRows, ...]:
    """What the shards of the train split count, added up."""
    rows: Counter[tuple[str, ...]] = Counter()
    tokens: Counter[tuple[str, ...]] = Counter()
    for record in records:
        if record["path"].startswith(TRAIN):
            for *key, count, ids in record["contents"]:
                rows[tuple(key)] += count
                tokens[tuple(key)] += ids
    return tuple(
        ContentRows(**dict(zip(CONTENT_COLUMNS, key, strict=True)), rows=count, tokens=tokens[key])
        for key, count in sorted(rows.items())
    )


def finish(
    out: str,
    plan: Plan,
    cards: Mapping[str, SourceCard],
    rules: Sequence[Rule],
    totals: Mapping[str, int],
    held_totals: Mapping[str, int],
    records: Sequence[dict[str, Any]],
    ledgers: Sequence[dict[str, Any]],
) -> BuildManifest:
    """Write card and manifest of a build whose shards and ledgers are all there.

    `totals` are the token columns' sums over all rows, `held_totals` those of what is held out.
    """
    shards = [
        OutputFile(**{k: record[k] for k in ("path", "rows", "bytes", "sha256")})
        for record in sorted(records, key=lambda record: str(record["path"]))
    ]
    ledger = [
        output_file(out, record["path"], record["rows"])
        for record in sorted(ledgers, key=lambda record: str(record["path"]))
    ]
    counts = funnel(ledgers)
    held, not_held = benchmarks(plan)
    facts: dict[str, Any] = {
        "plan_digest": plan.digest,
        "recipe": plan.recipe.name,
        "unit": plan.recipe.unit,
        "seed": plan.recipe.seed,
        "processor": plan.processor,
        "schema_fingerprint": schema_fingerprint(),
        "filters": tuple(_filter_use(rule) for rule in rules),
        "revisions": revisions(plan),
        "licenses": plan.pins["licenses"],
        "skipped": skipped(plan),
        "missing": plan.missing,
        "masked_pii": plan.recipe.mask_pii,
        "benchmarks": held,
        "not_held_against": not_held,
        "terms": origin_terms(counts, cards),
        "funnel": counts,
        "components": component_rows(plan),
        "contents": _contents(records),
        "num_rows": plan.total,
        "num_images": _num_images(records, TRAIN),
        "tokens_estimated": plan.tokens_estimated,
        **totals,
    }
    if plan.validation is not None:
        num_images = _num_images(records, VALIDATION)
        said = plan.validation.model_dump()
        facts["validation"] = ValidationRows(**said, num_images=num_images, **held_totals)
    files = (*shards, *ledger, output_file(out, "plan.json", 0))
    draft = BuildManifest(files=files, **facts)
    write_bytes(join(out, "README.md"), render_card(draft).encode())
    manifest = BuildManifest(files=(*files, output_file(out, "README.md", 0)), **facts)
    remove_tree(join(out, ".work"))
    write_manifest(out, manifest)
    return manifest
