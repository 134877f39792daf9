"""Our side of `resolve_scale`: resolve and order over a synthetic store, in a process of its own.

python -m benchmarks.resolve_script STORE ROWS ENGINE
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console

import sources
from benchmarks.measure import NUM_WORKERS
from benchmarks.synthetic import SCALE_RECIPE, Amounts, SyntheticStore, make_store
from mixtures.processors import get_processor
from mixtures.recipe import Recipe
from pipelines.exclude import read_exclusions
from pipelines.judges import Judges
from pipelines.options import BuildOptions
from pipelines.resolution import Resolved, resolve
from pipelines.runner import Runner
from pipelines.scratch import scratch_folder
from pipelines.shard_rows import emit_task
from pipelines.shards import shard_tasks
from pipelines.token_counter import Counter as TokenCounter

# Shards whose rows are looked up as well, evenly over the build: what emit does before it copies.
_NUM_SHARDS = 16


def main(folder: str, rows: str, engine: str) -> None:
    store = make_store(Path(folder), Amounts(int(rows)))
    options = BuildOptions(
        recipe=str(SCALE_RECIPE),
        out=str(Path(folder) / "out"),
        store=folder,
        engine=engine,
        workers=NUM_WORKERS,
        exclude=(str(store.exclusions),),
    )
    runner = Runner(options, Console(file=sys.stderr, width=110))
    try:
        with scratch_folder(options.store, False) as scratch:
            print(json.dumps(_measured(runner, store, scratch, options)))
    finally:
        runner.close()


def _measured(
    runner: Runner, store: SyntheticStore, scratch: str, options: BuildOptions
) -> dict[str, Any]:
    judges = judges_of(store.recipe, options)
    started = perf_counter()
    resolved = resolve(runner, store.curated, judges, scratch, options)
    decided = perf_counter()
    shards = list(shard_tasks(options.out, resolved))
    ordered = perf_counter()
    chosen = shards[:: -(-len(shards) // _NUM_SHARDS)]
    looked_up = sum(emit_task(shard).rows.num_rows for shard in chosen)
    return {
        "resolve_s": decided - started,
        "order_s": ordered - decided,
        "drawn": resolved.total,
        "shards": len(shards),
        "shard_rows_per_s": looked_up / (perf_counter() - ordered),
        "scratch_bytes": sum(f.stat().st_size for f in Path(scratch).rglob("*") if f.is_file()),
        "off_tokens": _off(resolved),
        "lost": _lost(resolved),
    }


def judges_of(recipe: Recipe, options: BuildOptions) -> Judges:
    """What `pipelines.build` gives resolve; text is estimated."""
    return Judges(
        recipe=recipe,
        cards={name: sources.get(name).card for name in recipe.sources()},
        licenses=options.licenses,
        exclusions=read_exclusions(options.exclude),
        counter=TokenCounter(get_processor(recipe.processor)),
    )


def _off(resolved: Resolved) -> int:
    """Most tokens that a leaf is off what was asked of it."""
    solution = resolved.solution
    return max(abs(a - b) for a, b in zip(solution.amounts, solution.realised, strict=True))


def _lost(resolved: Resolved) -> dict[str, int]:
    """Rows by fate and rule, of those that were lost before quotas."""
    lost: Counter[str] = Counter()
    for counts in resolved.facts.losses:
        for (fate, rule), count in counts.items():
            lost[f"{fate} {rule}"] += count
    return dict(lost.most_common())


if __name__ == "__main__":
    main(*sys.argv[1:])
