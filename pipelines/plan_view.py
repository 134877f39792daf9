"""A plan as a user sees it: components, sources, what the work is, and what binds.

The same table before any download, by the cards, and after curation, by the store; what only the
store can tell is a dash before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table

from mixtures.plan import Plan
from mixtures.recipe import Recipe
from pipelines.cells import UNKNOWN, count, duration, passes, percent, short, size, uses
from pipelines.progress import human_bytes, printable
from pipelines.tables import notes
from pipelines.views import ComponentView, folded, summed, with_inner
from pipelines.work import EMIT_RATE, SourceWork

Basis = Literal["cards", "upstream", "store"]

_BASES: dict[Basis, str] = {
    "cards": "by the cards alone",
    "upstream": "components by the cards, sizes as upstream has them",
    "store": "by the facts in the store",
}
_CARD_NOTE = (
    "available: rows of the cards, + where more are not counted; filters, duplicates and "
    "conditions leave fewer; tokens are known after curation"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """What there is to say of a mixture that was not built; `plan` is there by the store only."""

    recipe: Recipe
    basis: Basis
    leaves: tuple[ComponentView, ...]
    works: tuple[SourceWork, ...]
    num_workers: int
    binding: str  # a sentence; empty where nothing is known to bind
    num_done: int = 0  # shards in the store
    num_pending: int = 0
    refusal: str = ""  # why a build would not start
    why_cards: str = ""  # why upstream was not looked at
    skipped: Mapping[str, str] = field(default_factory=dict)  # sources, and why
    benchmarks: tuple[str, ...] = ()  # of the recipe
    to_index: Mapping[str, int] = field(default_factory=dict)  # those to be read, and their bytes
    not_held_against: tuple[str, ...] = ()  # of them, those that were switched off
    holdout: Fraction | None = None
    plan: Plan | None = None

    @property
    def curate_seconds(self) -> float | None:
        """On all workers, without the network; None where no size is known."""
        known = [work.seconds for work in self.works if work.seconds is not None]
        return sum(known) / self.num_workers if known or not self.works else None

    @property
    def emit_seconds(self) -> float | None:
        num_bytes = summed("", self.leaves).num_bytes
        return None if num_bytes is None else num_bytes / EMIT_RATE

    def as_json(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.name,
            "unit": self.recipe.unit,
            "basis": self.basis,
            "why_cards": self.why_cards or None,
            "components": [view.as_json() for view in with_inner(self.leaves)],
            "total": summed("", self.leaves).as_json(),
            "sources": [work.as_json() for work in self.works],
            "binding": self.binding or None,
            "refusal": self.refusal or None,
            "skipped": dict(self.skipped),
            "benchmarks": list(self.benchmarks),
            "to_index": dict(self.to_index),
            "not_held_against": list(self.not_held_against),
            "curate_seconds": self.curate_seconds,
            "emit_seconds": self.emit_seconds,
            "num_workers": self.num_workers,
            "holdout": None if self.holdout is None else str(self.holdout),
            "plan": None if self.plan is None else self.plan.model_dump(mode="json"),
        }


def render_plan(console: Console, view: PlanView) -> None:
    line = f"plan of {view.recipe.name}, {_BASES[view.basis]}"
    console.print(f"{line} ({view.why_cards})" if view.why_cards else line, soft_wrap=True)
    console.print(_component_table(view))
    if any(work.num_bytes is None or work.pending_bytes for work in view.works):
        console.print(_source_table(view.works))
    for line in _lines(view):
        console.print(printable(line), soft_wrap=True)


def _component_table(view: PlanView) -> Table:
    """Tokens and bytes are columns where they are known: by the store."""
    late = ["tokens", "bytes"] if view.plan is not None else []
    names = ("component", "asked", "available", "drawn", "repeats", *late, "commercial use")
    table = Table(*names, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.columns[0].overflow = "fold"
    for column in table.columns[1:-1]:
        column.justify, column.no_wrap = "right", True
    for component in folded(with_inner(view.leaves)):
        table.add_row(*_cells(component, view.plan is not None))
    table.add_section()
    table.add_row(*_cells(summed("total", view.leaves), view.plan is not None))
    return table


def _cells(view: ComponentView, by_store: bool) -> tuple[str, ...]:
    if view.missing is not None:
        return view.label, UNKNOWN, "none", *[UNKNOWN] * (5 if by_store else 3)
    return (
        view.label,
        percent(view.share),
        short(view.available, view.all_known),
        count(view.rows),
        passes(view.repeats),
        *([short(view.tokens), size(view.num_bytes)] if by_store else []),
        uses(view.uses),
    )


def _source_table(works: Sequence[SourceWork]) -> Table:
    names = ("source", "rows", "upstream", "to curate", "on one core", "commercial use")
    table = Table(*names, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in table.columns[1:-1]:
        column.justify, column.no_wrap = "right", True
    for work in works:
        bound = "<= " if work.is_bound and work.num_bytes is not None else ""
        time = UNKNOWN if work.seconds is None else bound + duration(work.seconds)
        sizes = [bound + size(value) for value in (work.num_bytes, work.pending_bytes)]
        table.add_row(
            work.name, short(work.rows, work.all_rows_known), *sizes, time, uses(work.uses)
        )
    return table


def _lines(view: PlanView) -> Iterator[str]:
    if view.plan is None:
        yield _CARD_NOTE
        if view.holdout is not None:
            yield f"held out of that for validation: {percent(view.holdout)} of media and texts"
        missing = [leaf for leaf in view.leaves if leaf.missing is not None]
        yield from (f"without {leaf.path}: {leaf.missing}" for leaf in missing)
        if any(leaf.share is None and leaf.missing is None for leaf in view.leaves):
            unit = view.recipe.unit.replace("_", " ")
            yield f"shares follow from the {unit} of each component, which no card counts"
    if view.basis != "cards":
        pending = sum(work.pending_bytes or 0 for work in view.works)
        yield (
            f"in the store: {view.num_done} shards; to curate: {view.num_pending} shards, "
            f"{human_bytes(pending)}"
        )
    if view.basis == "upstream" and not view.num_pending:
        yield "measures of filters or tokens are still to be made; a build makes them"
    yield from _times(view)
    yield from (f"skipped {name}: {why}" for name, why in view.skipped.items())
    yield from _benchmarks(view)
    if view.plan is not None:
        yield from notes(view.plan)
    elif view.binding:
        yield view.binding
    if view.refusal:
        yield view.refusal


def _benchmarks(view: PlanView) -> Iterator[str]:
    held = [name for name in view.benchmarks if name not in view.not_held_against]
    if held:
        yield f"held against {len(held)} benchmarks: {', '.join(held)}"
    if view.to_index:
        total = human_bytes(sum(view.to_index.values()))
        yield f"indexes to be made of {', '.join(view.to_index)}: {total} to read"
    if view.not_held_against:
        yield f"not held against {', '.join(view.not_held_against)}"


def _times(view: PlanView) -> Iterator[str]:
    unknown = [work for work in view.works if work.seconds is None]
    number = f"{len(unknown)} source{'s' if len(unknown) > 1 else ''}"
    more = f", and what {number} of unknown size take" if unknown else ""
    if view.curate_seconds:
        time = f"{duration(view.curate_seconds)} on {view.num_workers} cores after the download"
        yield f"curate: very roughly {time}{more}"
    if view.emit_seconds is not None:
        yield f"emit: very roughly {duration(view.emit_seconds)} on one core"
