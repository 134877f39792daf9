"""Tables of the page that the manifest and the ledger's counts tell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from manifests.build import BuildManifest, ComponentRows, OriginTerms
from manifests.ledger import Fate, Stage
from pipelines.ledger_view import Group

# Rows of one table of the page; of more, those with the most rows are shown.
MAX_ROWS = 250
# Said of each stage that drops rows.
_STAGES = {
    Stage.CURATE: "could not be read",
    Stage.JOIN: "media missing or broken",
    Stage.ACCESS: "licence, or excluded",
    Stage.FILTER: "filters",
    Stage.DECONTAMINATE: "leaked from benchmarks",
    Stage.DEDUPLICATE: "duplicates",
    Stage.MERGE: "merged into another row",
    Stage.TRIM: "turns trimmed",
    Stage.GATE: "too many tokens",
    Stage.HOLDOUT: "held out",
    Stage.QUOTA: "not drawn",
    Stage.EMIT: "not written",
}


@dataclass(frozen=True, slots=True)
class Share:
    """A component; `depth` is 0 at the top. Bars are relative to the largest share."""

    name: str
    depth: int
    asked: Fraction
    achieved: Fraction
    amount: int
    rows: int
    furthest: float  # from its share, in rows, over all prefixes

    @property
    def points(self) -> float:
        """Achieved minus asked, in percentage points."""
        return float(self.achieved - self.asked) * 100


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of the funnel: what it took, and what was left after it."""

    label: str
    lost: int
    left: int


@dataclass(frozen=True, slots=True)
class Drop:
    fate: str
    stage: str
    rule: str
    rows: int


@dataclass(frozen=True, slots=True)
class Flow:
    """A subset in the funnel: rows read, and rows by fate in the order of the table's columns."""

    name: str
    read: int
    fates: list[int]


def shares(manifest: BuildManifest, furthest: dict[str, float]) -> list[Share]:
    parts = manifest.components[:MAX_ROWS]
    whole = sum(part.amount for part in manifest.components if "/" not in part.name)
    return [_share(part, whole, furthest.get(part.name, 0.0)) for part in parts]


def _share(part: ComponentRows, whole: int, furthest: float) -> Share:
    above, _, name = part.name.rpartition("/")
    depth = above.count("/") + 1 if above else 0
    achieved = Fraction(part.amount, whole) if whole else Fraction(0)
    return Share(name, depth, part.share, achieved, part.amount, part.rows, furthest)


def funnel(groups: Iterable[Group]) -> list[Step]:
    """From what was read to what was kept; turns that were trimmed are no rows."""
    lost: Counter[str] = Counter()
    kept = 0
    for group in groups:
        if group.key["fate"] == Fate.KEPT.value:
            kept += group.rows
        elif group.key["fate"] != Fate.TRIMMED.value:
            lost[group.key["stage"] or ""] += group.rows
    left = kept + sum(lost.values())
    steps = [Step("read upstream", 0, left)]
    for stage, label in _STAGES.items():
        if lost[stage.value]:
            left -= lost[stage.value]
            steps.append(Step(label, lost[stage.value], left))
    return steps


def drops(groups: Iterable[Group]) -> list[Drop]:
    """By reason; rows that were not drawn are told by the funnel."""
    silent = {Fate.KEPT.value, Fate.NOT_DRAWN.value, Fate.MERGED.value}
    found = [
        Drop(str(g.key["fate"]), str(g.key["stage"]), str(g.key["rule"]), g.rows)
        for g in groups
        if g.key["fate"] not in silent
    ]
    return found[:MAX_ROWS]


def flows(manifest: BuildManifest) -> tuple[list[str], list[Flow], int]:
    """(names of the fates that some row has, the largest subsets, how many more there are)."""
    present = [f for f in Fate if any(entry.fates.get(f) for entry in manifest.funnel)]
    found = [
        Flow(f"{e.source}/{e.subset}", e.read, [e.fates.get(f, 0) for f in present])
        for e in manifest.funnel
    ]
    found.sort(key=lambda flow: (-flow.read, flow.name))
    names = [fate.value.replace("_", " ") for fate in present]
    return names, found[:MAX_ROWS], max(len(found) - MAX_ROWS, 0)


def licenses(manifest: BuildManifest) -> list[tuple[OriginTerms, str]]:
    """Terms, and which subsets they are of: the first few by name, the others counted."""
    return [(terms, _listed(terms.subsets)) for terms in manifest.terms[:MAX_ROWS]]


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def by_modality(contents: Iterable[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """(modality, rows, tokens), the most rows first."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for entry in contents:
        sums[entry["modality"]][0] += entry["rows"]
        sums[entry["modality"]][1] += entry["tokens"]
    return sorted(((n, r, t) for n, (r, t) in sums.items()), key=lambda e: (-e[1], e[0]))
