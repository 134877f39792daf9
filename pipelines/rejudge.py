"""`mixture rejudge`: what other thresholds would keep and drop, by the measures in the store.

Nothing is measured, curated or written. Rows are those that the new recipe reads and the store
holds; they are counted before duplicates are taken out and quotas are met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
from rich.console import Console

from filters.base import Filter
from manifests.errors import UsageError
from manifests.ledger import Fate
from manifests.storage import exists
from pipelines.access import drop_unlicensed
from pipelines.build import find_work, open_job
from pipelines.build_store import read_plan
from pipelines.curate import CuratedSource, CuratePlan
from pipelines.diff_sides import open_side
from pipelines.exclude import exclude
from pipelines.join import Joined, join_rows
from pipelines.judge import Rule, judge_filters, parse_rules
from pipelines.measures import missing
from pipelines.moves import Moves, moves_of
from pipelines.options import BuildOptions
from pipelines.parts import cut_parts
from pipelines.store import is_done
from pipelines.weights import bind_models, pinned_models


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A filter that judged nothing: this many of the folders of its level lack its measure.

    Of a pair both levels count.
    """

    filter_name: str
    version: int
    num_lacking: int
    num_folders: int

    def as_json(self) -> dict[str, Any]:
        return {
            "filter": self.filter_name,
            "version": self.version,
            "folders_without": self.num_lacking,
            "folders": self.num_folders,
        }


@dataclass(frozen=True, slots=True)
class Rejudged(Moves):
    """`against` is None for no filters.

    `num_left_out` rows are dropped by a licence or a list; `num_unreadable` rows have no sample
    that could be judged; `num_absent` shards lie upstream and not in the store, and so do all
    sources of `skipped`, which says why.
    """

    recipe: str
    against: str | None
    num_left_out: int
    num_unreadable: int
    num_absent: int
    unmeasured: tuple[Unmeasured, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe,
            "against": self.against,
            "rows": self.num_rows,
            "left_out": self.num_left_out,
            "unreadable": self.num_unreadable,
            "kept_before": self.kept_before,
            "kept_now": self.kept_now,
            "moved": self.num_moved,
            "reasons": [change.as_json() for change in self.changes],
            "unmeasured": [lack.as_json() for lack in self.unmeasured],
            "absent_shards": self.num_absent,
            "skipped": dict(self.skipped),
        }


def rejudge(options: BuildOptions, against: str | None) -> Rejudged:
    """Judge what the store holds for the recipe; `against` is a recipe, a plan.json or a build."""
    if not exists(options.store):
        raise UsageError(f"there is no store {options.store}; build-mixture --store makes one")
    before = [] if against is None else _rules_before(against, options.store)
    job = open_job(replace(options, allow_missing=True), Console(quiet=True))
    try:
        gathered, curate = find_work(job)
    finally:
        job.runner.close()
    there = _in_store(curate)
    if not any(source.rows for source in there):
        raise UsageError(
            f"the store {options.store} holds no rows for recipe {job.recipe.name}: build it once, "
            "or name the --mirror, --media and --limit of the build that filled the store"
        )
    unmeasured = _unmeasured(there, [rule.filter for rule in (*job.rules, *before)])
    lacking = {lack.filter_name for lack in unmeasured}
    sides = [[r for r in side if r.filter.name not in lacking] for side in (before, job.rules)]
    counts = _Counts()
    for part in cut_parts([source for source in there if source.rows]):
        joined, _ = drop_unlicensed(join_rows(part), gathered.cards.values(), options.licenses)
        joined, _ = exclude(joined, job.exclusions)
        counts.add(joined, sides)
    return Rejudged(
        recipe=job.recipe.name,
        against=against,
        moves=dict(counts.moves),
        owners={why: r.filter.name for r in (*job.rules, *before) for why in r.filter.reasons},
        num_left_out=counts.left_out,
        num_unreadable=counts.unreadable,
        num_absent=len(curate.media) + len(curate.rows),
        unmeasured=unmeasured,
        skipped=gathered.skipped,
    )


@dataclass(slots=True)
class _Counts:
    """Sums over parts; `moves` as in Rejudged."""

    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: int = 0
    unreadable: int = 0

    def add(self, joined: Joined, sides: Sequence[Sequence[Rule]]) -> None:
        index = joined.index
        open_rows = index.filter(pl.col("fate").is_null())
        left_out = index.filter(pl.col("fate") == Fate.DROPPED.value).height
        self.left_out += left_out
        self.unreadable += index.height - open_rows.height - left_out
        joined = replace(joined, index=open_rows)
        self.moves.update(moves_of(*(judge_filters(joined, side) for side in sides)))


def _rules_before(text: str, store: str) -> list[Rule]:
    """Of the recipe that `--against` names, which knows where filters' files and weights lie."""
    side = open_side(text)
    if side.plan is None:
        return parse_rules(bind_models(side.recipe, parse_rules(side.recipe), store))
    plan = side.plan if side.manifest is None else read_plan(text)
    rules = {r.filter.name: r for r in parse_rules(pinned_models(plan.recipe, plan.pins))}
    # A plan's keys are sorted: its pins say in which order filters judge.
    return [rules[name] for name in plan.pins["filters"].split(",") if name]


def _in_store(curate: CuratePlan) -> list[CuratedSource]:
    """The sources with those of their folders alone that are complete."""
    return [
        replace(
            source,
            media=tuple(folder for folder in source.media if is_done(folder)),
            rows=tuple(entry for entry in source.rows if is_done(entry[0])),
        )
        for source in curate.curated
    ]


def _unmeasured(curated: Sequence[CuratedSource], used: Sequence[Filter]) -> tuple[Unmeasured, ...]:
    """The filters whose measure some folder lacks, in the order in which they judge."""
    folders = {
        "sample": [folder for source in curated for folder, _ in source.rows],
        "media": [folder for source in curated for folder in source.media],
    }
    found = []
    # A finished build and a recipe know the same filter by other refs.
    for use in {(use.name, use.fingerprint): use for use in used}.values():
        asked = [(folder, part) for part in use.parts for folder in folders[part.level]]
        lacking = sum(bool(missing(folder, [part])) for folder, part in asked)
        if lacking:
            found.append(Unmeasured(use.name, use.version, lacking, len(asked)))
    return tuple(found)
