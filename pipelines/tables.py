"""The table that a build ends with: what was asked, what was achieved, and what must be known."""

from __future__ import annotations

from fractions import Fraction

from rich.console import Console
from rich.table import Table

from mixtures.plan import Plan, Validation
from pipelines.access import restriction
from pipelines.cells import UNKNOWN, count, passes, percent
from pipelines.views import ComponentView, folded, plan_leaves, summed, with_inner


def print_result(console: Console, plan: Plan) -> None:
    """Shares of the recipe's unit by component, inner ones too; then marks, terms, what binds."""
    leaves = plan_leaves(plan)
    whole = summed("total", leaves)
    table = Table("component", "asked", "achieved", "rows", "repeats", "available", "tokens")
    table.columns[0].overflow = "fold"
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for view in folded(with_inner(leaves)):
        table.add_row(*_cells(view, whole))
    table.add_section()
    table.add_row(*_cells(whole, whole))
    console.print(table)
    for line in notes(plan):
        console.print(line, soft_wrap=True)


def _cells(view: ComponentView, whole: ComponentView) -> tuple[str, ...]:
    if view.missing is not None:
        return (view.label, *[UNKNOWN] * 4, "none", UNKNOWN)
    assert view.amount is not None and whole.amount, "a plan knows what it draws"
    return (
        view.label,
        percent(view.share),
        percent(Fraction(view.amount, whole.amount)),
        count(view.rows),
        passes(view.repeats),
        count(view.available),
        count(view.tokens),
    )


def notes(plan: Plan) -> list[str]:
    """What a reader of a plan's table must know beside it, a line each."""
    counted = f"is counted with {plan.tokenizer}" if plan.tokenizer else "is estimated"
    lines = [f"tokens are for {plan.processor}; their text part {counted}"]
    if plan.recipe.unit != "samples":
        lines.append(f"shares are of {plan.recipe.unit.replace('_', ' ')}")
    lines += [f"without {path}: {reason}" for path, reason in plan.missing.items()]
    lines += [_held_out(plan.validation)] if plan.validation else []
    lines += [restriction(plan.restricted)] if plan.restricted else []
    return lines + ([binding_sentence(plan.binding, plan.recipe.unit)] if plan.binding else [])


def _held_out(held: Validation) -> str:
    also = f"; {held.shares_media:,} more are in neither split" if held.shares_media else ""
    return f"{held.total:,} rows are held out for validation ({percent(held.share)} asked){also}"


def binding_sentence(shortage: str, unit: str) -> str:
    """What stops the mixture from being larger."""
    more = "one more row" if unit == "samples" else "more"
    return f"{more} would not fit: {shortage}"
