"""Rows that went because of another, side by side with it: duplicates, and what leaked.

Shown are clusters and leaks whose ids have the smallest hex digits, so many of each rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests.ledger import Fate
from manifests.storage import exists
from pipelines.build_store import BuildStore, run_says
from pipelines.leak_items import leak_items
from pipelines.ledger_entries import Entry, ledger_files, place_of, read_entries
from pipelines.report.chat import Piece, Turn
from pipelines.report.picks import hex_of
from pipelines.report.stored import stored_turns
from pipelines.report.thumbs import Room

# Of each rule; and rows of one cluster beside the one that stayed.
_CLUSTERS_EACH = 6
_LEAKS_EACH = 8
_MEMBERS = 2
_COLUMNS = ["source", "subset", "file", "row", "group", "fate", "rule", "value", "matched", "id"]


@dataclass(frozen=True, slots=True)
class Side:
    """One row: where upstream has it, and what it says; no turns where nobody has it any more."""

    title: str
    place: str
    note: str
    turns: list[Turn]


@dataclass(frozen=True, slots=True)
class Group:
    """What stayed, or a benchmark's item, and rows that went because of it; `count` of them."""

    rule: str
    count: int
    stayed: Side
    gone: list[Side]


@dataclass(frozen=True, slots=True)
class Pairs:
    """`sizes` counts clusters by their rows; `unread` says why items are not shown."""

    duplicates: list[Group]
    leaks: list[Group]
    sizes: Counter[int]
    num_duplicates: int
    num_leaks: int
    unread: str


def find_pairs(build: str, store: BuildStore, room: Room) -> Pairs:
    """By the ledger; one file of it is held at a time, and of all what is duplicate or leaked."""
    lost = _lost(build)
    is_leak = pl.col("fate") == Fate.LEAKED.value
    copies, leaked = lost.filter(~is_leak), lost.filter(is_leak)
    counts = copies.group_by("matched").len("count")
    sizes = Counter(
        {n + 1: c for n, c in counts["count"].value_counts(name="clusters").iter_rows()}
    )
    leaks, unread = _leaks(build, store, leaked, room)
    return Pairs(
        duplicates=_duplicates(build, store, copies, counts, room),
        leaks=leaks,
        sizes=sizes,
        num_duplicates=copies.height,
        num_leaks=leaked.height,
        unread=unread,
    )


def _lost(build: str) -> pl.DataFrame:
    fates = [Fate.DUPLICATE.value, Fate.LEAKED.value]
    wanted = pl.col("fate").is_in(fates) & pl.col("matched").is_not_null()
    found = [read_entries(build, name, _COLUMNS).filter(wanted) for name in ledger_files(build)]
    return pl.concat(found).sort("source", "subset", "file", "row", "group")


def _duplicates(
    build: str, store: BuildStore, copies: pl.DataFrame, counts: pl.DataFrame, room: Room
) -> list[Group]:
    heads = copies.group_by("rule", "matched").len().with_columns(hex=hex_of("matched"))
    chosen = heads.sort("rule", "hex", "matched").group_by("rule", maintain_order=True)
    # What needs a look most comes first: copies that are not exact.
    wanted = chosen.head(_CLUSTERS_EACH).sort("rule", "hex", descending=[True, False])
    stayed = _entries_of(build, wanted["matched"].to_list())
    number = dict(counts.iter_rows())
    groups = []
    for rule, matched in wanted.select("rule", "matched").iter_rows():
        mine = copies.filter((pl.col("matched") == matched) & (pl.col("rule") == rule))
        head = stayed.get(matched)
        side = Side("stayed", matched, "", [])
        if head is not None:
            fate = head["fate"].replace("_", " ")
            side = Side("stayed", place_of(head), fate, stored_turns(store, head, room))
        gone = [_side(store, entry, room) for entry in mine.head(_MEMBERS).to_dicts()]
        groups.append(Group(rule, number[matched], side, gone))
    return groups


def _entries_of(build: str, ids: Sequence[str]) -> dict[str, Entry]:
    """The first entry of each sample: of the row that its conversation begins with."""
    found: dict[str, Entry] = {}
    for source in sorted({id_.partition("/")[0] for id_ in ids}):
        rows = read_entries(build, f"{source}.parquet", _COLUMNS)
        mine = rows.filter(pl.col("id").is_in(list(ids)) & (pl.col("fate") != Fate.TRIMMED.value))
        for entry in mine.unique("id", keep="first", maintain_order=True).to_dicts():
            found.setdefault(entry["id"], entry)
    return found


def _leaks(
    build: str, store: BuildStore, leaked: pl.DataFrame, room: Room
) -> tuple[list[Group], str]:
    ordered = leaked.with_columns(hex=hex_of("id")).sort("rule", "hex", "matched", nulls_last=True)
    shown = ordered.group_by("rule", maintain_order=True).head(_LEAKS_EACH).to_dicts()
    texts, unread = items_of(build, {entry["matched"] for entry in shown})
    groups = []
    for entry in shown:
        text = texts.get(entry["matched"], "")
        turns = [Turn("benchmark", [Piece(text=text)])] if text else []
        item = Side("benchmark item", entry["matched"], "", turns)
        groups.append(Group(entry["rule"], 1, item, [_side(store, entry, room)]))
    return groups, unread


def items_of(build: str, matched: set[str]) -> tuple[dict[str, str], str]:
    """Texts of items where a mirror has them: a report asks nothing of the network."""
    if not matched:
        return {}, ""
    mirror = run_says(build, "mirror")
    if not (mirror and exists(mirror)):
        return {}, "Items are not copied into a build; mixture ledger --examples reads them."
    found = leak_items(build, matched)
    return found.texts, " ".join(f"Not read: {name}." for name in sorted(found.gone))


def _side(store: BuildStore, entry: Entry, room: Room) -> Side:
    title = "leaked" if entry["fate"] == Fate.LEAKED.value else "went"
    return Side(title, place_of(entry), entry["value"] or "", stored_turns(store, entry, room))
