"""The main job: recipe and upstream in, finished build out. Each step continues what is there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console

from filters.base import Filter, Params
from manifests.build import BuildManifest
from manifests.errors import InfeasibleError, UsageError
from manifests.storage import (
    free_bytes,
    join,
)
from mixtures.plan import Plan, make_plan
from mixtures.recipe import Recipe, check_sources
from mixtures.recipe_file import load_recipe
from pipelines.access import restrict, restricted_rows
from pipelines.build_folder import finished_shard, open_build, refuse_foreign, write_run
from pipelines.catalog import open_catalog
from pipelines.curate import CuratePlan, plan_curate, plan_measures
from pipelines.downloads import Downloads, with_cache
from pipelines.emit import EMIT_VERSION, EmitTask, run_emit_task
from pipelines.engine import Engine, Task, make_engine
from pipelines.exclude import Exclusions, read_exclusions
from pipelines.finish import finish
from pipelines.frames import FrameSpec
from pipelines.gather import Gathered, gather
from pipelines.join import Joined, join_rows
from pipelines.options import BuildOptions
from pipelines.progress import StageProgress, human_bytes
from pipelines.resolve import drop_exact_duplicates, judge_filters, lost_rows, parse_policies
from pipelines.select import Selection, claim, index_digest, select, shard_media
from pipelines.store import check_writable, mark_used, sweep_spools
from pipelines.tables import print_dry_run, print_result
from pipelines.tokens import PROCESSOR, with_tokens
from sources.base import Source

_EMIT_MEMORY = 768 << 20
# What one upstream row may weigh in media, for the disk estimate under --limit.
_LIMIT_ROW_BYTES = 2_000_000


@dataclass(slots=True)
class _Job:
    """A build under way: what was asked for, and the engine, which starts when it is needed."""

    options: BuildOptions
    recipe: Recipe
    catalog: dict[str, Source]
    policies: list[tuple[Filter, Params]]
    console: Console
    exclusions: Exclusions
    engine: Engine | None = None

    def run(
        self, stage: str, tasks: Sequence[Task], downloads: Downloads | None = None
    ) -> list[dict[str, Any]]:
        if not tasks:
            return []
        if self.engine is None:
            options = self.options
            folders = [f for f in (options.store, options.out, options.mirror) if f is not None]
            folders += [folder for _, folder in options.media]
            address = options.ray_address
            self.engine = make_engine(options.engine, options.workers, address, folders)
        results = []
        with StageProgress(self.console, stage, tasks) as progress:
            for task, result in self.engine.run(tasks):
                progress.advance(task)
                if downloads is not None:
                    downloads.release(task)
                results.append(result)
        return results

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()


def build(options: BuildOptions, console: Console) -> BuildManifest | None:
    """Build the mixture; None for a dry run. Finished tasks of an earlier run are kept."""
    started = time.time()
    recipe = load_recipe(options.recipe)
    if options.seed is not None:
        recipe = recipe.model_copy(update={"seed": options.seed})
    catalog = open_catalog(recipe, Path(options.recipe).parent)
    check_sources(recipe, _known_subsets(recipe, catalog))
    check_writable(options.out, "--out")
    check_writable(options.store, "--store")
    policies = parse_policies(recipe.filters)
    console.print(f"recipe {recipe.name}, store {options.store}, out {options.out}", soft_wrap=True)
    exclusions = read_exclusions(options.exclude)
    job = _Job(options, recipe, catalog, policies, console, exclusions)
    try:
        return _build(job, started)
    finally:
        job.close()


def _build(job: _Job, started: float) -> BuildManifest | None:
    options = job.options
    gathered = gather(job.recipe, job.catalog, options, job.console)
    upstreams = with_cache(gathered.upstreams, options)
    filters_used = [f for f, _ in job.policies]
    curate = plan_curate(
        upstreams, options.store, FrameSpec(), filters_used, options.limit is not None
    )
    _check_disk(options, curate)
    if options.dry_run:
        print_dry_run(job.console, job.recipe, upstreams, curate)
        if not (curate.media or curate.rows or plan_measures(curate.curated, filters_used)):
            joined, index, selection = _resolve(job, gathered, curate)
            print_result(job.console, _make_plan(job, gathered, index, selection), selection)
        return None
    refuse_foreign(options)
    _curate(job, curate)
    joined, index, selection = _resolve(job, gathered, curate)
    plan = _make_plan(job, gathered, index, selection)
    finished = open_build(options, plan)
    if finished is None:
        records = _emit(job, joined, selection)
        finished = finish(
            options.out, plan, gathered.cards, job.policies, index, selection, records
        )
        write_run(options, started)
    else:
        job.console.print("this build is complete already; nothing to do")
    print_result(job.console, plan, selection)
    job.console.print(f"report: {join(options.out, 'README.md')}", soft_wrap=True)
    return finished


def _known_subsets(recipe: Recipe, catalog: dict[str, Source]) -> dict[str, list[str]]:
    """Subsets by source; cards are read only of sources that the recipe names."""
    named = recipe.sources()
    return {n: source.card.subset_names if n in named else [] for n, source in catalog.items()}


def _check_disk(options: BuildOptions, curate: CuratePlan) -> None:
    """Refuse before work starts what the disk cannot hold: the store copies media as they are."""
    needed = curate.pending_bytes
    if options.limit is not None:
        tasks = len(curate.media) + len(curate.rows)
        needed = min(needed, tasks * options.limit * _LIMIT_ROW_BYTES)
    free = free_bytes(options.store)
    if free is not None and needed > free:
        raise UsageError(
            f"the store {options.store} needs about {human_bytes(needed)} and its disk has "
            f"{human_bytes(free)} free; name another with --store, or take a part with --limit"
        )


def _curate(job: _Job, curate: CuratePlan) -> None:
    sweep_spools(job.options.store)
    if curate.num_done:
        todo = len(curate.media) + len(curate.rows)
        job.console.print(f"  curate: {curate.num_done} shards are in the store, {todo} to do")
    if job.options.limit is not None:
        # A limited row task takes the rows whose media were stored: media come first.
        job.run("curate", curate.media)
        job.run("curate", curate.rows)
    else:
        tasks = [*curate.media, *curate.rows]
        job.run("curate", tasks, Downloads(tasks))
    job.run("measure", plan_measures(curate.curated, [f for f, _ in job.policies]))
    for source in curate.curated:
        mark_used([*source.media, *(folder for folder, _ in source.rows)])


def _resolve(
    job: _Job, gathered: Gathered, curate: CuratePlan
) -> tuple[Joined, pl.DataFrame, Selection]:
    joined = join_rows(curate.curated)
    joined = restrict(joined, gathered.cards, job.options.licenses, job.exclusions, job.console)
    # Benchmark leaks come before duplicates; near duplicates, merging, style, trimming and the
    # token gate after exact duplicates (design.md section 2).
    index = claim(judge_filters(joined, job.policies), job.recipe)
    index = with_tokens(drop_exact_duplicates(index), joined.media)
    options = job.options
    sizes = np.array([sum(n or ()) for n in joined.media["lengths"].to_pylist()], dtype=np.int64)
    try:
        found = select(index, job.recipe, sizes, options.num_samples, options.num_tokens)
    except InfeasibleError as error:
        raise InfeasibleError(f"{error} ({lost_rows(index)})") from error
    return joined, *found


def _make_plan(job: _Job, gathered: Gathered, index: pl.DataFrame, selection: Selection) -> Plan:
    """Everything pinned: recipe, quotas, revisions, and what was read, by a digest of the index."""
    pins = {f"revision:{repo}": revision for repo, revision in gathered.revisions.items()}
    pins["index"] = index_digest(index)
    pins["frames"] = FrameSpec().spec
    pins["emit"] = str(EMIT_VERSION)
    pins |= {f"filter:{f.name}": str(f.version) for f, _ in job.policies}
    pins["licenses"] = job.options.licenses
    pins |= {f"skipped:{name}": "unavailable" for name in gathered.skipped}
    if job.exclusions.entries:
        pins["exclude"] = job.exclusions.digest
    restricted = restricted_rows(selection.rows, gathered.cards.values())
    solution = selection.solution
    return make_plan(job.recipe, selection.available, solution, PROCESSOR, pins, restricted)


def _emit(job: _Job, joined: Joined, selection: Selection) -> list[dict[str, Any]]:
    options = job.options
    total = int(selection.rows["bytes"].sum())
    free = free_bytes(options.out)
    if free is not None and total > free:
        raise UsageError(
            f"the build needs {human_bytes(total)} and the disk of {options.out} has "
            f"{human_bytes(free)} free; name another --out, or ask for less with --num-samples"
        )
    records, tasks = [], []
    for number, (start, stop) in enumerate(selection.bounds):
        name = f"train-{number:05d}-of-{len(selection.bounds):05d}.parquet"
        done = finished_shard(options.out, name)
        if done is not None:
            records.append(done)
            continue
        part = selection.rows.slice(start, stop - start)
        rows, media = shard_media(part, joined.media)
        task = EmitTask(options.out, name, rows, media, joined.row_folders, joined.media_folders)
        size = int(part["bytes"].sum())
        tasks.append(Task(f"emit {name}", "data", run_emit_task, (task,), _EMIT_MEMORY, size))
    return records + job.run("emit", tasks)
