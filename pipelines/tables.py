"""The tables that a build prints: what it would do, and what was asked and achieved."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.table import Table

from mixtures.plan import Plan
from mixtures.recipe import Recipe
from pipelines.access import restriction
from pipelines.curate import CuratePlan
from pipelines.progress import human_bytes
from pipelines.select import Selection
from pipelines.upstream import Upstream


def print_dry_run(
    console: Console, recipe: Recipe, upstreams: Sequence[Upstream], curate: CuratePlan
) -> None:
    shares = ", ".join(f"{leaf.path} {float(leaf.share):.4g}" for leaf in recipe.leaves())
    console.print(f"shares of {recipe.unit}: {shares}", soft_wrap=True)
    table = Table("source", "row shards", "media shards", "upstream size")
    for upstream in upstreams:
        files = {shard.file.path: shard.file.size for _, shard in upstream.rows}
        for _, shard in upstream.media:
            files |= {file.path: file.size for file in shard.files}
        size = human_bytes(sum(files.values()))
        table.add_row(upstream.source.name, str(len(upstream.rows)), str(len(upstream.media)), size)
    console.print(table)
    todo = len(curate.media) + len(curate.rows)
    console.print(
        f"in the store: {curate.num_done} shards; to curate: {todo} shards, "
        f"{human_bytes(curate.pending_bytes)}",
        soft_wrap=True,
    )


def print_result(console: Console, plan: Plan, selection: Selection) -> None:
    """Asked and achieved shares, by component; then what stops the mixture from being larger."""
    total = selection.rows.height
    table = Table("component", "asked", "achieved", "rows", "available", "tokens")
    for column in table.columns[1:]:
        column.justify = "right"
    leaves = plan.recipe.leaves()
    tokens = _tokens_by_leaf(selection)
    for leaf, rows, available in zip(
        leaves, selection.solution.quotas, selection.available, strict=True
    ):
        cells = (f"{float(leaf.share):.2%}", f"{rows / total:.2%}", f"{rows:,}")
        table.add_row(leaf.path, *cells, f"{available:,}", f"{tokens[leaf.index]:,}")
    table.add_section()
    table.add_row(
        "total",
        "100.00%",
        "100.00%",
        f"{total:,}",
        f"{sum(selection.available):,}",
        f"{sum(tokens):,}",
    )
    console.print(table)
    if plan.tokens_estimated:
        console.print(f"tokens are for {plan.processor}; their text part is estimated")
    if plan.restricted:
        console.print(restriction(plan.restricted), soft_wrap=True)
    if selection.solution.binding is not None:
        binding = selection.solution.binding
        console.print(f"one more row would not fit: {binding}", soft_wrap=True)


def _tokens_by_leaf(selection: Selection) -> list[int]:
    counts = [0] * len(selection.solution.quotas)
    sums = selection.rows.group_by("leaf").agg(tokens=pl.col("num_tokens").sum())
    for leaf, tokens in sums.iter_rows():
        counts[leaf] = tokens
    return counts
