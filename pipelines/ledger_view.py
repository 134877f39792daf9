"""`mixture ledger`: what became of a build's upstream rows, by filter and reason or by subset.

Examples say what was measured of a row, the threshold that decided, and how its text begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from manifests.errors import UsageError
from manifests.ledger import Fate, Stage
from mixtures.policies import Policy
from pipelines.build_store import BuildStore, look_up
from pipelines.leak_items import leak_items
from pipelines.ledger_entries import Entry, ledger_files, place_of, read_entries
from pipelines.ledger_filters import (
    Rules,
    build_filters,
    params_for,
    reason_owners,
    said_scores,
)
from pipelines.nearest import Nearest, deciding

By = Literal["filter", "subset", "benchmark"]

NUM_EXAMPLES = 3
_COUNTED = ["source", "subset", "fate", "stage", "rule", "benchmark"]
_KEYS: dict[By, list[str]] = {
    "benchmark": ["benchmark", "source", "rule"],
    "filter": ["fate", "stage", "rule"],
    "subset": ["source", "subset", "fate"],
}


@dataclass(frozen=True, slots=True)
class Example:
    """A ledger entry; `deciding` are thresholds that turn its verdict, `text` how it begins, and
    `matched_text` how the sample begins that it lost to, or the benchmark's item."""

    entry: Entry
    deciding: tuple[Nearest, ...]
    text: str | None
    matched_text: str | None

    @property
    def place(self) -> str:
        return place_of(self.entry)

    def as_json(self) -> Entry:
        return {
            "id": self.entry["id"],
            "place": self.place,
            "fate": self.entry["fate"],
            "rule": self.entry["rule"],
            "value": self.entry["value"],
            "matched": self.entry["matched"],
            "thresholds": {n.param: n.threshold for n in self.deciding},
            "turns_at": {n.param: n.turns_at for n in self.deciding},
            "then": {n.param: n.then for n in self.deciding},
            "text": self.text,
            "matched_text": self.matched_text,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Ledger entries of one kind; `whole` counts those that its share is of."""

    key: dict[str, str | None]
    filter_name: str | None  # whose reason it is
    rows: int
    whole: int
    examples: list[Example] = field(default_factory=list)

    def as_json(self) -> Entry:
        share = self.rows / self.whole
        return {
            **self.key,
            "filter": self.filter_name,
            "rows": self.rows,
            "share": share,
            "examples": [example.as_json() for example in self.examples],
        }


@dataclass(frozen=True, slots=True)
class LedgerView:
    """Groups of the asked fate (None: of all), the largest first; `num_rows` are of all fates.

    A trimmed turn is no row: its row has another entry. `gone` says which filters of the build are
    not there as they were, and why: their thresholds are not told. `unread` says the same of
    benchmarks whose items cannot be shown.
    """

    build: str
    by: By
    fate: Fate | None
    num_rows: int
    groups: list[Group]
    gone: dict[str, str]
    unread: dict[str, str]

    def as_json(self) -> Entry:
        return {
            "build": self.build,
            "by": self.by,
            "fate": self.fate,
            "rows": self.num_rows,
            "gone": self.gone,
            "unread": self.unread,
            "groups": [group.as_json() for group in self.groups],
        }


def ledger_view(
    build: str, fate: Fate | None, by: By, examples_from: BuildStore | None
) -> LedgerView:
    """Counts by the ledger; with a store also examples of each group.

    By benchmark only leaked rows are counted; UsageError where others are asked for.
    """
    if by == "benchmark" and fate is not Fate.LEAKED:
        raise UsageError("--by benchmark counts rows that leaked; say --fate leaked with it")
    found = build_filters(build)
    names = ledger_files(build)
    counts = _counts(build, names)
    rows_alone = counts.filter(pl.col("fate") != Fate.TRIMMED.value)
    whole = int(rows_alone["rows"].sum())
    wholes = {
        tuple(k): n
        for keys in (["source", "subset"], ["source"])
        for *k, n in _summed(rows_alone, keys).iter_rows()
    }
    shown = counts if fate is None else counts.filter(pl.col("fate") == fate.value)
    owners = reason_owners(found.rules)
    groups = []
    for entry in _summed(shown, _KEYS[by]).to_dicts():
        rows = entry.pop("rows")
        of = whole
        if by != "filter":
            of = wholes[tuple(entry[key] for key in ("source", "subset") if key in entry)]
        is_judged = entry.get("stage") == Stage.FILTER.value
        groups.append(Group(entry, owners.get(entry["rule"]) if is_judged else None, rows, of))
    unread = {}
    if examples_from is not None:
        unread = _add_examples(build, names, groups, found.rules, examples_from)
    return LedgerView(build, by, fate, whole, groups, found.gone, unread)


def _counts(build: str, names: Iterable[str]) -> pl.DataFrame:
    """Rows by source, subset, fate, stage and rule; one file is held at a time."""
    columns = [*_COUNTED[:-1], "matched"]
    entries = (_with_benchmark(read_entries(build, name, columns)) for name in names)
    found = [rows.group_by(_COUNTED).len("rows") for rows in entries]
    return pl.concat(found).with_columns(pl.col("rows").cast(pl.Int64))


def _with_benchmark(entries: pl.DataFrame) -> pl.DataFrame:
    """`benchmark`: of rows that leaked, from `benchmark/place` of what they matched."""
    benchmark = pl.col("matched").str.split("/").list.first()
    is_leaked = pl.col("fate") == Fate.LEAKED.value
    return entries.with_columns(benchmark=pl.when(is_leaked).then(benchmark))


def _summed(counts: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    sums = counts.group_by(keys).agg(pl.col("rows").sum())
    return sums.sort("rows", *keys, descending=[True, *[False] * len(keys)], nulls_last=True)


def _add_examples(
    build: str,
    names: Iterable[str],
    groups: Sequence[Group],
    rules: Rules,
    store: BuildStore,
) -> dict[str, str]:
    """The first rows of each group, in the ledger's order. Returns `LedgerView.unread`."""
    wanted = pl.DataFrame([group.key for group in groups], infer_schema_length=None)
    if wanted.is_empty():
        return {}
    keys = wanted.columns
    wanted = wanted.with_columns(pl.all().cast(pl.String)).with_row_index("number")
    taken: dict[int, list[Entry]] = {}
    for name in names:
        rows = _with_benchmark(read_entries(build, name)).join(
            wanted, on=keys, how="inner", nulls_equal=True
        )
        first = rows.group_by("number", maintain_order=True).head(NUM_EXAMPLES)
        for entry in first.to_dicts():
            found = taken.setdefault(entry.pop("number"), [])
            found += [entry] if len(found) < NUM_EXAMPLES else []
    entries = [entry for found in taken.values() for entry in found]
    leaked = {e["matched"] for e in entries if e["fate"] == Fate.LEAKED.value}
    items = leak_items(build, leaked)
    matched = _matched_texts(build, entries, store) | items.texts
    for number, entries in taken.items():
        groups[number].examples.extend(
            Example(
                entry,
                tuple(deciding_thresholds(entry, rules, row.policy)),
                row.text,
                matched.get(entry["matched"]),
            )
            for entry, row in zip(entries, look_up(store, entries), strict=True)
        )
    return items.gone


def _matched_texts(
    build: str, entries: Sequence[Entry], store: BuildStore
) -> dict[str, str | None]:
    """How the samples begin that rows are said to be duplicates of, by id."""
    wanted = {e["matched"] for e in entries if e["fate"] == Fate.DUPLICATE.value} - {None}
    found: dict[str, Entry] = {}
    for source in sorted({str(id_).partition("/")[0] for id_ in wanted}):
        rows = read_entries(build, f"{source}.parquet").filter(pl.col("id").is_in(sorted(wanted)))
        for entry in rows.unique("id", keep="first", maintain_order=True).to_dicts():
            found[entry["id"]] = entry
    texts = look_up(store, list(found.values()))
    return {id_: row.text for id_, row in zip(found, texts, strict=True)}


def deciding_thresholds(entry: Entry, rules: Rules, policy: Policy | None) -> list[Nearest]:
    """The thresholds that dropped a row: at another value of each its reason would not hold."""
    owner = reason_owners(rules).get(entry["rule"])
    if owner is None or entry["stage"] != Stage.FILTER.value:
        return []
    params = params_for(rules[owner], policy)
    if params is None:
        return []
    filter_ = rules[owner].filter
    scores = said_scores(filter_, [entry["value"] or ""])
    return list(deciding(filter_, params, scores, entry["rule"]).values())
