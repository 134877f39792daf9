"""The main job: recipe and upstream in, finished build out. Each step continues what is there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

import filters
from filters.base import Filter, Measure
from manifests.errors import InfeasibleError, UsageError
from manifests.storage import exists, free_bytes, join
from mixtures.checks import check_filters, check_where
from mixtures.missing import unavailable_components, without_missing
from mixtures.plan import Plan, Validation, make_plan
from mixtures.recipe import Recipe, check_sources
from mixtures.recipe_file import load_recipe
from pipelines.access import print_costs, restricted_rows
from pipelines.alike.stage import near_versions
from pipelines.alike.texts import plan_text_facts
from pipelines.benchmarks import Benchmarks, check_benchmarks, make_indexes, open_benchmarks
from pipelines.catalog import Catalog, open_catalog
from pipelines.clips import FrameSpec
from pipelines.curate import CuratePlan, plan_curate, plan_measures
from pipelines.downloads import Downloads, with_cache
from pipelines.engine import Task
from pipelines.exclude import Exclusions, read_exclusions
from pipelines.gather import Gathered, gather
from pipelines.judge import Rule, parse_rules, score_schemas
from pipelines.judges import Judges
from pipelines.leaks.plan import plan_leaks
from pipelines.options import BuildOptions
from pipelines.pii_measures import plan_pii_measures
from pipelines.progress import human_bytes
from pipelines.resolution import Resolved, resolve
from pipelines.runner import Runner
from pipelines.scratch import scratch_folder
from pipelines.shape import Counter
from pipelines.store import check_writable, mark_used, sweep_spools
from pipelines.tables import print_result
from pipelines.token_measures import plan_token_measures
from pipelines.tokenizers import open_tokenizer
from pipelines.weights import bind_models

if TYPE_CHECKING:
    from manifests.build import BuildManifest

# Part of every plan: bump it when emit writes the same rows as other bytes.
_EMIT_VERSION = 2
# What one upstream row may weigh in media, for the disk estimate under --limit.
_LIMIT_ROW_BYTES = 2_000_000


@dataclass(slots=True)
class Job:
    """A build under way: what was asked for, and the runner of its tasks.

    `recipe` is without the components whose data nobody can have, which `missing` names;
    `benchmarks` are none before `find_benchmarks`.
    """

    options: BuildOptions
    recipe: Recipe
    missing: dict[str, str]
    catalog: Catalog
    rules: list[Rule]
    console: Console
    exclusions: Exclusions
    counter: Counter
    runner: Runner
    benchmarks: Benchmarks = Benchmarks()

    @property
    def filters(self) -> list[Filter]:
        return [rule.filter for rule in self.rules]

    @property
    def measures(self) -> list[Measure]:
        """What is to be measured: for filters, and to find what is alike."""
        found: list[Measure] = list(self.filters)
        if self.recipe.near_duplicates is not None or self.recipe.decontaminate is not None:
            # They bring Pillow.
            from pipelines.media_measures import wanted_measures

            found += wanted_measures(self.recipe)
        return found


def build(options: BuildOptions, console: Console) -> BuildManifest:
    """Build the mixture. Finished tasks of an earlier run are kept."""
    started = time.time()
    job = open_job(options, console)
    try:
        return _build(job, started)
    finally:
        job.runner.close()


def open_job(options: BuildOptions, console: Console) -> Job:
    """The job, with all that can be wrong in what was asked told; its runner is to be closed."""
    recipe = load_recipe(options.recipe)
    if options.seed is not None:
        recipe = recipe.model_copy(update={"seed": options.seed})
    if options.no_near_duplicates and recipe.near_duplicates is not None:
        left = recipe.near_duplicates.without(options.no_near_duplicates)
        recipe = recipe.model_copy(update={"near_duplicates": left})
    catalog = open_catalog(recipe, Path(options.recipe).parent)
    _check(recipe, catalog)
    check_benchmarks(recipe, options, console)
    recipe, missing = _without_unavailable(recipe, options, console)
    recipe = bind_models(recipe, parse_rules(recipe), options.store)
    console.print(f"recipe {recipe.name}, store {options.store}, out {options.out}", soft_wrap=True)
    return Job(
        options=options,
        recipe=recipe,
        missing=missing,
        catalog=catalog,
        rules=parse_rules(recipe),
        console=console,
        exclusions=read_exclusions(options.exclude),
        counter=Counter.of(recipe, open_tokenizer(options.tokenizer, options.store)),
        runner=Runner(options, console),
    )


def _check(recipe: Recipe, catalog: Catalog) -> None:
    """RecipeError for a source, subset, filter, score or field that there is not."""
    named = recipe.sources()
    known = {n: catalog[n].card.subset_names if n in named else [] for n in catalog}
    check_sources(recipe, known)
    check_filters(recipe, filters.names())
    cards = {name: catalog[name].card for name in named}
    used = (filters.get(recipe.filter_ref(name)) for name in recipe.filter_settings())
    check_where(recipe, cards, score_schemas(used))


def _without_unavailable(
    recipe: Recipe, options: BuildOptions, console: Console
) -> tuple[Recipe, dict[str, str]]:
    """The recipe that can be built, and what it is without; InfeasibleError if not allowed."""
    missing = dict(unavailable_components(recipe))
    if not missing:
        return recipe, missing
    named = "; ".join(f"{path} ({why})" for path, why in missing.items())
    if not options.allow_missing:
        raise InfeasibleError(
            f"recipe {recipe.name}: nobody can have the data of {named}; --allow-missing builds "
            "without them, the ratios of the others kept"
        )
    console.print(f"without {named}", soft_wrap=True)
    return without_missing(recipe), missing


def find_work(job: Job) -> tuple[Gathered, CuratePlan]:
    """What upstream has for the recipe, and what of it is not in the store yet."""
    options = job.options
    gathered = gather(job.recipe, job.catalog, options, job.console)
    upstreams = with_cache(gathered.upstreams, options)
    limited = options.limit is not None
    return gathered, plan_curate(upstreams, options.store, FrameSpec(), job.measures, limited)


def find_benchmarks(job: Job, gathered: Gathered) -> None:
    """Note what the mixture is held against; UnavailableError where that cannot be had."""
    job.benchmarks = open_benchmarks(job.recipe, gathered.cards, job.options)


def plan_of_store(job: Job, gathered: Gathered, curate: CuratePlan) -> Plan | None:
    """The plan that a build would run; None where the store lacks facts that it is decided on."""
    if not _has_all(job, curate):
        return None
    check_writable(job.options.store, "--store")
    with scratch_folder(job.options.store, _is_shared(job.options)) as scratch:
        return _make_plan(job, gathered, _resolve(job, gathered, curate, scratch))


def _build(job: Job, started: float) -> BuildManifest:
    # What only writes is not loaded for a plan.
    from pipelines.build_folder import open_build, refuse_foreign, write_run
    from pipelines.report.run import REPORT_NAME, write_report
    from pipelines.write import write_build

    options = job.options
    check_writable(options.out, "--out")
    check_writable(options.store, "--store")
    gathered, curate = find_work(job)
    find_benchmarks(job, gathered)
    _check_disk(options, curate)
    refuse_foreign(options)
    _curate(job, curate)
    with scratch_folder(options.store, _is_shared(options)) as scratch:
        resolved = _resolve(job, gathered, curate, scratch)
        plan = _make_plan(job, gathered, resolved)
        finished = open_build(options, plan)
        if finished is None:
            finished = write_build(job, gathered, resolved, plan)
            write_run(options, started)
            write_report(options.out, store=options.store)
        else:
            job.console.print("this build is complete already; nothing to do")
    report = join(options.out, REPORT_NAME)
    # It may have been stopped after its manifest.
    if not exists(report):
        write_report(options.out, store=options.store)
    print_result(job.console, plan)
    job.console.print(f"card: {join(options.out, 'README.md')}", soft_wrap=True)
    job.console.print(f"report: {report}", soft_wrap=True)
    return finished


def _is_shared(options: BuildOptions) -> bool:
    """Whether tasks may run on other machines."""
    return options.ray_address is not None


def _has_all(job: Job, curate: CuratePlan) -> bool:
    """Whether the store has every fact that the build is decided on."""
    if curate.media or curate.rows or job.benchmarks.work:
        return False
    missing = plan_measures(curate.curated, job.measures)
    missing += plan_text_facts(curate.curated, job.recipe)
    missing += _count_tasks(job, curate)
    return not missing and not plan_leaks(curate.curated, job.benchmarks.index_set)


def _count_tasks(job: Job, curate: CuratePlan) -> list[Task]:
    """For texts that are not counted yet, as they are and masked."""
    tokenizer = job.counter.tokenizer
    plain = plan_token_measures(curate.curated, tokenizer)
    return plain + plan_pii_measures(curate.curated, job.recipe, tokenizer)


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


def _curate(job: Job, curate: CuratePlan) -> None:
    sweep_spools(job.options.store)
    todo = len(curate.media) + len(curate.rows)
    if not todo:
        job.console.print(
            f"  curate: all {curate.num_done} shards are in the store, nothing to pull"
        )
    elif curate.num_done:
        job.console.print(f"  curate: {curate.num_done} shards are in the store, {todo} to do")
    if job.options.limit is not None:
        # A limited row task takes the rows whose media were stored: media come first.
        job.runner.run("curate", curate.media)
        job.runner.run("curate", curate.rows)
    else:
        tasks = [*curate.media, *curate.rows]
        job.runner.run("curate", tasks, Downloads(tasks))
    make_indexes(job.benchmarks.work, job.runner)
    measures = plan_measures(curate.curated, job.measures)
    job.runner.run("measure", [*measures, *plan_text_facts(curate.curated, job.recipe)])
    job.runner.run("tokens", _count_tasks(job, curate))
    job.runner.run("leaks", plan_leaks(curate.curated, job.benchmarks.index_set))
    mark_used(job.benchmarks.folders.values())
    for source in curate.curated:
        mark_used([*source.media, *(folder for folder, _ in source.rows)])


def _resolve(job: Job, gathered: Gathered, curate: CuratePlan, scratch: str) -> Resolved:
    options = job.options
    judges = Judges(
        recipe=job.recipe,
        cards=gathered.cards,
        licenses=options.licenses,
        exclusions=job.exclusions,
        counter=job.counter,
        benchmarks=job.benchmarks.index_set,
    )
    resolved = resolve(job.runner, curate.curated, judges, scratch, options)
    console = job.console
    if resolved.facts.is_kept:
        console.print("  resolve: all but quotas and draws is in the store")
    print_costs(console, options.licenses, job.exclusions, resolved.facts, resolved.num_excluded)
    for path in resolved.empty:
        console.print(f"without {path} (it has no samples here)", soft_wrap=True)
    return resolved


def _make_plan(job: Job, gathered: Gathered, resolved: Resolved) -> Plan:
    """Everything pinned: recipe, quotas, revisions, and what was read, by a digest of the index."""
    pins = {f"revision:{repo}": revision for repo, revision in gathered.revisions.items()}
    pins["index"] = resolved.digest
    pins["frames"] = FrameSpec().spec
    pins["emit"] = str(_EMIT_VERSION)
    pins |= {f"filter:{f.name}": f.fingerprint for f in job.filters}
    pins["filters"] = ",".join(f.name for f in job.filters)  # the first reason counts
    pins["licenses"] = job.options.licenses
    pins |= {f"skipped:{name}": "unavailable" for name in gathered.skipped}
    pins |= near_versions(job.recipe)
    pins |= job.benchmarks.pins
    if job.exclusions.entries:
        pins["exclude"] = job.exclusions.digest
    tokenizer = job.counter.tokenizer
    if tokenizer is not None:
        pins["tokenizer"] = tokenizer.fingerprint
    return make_plan(
        resolved.recipe,
        resolved.supply,
        resolved.solution,
        tokenizer.name if tokenizer else None,
        pins,
        job.missing | dict.fromkeys(resolved.empty, "it has no samples here"),
        restricted_rows(resolved.rows, gathered.cards),
        _validation(resolved),
    )


def _validation(resolved: Resolved) -> Validation | None:
    split = resolved.split
    if split.share is None:
        return None
    rows = {path: split.rows_of(leaf) for leaf, path in enumerate(resolved.leaves)}
    held = {path: count for path, count in rows.items() if count}
    return Validation(share=split.share, rows=held, shares_media=split.num_shared)
