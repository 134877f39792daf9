"""Resolve as a whole: parts, buckets, quotas, draws; what it found, and the tasks that follow.

Memory of a bucket's task is bounded by a setting, that of a part's by PART_ROWS; the driver holds
sums, and two bytes a drawn row.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from manifests.errors import InfeasibleError
from manifests.ledger import Fate
from manifests.storage import join, remove_tree
from mixtures.missing import without_missing
from mixtures.quota import Solution, solve_for
from mixtures.recipe import Recipe
from pipelines.alike.files import near_path
from pipelines.alike.stage import find_near, preference_of
from pipelines.bucket_supply import BucketSupply
from pipelines.buckets import Bucket, BucketTask, bucket_tasks, key_ranges
from pipelines.curate import CuratedSource
from pipelines.engine import Task
from pipelines.exclude import EXCLUDED_RULE
from pipelines.held_out.stage import Split, hold_out
from pipelines.judges import Judges
from pipelines.kept_parts import Facts, find_facts, keep_facts, parts_key
from pipelines.options import BuildOptions
from pipelines.part_files import open_path, turns_path
from pipelines.parts import Part, PartTask, cut_parts, num_rows, part_tasks, subset_codes
from pipelines.runner import SMALL_ROWS, Runner
from pipelines.settle import settle_tasks

Run = Callable[[str, Sequence[Task]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """`recipe` is what was solved, without `empty` components, `leaves` the paths before that.

    `rows` counts drawn rows by `source/subset`; `totals` are sums over them.
    """

    facts: Facts
    split: Split
    scratch: str  # the folder of what follows from quotas
    recipe: Recipe
    empty: tuple[str, ...]
    leaves: tuple[str, ...]
    supply: BucketSupply
    solution: Solution
    rows: dict[str, int]
    totals: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.solution.quotas)

    @property
    def is_small(self) -> bool:
        return self.facts.num_rows < SMALL_ROWS

    @property
    def digest(self) -> str:
        """32 hex digits over every row that was read, and what became of it before draws."""
        state = hashlib.blake2b(digest_size=16)
        for part in self.facts.parts:
            state.update(part.digest.encode())
        return state.hexdigest()

    @property
    def num_excluded(self) -> int:
        """Rows that a list took out, copies included."""
        key = (Fate.DROPPED.value, EXCLUDED_RULE)
        return sum(lost.get(key, 0) for lost in self.facts.losses)

    @property
    def num_bytes(self) -> int:
        """Of text and media that are drawn."""
        quotas = enumerate(self.solution.quotas)
        return sum(self.supply.amount(leaf, "bytes", rows) for leaf, rows in quotas)


def resolve(
    runner: Runner,
    curated: Sequence[CuratedSource],
    judges: Judges,
    scratch: str,
    options: BuildOptions,
) -> Resolved:
    """Decide what is drawn; InfeasibleError where that cannot be.

    What was found before quotas is kept in the store, where it is found the next time.
    """
    recipe = judges.recipe
    facts = _facts(runner, curated, judges, scratch, options)
    leaves = {leaf.path: leaf.index for leaf in recipe.leaves()}
    run = partial(runner.run, unit="rows", is_small=facts.num_rows < SMALL_ROWS)
    split = hold_out(partial(run, is_step=True), facts, options.holdout, scratch)
    supply = BucketSupply(split.folder, split.buckets, list(leaves.values()))
    empty = [path for path, index in leaves.items() if not supply.samples(index)]
    if options.allow_missing and empty:
        recipe = without_missing(recipe, empty)
        left = [leaves[leaf.path] for leaf in recipe.leaves()]
        supply = BucketSupply(split.folder, split.buckets, left)
    try:
        solution = solve_for(recipe, supply, options.num_samples, options.num_tokens)
    except InfeasibleError as error:
        raise InfeasibleError(f"{error} ({_lost_rows(facts, split)})") from error
    tasks = settle_tasks(split.folder, scratch, split.buckets, supply, solution.quotas)
    settled = run("draw", tasks)
    rows, totals = _add_up(settled, subset_codes(judges.cards))
    return Resolved(
        facts=facts,
        split=split,
        scratch=scratch,
        recipe=recipe,
        empty=tuple(empty),
        leaves=tuple(leaves),
        supply=supply,
        solution=solution,
        rows=rows,
        totals=totals,
    )


def _judge(
    run: Run, cut: Sequence[tuple[CuratedSource, ...]], judges: Judges, scratch: str
) -> list[Part]:
    tasks = [
        PartTask(
            number=number,
            scratch=scratch,
            curated=part,
            cards=judges.cards,
            recipe=judges.recipe,
            licenses=judges.licenses,
            exclusions=judges.exclusions,
            counter=judges.counter,
            benchmarks=judges.benchmarks,
        )
        for number, part in enumerate(cut)
    ]
    parts: list[Part] = [result["part"] for result in run("join", part_tasks(tasks))]
    return sorted(parts, key=lambda part: part.number)


def _gather(
    run: Run,
    parts: Sequence[Part],
    opened: Sequence[str],
    judges: Judges,
    scratch: str,
    memory_bytes: int,
) -> Facts:
    """Buckets of samples by draw, after those of rows by media where the recipe merges."""
    files: list[tuple[str, int | None]] = [
        (path, part.number) for part, path in zip(parts, opened, strict=True)
    ]
    num_open = sum(part.num_open for part in parts)
    lost: dict[int, dict[tuple[str, str], int]] = {}
    named = {entry for part in parts for entry in part.excluded}
    if judges.recipe.merge != "none":
        tasks = _bucket_tasks(files, judges, scratch, 0, key_ranges(num_open, memory_bytes))
        merged = run("merge", bucket_tasks(tasks, num_open, merging=True))
        merged.sort(key=lambda result: int(result["number"]))
        lost = {result["number"]: result["lost"] for result in merged}
        named.update(entry for result in merged for entry in result["named"])
        files = [(result["path"], None) for result in merged]
        num_open = sum(result["rows"] for result in merged)
        _remove([turns_path(scratch, part.number) for part in parts])
        _remove_open(scratch, parts)
    tasks = _bucket_tasks(files, judges, scratch, len(lost), key_ranges(num_open, memory_bytes))
    found = run("resolve", bucket_tasks(tasks, num_open, merging=False))
    _remove([path for path, _ in files])
    _remove_open(scratch, parts)
    buckets: list[Bucket] = sorted((r["bucket"] for r in found), key=lambda b: b.number)
    return Facts(
        folder=scratch,
        parts=tuple(parts),
        buckets=tuple(buckets),
        lost=lost | {bucket.number: bucket.lost for bucket in buckets},
        named=tuple(sorted(named)),
    )


def _remove_open(scratch: str, parts: Sequence[Part]) -> None:
    _remove([*(open_path(scratch, part.number) for part in parts), near_path(scratch, "")])


def _remove(paths: Sequence[str]) -> None:
    """What the next steps do not read: half of all that resolve writes."""
    for path in paths:
        remove_tree(path)


def _bucket_tasks(
    files: Sequence[tuple[str, int | None]],
    judges: Judges,
    scratch: str,
    first: int,
    ranges: Sequence[tuple[int, int]],
) -> list[BucketTask]:
    return [
        BucketTask(
            number=first + number,
            scratch=scratch,
            files=tuple(files),
            start=start,
            stop=stop,
            num_leaves=len(judges.recipe.leaves()),
            recipe=judges.recipe,
            counter=judges.counter,
            exclusions=judges.exclusions,
            preference=preference_of(judges.recipe, judges.cards).copies,
        )
        for number, (start, stop) in enumerate(ranges)
    ]


def _facts(
    runner: Runner,
    curated: Sequence[CuratedSource],
    judges: Judges,
    scratch: str,
    options: BuildOptions,
) -> Facts:
    """What is found before quotas: in the store, or made in `scratch` and kept."""
    key = parts_key(curated, judges)
    found = find_facts(options.store, key)
    if found is not None:
        return found
    made = join(scratch, "facts")
    cut = cut_parts(curated)
    run = partial(runner.run, unit="rows", is_small=num_rows(curated) < SMALL_ROWS)
    parts = _judge(run, cut, judges, made)
    opened = _without_near(partial(run, is_step=True), parts, judges, options.store, made)
    gathered = _gather(run, parts, opened, judges, made, options.memory_bytes)
    return keep_facts(options.store, key, gathered)


def _without_near(
    run: Run, parts: Sequence[Part], judges: Judges, store: str, made: str
) -> list[str]:
    """The open rows of each part, with what near duplicates match where the recipe asks."""
    if judges.recipe.near_duplicates is None:
        return [open_path(made, part.number) for part in parts]
    return find_near(run, parts, judges.recipe, judges.cards, store, made)


def _add_up(
    settled: Sequence[dict[str, Any]], names: Sequence[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """(drawn rows by `source/subset`, totals of the token columns)."""
    rows: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for result in settled:
        rows.update({names[code]: count for code, count in result["rows"].items()})
        totals.update(result["totals"])
    return dict(sorted(rows.items())), dict(totals)


def _lost_rows(facts: Facts, split: Split) -> str:
    """How many rows were read, and what most of those that are lost were lost to."""
    lost: Counter[tuple[str, str]] = Counter()
    for counts in facts.losses:
        lost.update(counts)
    if split.share is not None:
        lost[Fate.HELD_OUT.value, "--holdout"] = split.num_held + split.num_shared
    most = sorted(lost.items(), key=lambda item: (-item[1], item[0]))[:3]
    reasons = ", ".join(f"{count} {fate} by {rule}" for (fate, rule), count in most)
    return f"of {facts.num_rows} rows read: {reasons or 'none is lost'}"
