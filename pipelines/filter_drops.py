"""What each filter drops of the samples, for docs/filters.md.

    python -m pipelines.filter_drops > pipelines/filter_drops.json

writes the samples of the recipes below into a temporary folder, measures them by all filters that
need no model of one's own, and counts what each of them alone would drop of rows of the policies
that it is on for by default (of all rows where that is none), with its default parameters.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from rich.console import Console

import filters
from filters.base import Filter
from filters.models import ModelFilter
from manifests.storage import canonical_json
from mixtures.policies import POLICIES
from mixtures.recipe_file import load_recipe
from pipelines.build import build, find_work, open_job
from pipelines.join import Joined, join_rows
from pipelines.judge import Rule, judge_filters, with_policy
from pipelines.options import BuildOptions
from pipelines.parts import cut_parts
from pipelines.samples import write_samples

# Images and clips, chats, documents.
RECIPES = ("video", "smoltalk", "smollm2-stage4")
_FILE = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, slots=True)
class Drop:
    recipe: str
    policy: str
    filter: str
    reason: str
    num_rows: int


@dataclass(frozen=True, slots=True)
class Drops:
    """`rows` counts the readable rows of each recipe's samples by policy."""

    rows: Mapping[str, Mapping[str, int]]
    filters: tuple[str, ...]
    drops: tuple[Drop, ...]

    def of(self, name: str) -> list[Drop]:
        return [drop for drop in self.drops if drop.filter == name]

    def dropped(self, name: str) -> int | None:
        """Rows that the filter drops; None: it was not among those that were counted."""
        return sum(drop.num_rows for drop in self.of(name)) if name in self.filters else None

    def as_json(self) -> dict[str, Any]:
        drops = [
            [drop.filter, drop.recipe, drop.policy, drop.reason, drop.num_rows]
            for drop in self.drops
        ]
        return {"rows": self.rows, "filters": self.filters, "drops": drops}


def read_drops() -> Drops:
    """What was counted last; a slow test counts it again."""
    told = orjson.loads(_FILE.read_bytes())
    drops = (
        Drop(recipe, policy, name, reason, number)
        for name, recipe, policy, reason, number in told["drops"]
    )
    return Drops(told["rows"], tuple(told["filters"]), tuple(drops))


def count_drops(folder: Path) -> Drops:
    """Write samples below `folder` and count."""
    used = [one for one in filters.discover().values() if not isinstance(one, ModelFilter)]
    rows: dict[str, dict[str, int]] = {}
    drops: list[Drop] = []
    for recipe in RECIPES:
        seen: Counter[str] = Counter()
        dropped: Counter[tuple[str, str, str]] = Counter()
        for joined in _curated(recipe, used, folder / recipe):
            seen.update(with_policy(joined.index)["policy"].to_list())
            for one in used:
                dropped.update((one.name, *hit) for hit in _hits(joined, one))
        rows[recipe] = {policy: seen[policy] for policy in POLICIES if seen[policy]}
        for (name, reason, policy), number in _sorted(dropped):
            drops.append(Drop(recipe, policy, name, reason, number))
    order = {one.name: place for place, one in enumerate(used)}
    drops.sort(key=lambda drop: order[drop.filter])
    return Drops(rows, tuple(order), tuple(drops))


def _sorted(counts: Counter[tuple[str, str, str]]) -> list[tuple[tuple[str, str, str], int]]:
    return sorted(counts.items(), key=lambda entry: (entry[0][0], -entry[1], entry[0]))


def _curated(name: str, used: list[Filter], folder: Path) -> Iterator[Joined]:
    """All readable rows of the recipe's samples, measured by all of the filters."""
    mirror = folder / "mirror"
    write_samples(mirror, name)
    sources = sorted(load_recipe(name).sources())
    recipe = {
        "name": "drops",
        "description": f"all sources of {name}",
        "unit": "samples",
        "filters": {one.name: {} for one in used},
        "components": [
            {"name": source, "share": f"1/{len(sources)}", "sources": [source]}
            for source in sources
        ],
    }
    file = folder / "recipe.yaml"
    file.write_bytes(canonical_json(recipe))
    options = BuildOptions(
        recipe=str(file),
        mirror=str(mirror),
        store=str(folder / "store"),
        out=str(folder / "out"),
        engine="inline",
        allow_missing=True,
        num_samples=1,
    )
    build(options, Console(quiet=True))
    job = open_job(options, Console(quiet=True))
    try:
        _, curate = find_work(job)
    finally:
        job.runner.close()
    for part in cut_parts([source for source in curate.curated if source.rows]):
        joined = join_rows(part)
        yield replace(joined, index=joined.index.filter(pl.col("fate").is_null()))


def _hits(joined: Joined, one: Filter) -> Iterator[tuple[str, str]]:
    """(reason, policy) of each row that the filter drops where it is on by default."""
    judged = judge_filters(joined, [Rule(one, one.params_type(), {})])
    hits = with_policy(judged.filter(pl.col("rule").is_not_null()))
    for reason, policy in hits.select("rule", "policy").iter_rows():
        if not one.policies or policy in one.policies:
            yield reason, policy


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        sys.stdout.buffer.write(canonical_json(count_drops(Path(made)).as_json()))
