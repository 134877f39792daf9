"""Components as a user sees them: a line each, inner ones as the sums of what is below them.

What cannot be known yet is None and stays so in sums; it is never taken for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from mixtures.plan import Plan

# Leaves of one component that are shown; the smallest of more are one line.
MAX_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentView:
    """A component of a recipe. `share` is of the whole, `asked` and `amount` are in its unit."""

    path: str
    share: Fraction | None = None  # None: it is of amounts that are not counted yet
    asked: int | None = None
    available: int | None = None  # samples
    all_known: bool = True  # False: `available` counts only what is known
    rows: int | None = None  # drawn, repeats included
    amount: int | None = None  # drawn, in the unit
    tokens: int | None = None  # drawn
    num_bytes: int | None = None  # of text and media, drawn
    counted: Mapping[str, int | None] = field(default_factory=dict)  # rows by subset, by the cards
    uses: Mapping[str, str] = field(default_factory=dict)  # commercial use by subset
    missing: str | None = None  # why there is nothing of it
    is_leaf: bool = True

    @property
    def label(self) -> str:
        """The name, as deep as it stands in the tree."""
        above, _, name = self.path.rpartition("/")
        return "  " * (above.count("/") + bool(above)) + name

    @property
    def repeats(self) -> float | None:
        """Passes over what is available, on average."""
        if self.rows is None or not self.available or not self.all_known:
            return None
        return self.rows / self.available

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "share": None if self.share is None else str(self.share),
            "asked": self.asked,
            "available": self.available,
            "available_is_all": self.all_known,
            "rows": self.rows,
            "amount": self.amount,
            "repeats": self.repeats,
            "tokens": self.tokens,
            "bytes": self.num_bytes,
            "commercial_use": dict(Counter(self.uses.values())),
            "missing": self.missing,
            "is_leaf": self.is_leaf,
        }


def plan_leaves(plan: Plan) -> list[ComponentView]:
    """The leaves of a plan, those that it goes without too, in the recipe's order."""
    found = {
        leaf.path: ComponentView(
            path=leaf.path,
            share=leaf.share,
            asked=leaf.asked,
            available=leaf.available,
            rows=leaf.quota,
            amount=leaf.amount,
            tokens=leaf.tokens,
            num_bytes=leaf.bytes,
        )
        for leaf in plan.leaves
    }
    for path, reason in plan.missing.items():
        found[path] = ComponentView(path=path, share=Fraction(0), missing=reason)
    return list(found.values())


def with_inner(leaves: Iterable[ComponentView], above: str = "") -> list[ComponentView]:
    """The leaves with the components above them, each before what is below it."""
    groups: dict[str, list[ComponentView]] = {}
    for leaf in leaves:
        name = leaf.path.removeprefix(above).partition("/")[0]
        groups.setdefault(above + name, []).append(leaf)
    found: list[ComponentView] = []
    for path, parts in groups.items():
        if parts[0].path == path:
            found.append(parts[0])
        else:
            found += [summed(path, parts), *with_inner(parts, f"{path}/")]
    return found


def folded(views: Sequence[ComponentView]) -> list[ComponentView]:
    """A tree in which the smallest of a component's many leaves are one line, its last."""
    siblings: dict[str, list[ComponentView]] = {}
    for view in views:
        if view.is_leaf:
            siblings.setdefault(view.path.rpartition("/")[0], []).append(view)
    last: dict[str, ComponentView] = {}
    hidden: set[str] = set()
    for above, leaves in siblings.items():
        small = sorted(leaves, key=lambda leaf: -(leaf.share or 0))[MAX_SHOWN:]
        if len(small) > 1:
            path = f"{above}/... {len(small)} more".lstrip("/")
            hidden |= {leaf.path for leaf in small}
            last[leaves[-1].path] = summed(path, small)
    found: list[ComponentView] = []
    for view in views:
        found += [] if view.path in hidden else [view]
        found += [last[view.path]] if view.path in last else []
    return found


def summed(path: str, parts: Sequence[ComponentView]) -> ComponentView:
    """Several components as one; those that are missing add nothing.

    A subset that several of them draw on, of which only its card's rows are known, counts once.
    """
    there = [part for part in parts if part.missing is None]
    counted = {name: rows for part in there for name, rows in part.counted.items()}
    held = list(counted.values()) if counted else [part.available for part in there]
    known = [rows for rows in held if rows is not None]
    return ComponentView(
        path=path,
        is_leaf=False,
        share=_share(there),
        asked=_sum([part.asked for part in there]),
        available=sum(known) if known or not there else None,
        all_known=len(known) == len(held) and all(part.all_known for part in there),
        rows=_sum([part.rows for part in there]),
        amount=_sum([part.amount for part in there]),
        tokens=_sum([part.tokens for part in there]),
        num_bytes=_sum([part.num_bytes for part in there]),
        counted=counted,
        uses={name: use for part in there for name, use in part.uses.items()},
        missing=None if there else parts[0].missing,
    )


def _share(parts: Sequence[ComponentView]) -> Fraction | None:
    known = [part.share for part in parts if part.share is not None]
    return sum(known, Fraction(0)) if len(known) == len(parts) else None


def _sum(values: Sequence[int | None]) -> int | None:
    """None where any is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
