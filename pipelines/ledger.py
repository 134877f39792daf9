"""Ledger tasks: what became of every upstream row of one source, put together from all buckets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from manifests.errors import WorkError
from manifests.ledger import LEDGER_SCHEMA, Fate, Stage
from manifests.storage import join, open_parquet
from pipelines.buckets import lost_path
from pipelines.engine import Task
from pipelines.held_out.split import VALIDATION_RULE, heldout_path
from pipelines.ids import hex_ids
from pipelines.join import ORDER
from pipelines.part_files import part_path
from pipelines.resolution import Resolved
from pipelines.scratch import column, frame, read_batch
from pipelines.settle import kept_path

_MEMORY = 768 << 20
_PLACE = ["subset", "file", "row", "group", "turns"]
_COLUMNS = [
    *(*ORDER, "num_turns", "leaf", "turns", "fate", "stage", "rule", "value"),
    *("matched", "gate_rule", "gate_value", "has_id", "hi", "lo"),
]


@dataclass(frozen=True, slots=True)
class LedgerTask:
    """One source's rows: in these parts, at (start, stop) of each. `leaves` are their paths."""

    out: str
    source: str
    facts: str
    scratch: str
    ranges: tuple[tuple[int, int, int], ...]
    lost: tuple[int, ...]  # numbers of lost-*.arrow
    kept: tuple[int, ...]  # and of kept-*.arrow
    held: tuple[int, ...]  # and of heldout-*.arrow
    subsets: tuple[str, ...]
    leaves: tuple[str, ...]


def ledger_tasks(out: str, resolved: Resolved, subsets: Sequence[str]) -> list[Task]:
    """One a source; `subsets` are names by code."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    for part in resolved.facts.parts:
        for source, (start, stop) in part.ranges.items():
            found.setdefault(source, []).append((part.number, start, stop))
    tasks = []
    for source, ranges in found.items():
        task = LedgerTask(
            out=out,
            source=source,
            facts=resolved.facts.folder,
            scratch=resolved.scratch,
            ranges=tuple(ranges),
            lost=tuple(resolved.facts.lost),
            kept=tuple(bucket.number for bucket in resolved.facts.buckets),
            held=tuple(bucket.number for bucket in resolved.split.held),
            subsets=tuple(subsets),
            leaves=resolved.leaves,
        )
        rows = sum(stop - start for _, start, stop in ranges)
        tasks.append(Task(f"ledger {source}", "rows", run_ledger_task, (task,), _MEMORY, rows))
    return tasks


def run_ledger_task(task: LedgerTask) -> dict[str, Any]:
    """Task: write ledger/<source>.parquet; returns its path, rows, and fates by subset."""
    path = f"ledger/{task.source}.parquet"
    fates: Counter[tuple[str, str]] = Counter()
    with open_parquet(join(task.out, path), LEDGER_SCHEMA) as take:
        for number, start, stop in task.ranges:
            rows = _ledger_rows(task, number, start, stop)
            _check(rows, task.source)
            counts = rows.group_by("subset", "fate").len()
            fates.update({(subset, fate): count for subset, fate, count in counts.iter_rows()})
            table = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(LEDGER_SCHEMA)
            for batch in table.to_batches():
                take(batch)
    return {"path": path, "rows": sum(fates.values()), "fates": dict(fates)}


def _check(rows: pl.DataFrame, source: str) -> None:
    if rows["fate"].null_count():
        raise WorkError(f"{source}: {rows['fate'].null_count()} rows ended without a fate")
    twice = rows.select(_PLACE).is_duplicated().sum()
    if twice:
        raise WorkError(f"{source}: {twice} upstream rows are in the ledger twice")


def _ledger_rows(task: LedgerTask, number: int, start: int, stop: int) -> pl.DataFrame:
    batch = read_batch(part_path(task.facts, number), _COLUMNS).slice(start, stop - start)
    rows = frame([batch]).with_columns(
        pl.col("source", "subset", "file", "fate", "stage", "rule", "gate_rule").cast(pl.String),
        at=pl.Series(np.arange(start, stop, dtype=np.uint32)),
    )
    ids = hex_ids(rows["hi"].to_numpy(), rows["lo"].to_numpy())
    rows = rows.with_columns(pl.Series("hex", ids))
    rows = _overlay(rows, _lost_rows(task, number, start, stop))
    if task.held:
        rows = _hold_out(rows, task, number)
    rows = _settle(rows, task, number)
    named = pl.format("{}/{}/{}", "source", "subset", "hex")
    rows = rows.with_columns(id=pl.when("has_id").then(named))
    return _with_trimmed(rows).select(LEDGER_SCHEMA.names)


def _slices(paths: Iterator[str], number: int, start: int, stop: int) -> pl.DataFrame:
    """Rows of tables that are sorted by place, between two places of a part."""
    batches = []
    for path in paths:
        batch = read_batch(path)
        low, high = np.searchsorted(column(batch, "part"), [number, number + 1])
        mine = batch.slice(int(low), int(high - low))
        low, high = np.searchsorted(column(mine, "at"), [start, stop])
        batches.append(mine.slice(int(low), int(high - low)))
    return frame(batches)


def _lost_rows(task: LedgerTask, number: int, start: int, stop: int) -> pl.DataFrame:
    lost = _slices((lost_path(task.facts, n) for n in task.lost), number, start, stop)
    names = pl.Series("names", task.subsets, dtype=pl.String)
    ids = pl.Series("hex", hex_ids(lost["hi"].to_numpy(), lost["lo"].to_numpy()))
    matched = pl.format("{}/{}", pl.lit(names).gather("matched_code"), ids)
    has_match = pl.col("matched_code").is_not_null()
    is_head = pl.col("fate").is_null()  # others were merged into it
    return lost.select(
        "at",
        new_hex=pl.when(is_head).then(ids),
        new_fate="fate",
        new_stage="stage",
        new_rule="rule",
        new_value="value",
        new_matched=pl.when(has_match).then(matched),
    )


def _overlay(rows: pl.DataFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """Fates that buckets decided; the rule of one that the token gate drops is its own."""
    rows = rows.join(lost, on="at", how="left", maintain_order="left")
    hit = pl.col("new_fate").is_not_null()
    gated = hit & (pl.col("new_stage") == Stage.GATE.value)
    return rows.with_columns(
        fate=pl.when(hit).then("new_fate").otherwise("fate"),
        stage=pl.when(hit).then("new_stage").otherwise("stage"),
        rule=pl.when(gated).then("gate_rule").when(hit).then("new_rule").otherwise("rule"),
        value=pl.when(gated).then("gate_value").when(hit).then("new_value").otherwise("value"),
        matched=pl.when(hit).then("new_matched").otherwise("matched"),
        hex=pl.coalesce("new_hex", "hex"),
        # A sample that was merged has all the turns that it is said to have.
        turns=pl.when(pl.col("new_hex").is_null()).then("turns"),
    )


def _hold_out(rows: pl.DataFrame, task: LedgerTask, number: int) -> pl.DataFrame:
    """Open rows that are not trained on, with the component that claimed them."""
    start, stop = int(rows["at"][0]), int(rows["at"][-1]) + 1
    held = _slices((heldout_path(task.scratch, n) for n in task.held), number, start, stop)
    names = pl.lit(pl.Series("names", task.leaves, dtype=pl.String))
    named = held.select("at", held_rule="rule", held_for=names.gather("leaf"))
    rows = rows.join(named, on="at", how="left", maintain_order="left")
    hit = pl.col("held_rule").is_not_null()
    return rows.with_columns(
        fate=pl.when(hit).then(pl.lit(Fate.HELD_OUT.value)).otherwise("fate"),
        stage=pl.when(hit).then(pl.lit(Stage.HOLDOUT.value)).otherwise("stage"),
        rule=pl.when(hit).then("held_rule").otherwise("rule"),
        value=pl.when(hit).then("held_for").otherwise("value"),
    )


def _settle(rows: pl.DataFrame, task: LedgerTask, number: int) -> pl.DataFrame:
    """Open rows become kept or not drawn; the rule is the component that claimed them."""
    start, stop = int(rows["at"][0]), int(rows["at"][-1]) + 1
    kept = _slices((kept_path(task.scratch, n) for n in task.kept), number, start, stop)
    is_kept = np.zeros(rows.height, dtype=bool)
    is_kept[kept["at"].to_numpy() - start] = True
    names = pl.lit(pl.Series("names", task.leaves, dtype=pl.String))
    is_open = pl.col("fate").is_null()
    fate = pl.when(pl.Series(is_kept)).then(pl.lit(Fate.KEPT.value))
    place = pl.when(pl.col("leaf") >= 0).then("leaf").otherwise(0)
    return rows.with_columns(
        rule=pl.when(is_open).then(names.gather(place)).otherwise("rule"),
        stage=pl.when(is_open).then(pl.lit(Stage.QUOTA.value)).otherwise("stage"),
        fate=pl.when(is_open).then(fate.otherwise(pl.lit(Fate.NOT_DRAWN.value))).otherwise("fate"),
    )


def _with_trimmed(rows: pl.DataFrame) -> pl.DataFrame:
    """Of emitted rows some of whose turns are not written, these turns as an entry of their own."""
    written = pl.col("turns").list.len()
    is_cut = is_emitted() & (written < pl.col("num_turns"))
    cut = rows.filter(is_cut.fill_null(False))
    if cut.is_empty():
        return rows.with_columns(turns=pl.lit(None, pl.String))
    turns = [sorted(kept) for kept in cut["turns"].to_list()]
    rest = [
        sorted(set(range(count)) - set(kept))
        for count, kept in zip(cut["num_turns"].to_list(), turns, strict=True)
    ]
    kept = cut.select("at", turns_kept=pl.Series([number_ranges(t) for t in turns]))
    trimmed = cut.with_columns(
        turns=pl.Series([number_ranges(t) for t in rest]),
        fate=pl.lit(Fate.TRIMMED.value),
        stage=pl.lit(Stage.TRIM.value),
        rule=pl.lit("turns_over_limit"),
        value=pl.format("{} turns", "num_turns"),
    )
    rows = rows.drop("turns").join(kept, on="at", how="left", maintain_order="left")
    both = pl.concat([rows.rename({"turns_kept": "turns"}), trimmed], how="diagonal_relaxed")
    return both.sort("at", maintain_order=True)


def is_emitted() -> pl.Expr:
    """Whether an entry is of a row that one of the splits holds."""
    is_held = (pl.col("fate") == Fate.HELD_OUT.value) & (pl.col("rule") == VALIDATION_RULE)
    return (pl.col("fate") == Fate.KEPT.value) | is_held


def number_ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as 0-6,9."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in parts)
