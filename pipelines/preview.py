"""What a build would do, found out without doing it: from the store, from upstream, or by cards."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from manifests.cards import SourceCard
from manifests.errors import UnavailableError
from mixtures.plan import Plan
from pipelines.benchmarks import wanted_benchmarks
from pipelines.build import Job, find_benchmarks, find_work, open_job, plan_of_store
from pipelines.card_view import Asked, CardView, card_view, leaf_view
from pipelines.curate import CuratePlan
from pipelines.gather import Gathered
from pipelines.options import BuildOptions
from pipelines.plan_view import PlanView
from pipelines.tables import binding_sentence
from pipelines.views import plan_leaves
from pipelines.work import card_work, num_workers, upstream_work


def preview(options: BuildOptions, console: Console) -> PlanView:
    """Where upstream cannot be reached, the cards are what is told.

    Writes nothing but what resolve finds, which a build finds again (kept_parts.py).
    InfeasibleError where the store has all facts, and the mixture cannot be drawn from them.
    """
    job = open_job(replace(options, allow_missing=True), console)
    try:
        job.options = options
        try:
            gathered, curate = find_work(job)
        except UnavailableError as error:
            return _by_cards(job, str(error))
        return _by_store(job, gathered, curate)
    finally:
        job.runner.close()


def _by_cards(job: Job, why: str) -> PlanView:
    cards = _cards(job)
    works = [card_work(cards[name], subsets) for name, subsets in job.recipe.sources().items()]
    found = _card_view(job)
    return PlanView(
        recipe=job.recipe,
        basis="cards",
        leaves=found.leaves,
        works=tuple(works),
        num_workers=num_workers(job.options.workers),
        binding=found.binding,
        refusal=_refusal(job),
        benchmarks=tuple(card.name for card in wanted_benchmarks(job.recipe, cards)),
        why_cards=why,
        holdout=job.options.holdout,
    )


def _by_store(job: Job, gathered: Gathered, curate: CuratePlan) -> PlanView:
    """By the store where it has everything; else by cards, with upstream's sizes."""
    lacking = _lacking(job, gathered)
    plan = None if lacking else plan_of_store(job, gathered, curate)
    found = _card_view(job) if plan is None else _plan_view(job, plan)
    works = [upstream_work(upstream, curate) for upstream in gathered.upstreams]
    return PlanView(
        recipe=job.recipe,
        basis="upstream" if plan is None else "store",
        leaves=found.leaves,
        works=tuple(works),
        num_done=curate.num_done,
        num_pending=len(curate.media) + len(curate.rows),
        num_workers=num_workers(job.options.workers),
        binding=found.binding,
        refusal="; ".join(filter(None, (_refusal(job), lacking))),
        skipped=gathered.skipped,
        benchmarks=tuple(card.name for card in wanted_benchmarks(job.recipe, _cards(job))),
        to_index={work.index.name: work.num_bytes for work in job.benchmarks.work},
        not_held_against=job.benchmarks.left_out,
        holdout=job.options.holdout,
        plan=plan,
    )


def _lacking(job: Job, gathered: Gathered) -> str:
    """Why the mixture cannot be held against its benchmarks; empty where it can."""
    try:
        find_benchmarks(job, gathered)
    except UnavailableError as error:
        return str(error)
    return ""


def _cards(job: Job) -> dict[str, SourceCard]:
    return {name: job.catalog[name].card for name in job.recipe.sources()}


def _card_view(job: Job) -> CardView:
    return card_view(job.recipe, _cards(job), _asked(job.options), job.missing)


def _asked(options: BuildOptions) -> Asked:
    return Asked(
        licenses=options.licenses,
        num_samples=options.num_samples,
        num_tokens=options.num_tokens,
        limit=options.limit,
    )


def _plan_view(job: Job, plan: Plan) -> CardView:
    """The plan's leaves, with the terms of what they draw on by the cards."""
    cards, asked = _cards(job), _asked(job.options)
    uses = {leaf.path: leaf_view(leaf, cards, asked).uses for leaf in plan.recipe.leaves()}
    leaves = [replace(view, uses=uses.get(view.path, {})) for view in plan_leaves(plan)]
    binding = binding_sentence(plan.binding, plan.recipe.unit) if plan.binding else ""
    return CardView(tuple(leaves), binding)


def _refusal(job: Job) -> str:
    """Why a build would not start; the plan shown is that with --allow-missing."""
    if not job.missing or job.options.allow_missing:
        return ""
    (path, why), *others = job.missing.items()
    more = f" and {len(others)} more" if others else ""
    return f"this needs --allow-missing: nobody can have the data of {path} ({why}){more}"
