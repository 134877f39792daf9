"""What the cards say of a recipe's components, before anything is downloaded.

Cards count upstream's rows. Filters, duplicates and conditions (`where`) leave fewer samples, a row
of several conversations gives more, and a subset counts for the components of the modality that
most of its samples have. No card counts tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from manifests.cards import SourceCard, Subset
from manifests.errors import InfeasibleError
from mixtures.amounts import settle
from mixtures.quota import Solution, solve_for
from mixtures.recipe import Leaf, Recipe
from mixtures.supply import MEASURES, EvenSupply, Measure
from pipelines.access import Licenses, fits
from pipelines.tables import binding_sentence
from pipelines.views import ComponentView

# Rows of a leaf that nobody counted: enough never to be what binds.
_UNCOUNTED = 10**12


@dataclass(frozen=True, slots=True)
class CardView:
    """`binding` is a sentence; empty where the cards do not say what binds."""

    leaves: tuple[ComponentView, ...]
    binding: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for on the command line; `limit` is of rows a subset."""

    licenses: Licenses = "all"
    num_samples: int | None = None
    num_tokens: int | None = None
    limit: int | None = None


def card_view(
    recipe: Recipe,
    cards: Mapping[str, SourceCard],
    asked: Asked,
    missing: Mapping[str, str],
) -> CardView:
    """All leaves by the cards, with what is drawn of them where a total follows from the cards.

    `missing` are components that `recipe` goes without, and why.
    """
    leaves = [leaf_view(leaf, cards, asked) for leaf in recipe.leaves()]
    gone = [ComponentView(path=path, missing=why) for path, why in missing.items()]
    found = _solve(recipe, leaves, asked)
    return replace(found, leaves=(*found.leaves, *gone))


def _solve(recipe: Recipe, leaves: Sequence[ComponentView], asked: Asked) -> CardView:
    supply = EvenSupply([_totals(leaf) for leaf in leaves])
    try:
        shares = settle(recipe, supply).by_leaf
    except InfeasibleError:  # passes over tokens, which no card counts
        return CardView(tuple(leaves))
    leaves = [replace(leaf, share=share) for leaf, share in zip(leaves, shares, strict=True)]
    if recipe.unit != "samples" or asked.num_tokens is not None:
        return CardView(tuple(_with_asked(leaves, recipe, asked)))
    try:
        solution = solve_for(recipe, supply, asked.num_samples, None)
    except InfeasibleError as error:
        return CardView(tuple(leaves), f"by the cards this cannot be drawn: {error}")
    if solution.binding is None:
        return CardView(tuple(_drawn(leaves, solution)))
    if solution.binding.has >= _UNCOUNTED:
        return CardView(tuple(leaves))
    sentence = binding_sentence(str(solution.binding), recipe.unit)
    return CardView(tuple(_drawn(leaves, solution)), sentence)


def drawn_subsets(
    leaf: Leaf, cards: Mapping[str, SourceCard], licenses: Licenses
) -> list[tuple[SourceCard, Subset]]:
    """Subsets whose samples the leaf draws, as far as cards tell, each with its card."""
    found = []
    for source in dict.fromkeys(entry.partition("/")[0] for entry in leaf.sources):
        card = cards.get(source)
        for subset in card.subsets if card is not None else ():
            told = leaf.claims(source, subset.name, subset.modality, subset.category)
            if card is not None and told and fits(card, subset, licenses):
                found.append((card, subset))
    return found


def leaf_view(leaf: Leaf, cards: Mapping[str, SourceCard], asked: Asked) -> ComponentView:
    """What a leaf holds by the cards, and under which terms."""
    drawn = drawn_subsets(leaf, cards, asked.licenses)
    names = [f"{card.name}/{subset.name}" for card, subset in drawn]
    counts = [_rows(subset, asked.limit) for _, subset in drawn]
    known = [rows for rows in counts if rows is not None]
    uses = [card.commercial_use_of(subset) for card, subset in drawn]
    return ComponentView(
        path=leaf.path,
        available=sum(known) or None,
        all_known=len(known) == len(counts) > 0,
        counted=dict(zip(names, counts, strict=True)),
        uses=dict(zip(names, uses, strict=True)),
    )


def _rows(subset: Subset, limit: int | None) -> int | None:
    if subset.num_rows is None or limit is None:
        return subset.num_rows
    return min(subset.num_rows, limit)


def _totals(leaf: ComponentView) -> dict[Measure, int]:
    rows = leaf.available if leaf.available and leaf.all_known else _UNCOUNTED
    return {**dict.fromkeys(MEASURES, 0), "samples": rows}


def _with_asked(
    leaves: Sequence[ComponentView], recipe: Recipe, asked: Asked
) -> list[ComponentView]:
    """With what is asked of each where the total is given in the recipe's unit."""
    total = {"samples": asked.num_samples, "tokens": asked.num_tokens}.get(recipe.unit)
    if total is None:
        return list(leaves)
    return [replace(leaf, asked=round(total * (leaf.share or Fraction(0)))) for leaf in leaves]


def _drawn(leaves: Sequence[ComponentView], solution: Solution) -> list[ComponentView]:
    return [
        replace(leaf, asked=asked, amount=amount, rows=rows)
        for leaf, asked, amount, rows in zip(
            leaves, solution.amounts, solution.realised, solution.quotas, strict=True
        )
    ]
