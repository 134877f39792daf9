"""What a recipe names that only the caller knows: filters, their scores, fields of upstreams.

Called by the pipelines once they know what there is; errors say file, line and the nearest name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import pyarrow as pa

from manifests.cards import SourceCard
from manifests.errors import RecipeError, nearest
from mixtures.component import Component, chain_path, walk
from mixtures.recipe import Recipe
from mixtures.where import EXTRA, INDEX_COLUMNS, Use, parse_where
from mixtures.where_text import where_error
from mixtures.where_values import KIND_WORDS, ValueKind

# Kinds of upstream fields as cards write them ("integer|string?"), as what they compare with.
_FIELD_KINDS: dict[str, ValueKind] = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "truth",
}


def check_filters(recipe: Recipe, known: Collection[str]) -> None:
    """A RecipeError unless all filters that the recipe names are `known`, or the user's own."""
    for name, key in _named_filters(recipe):
        place = recipe.place("", f"{key}/{name}", key)
        if name in recipe.filter_modules:
            if name in known:
                raise RecipeError(
                    f"{place}: {recipe.filter_modules[name]} is called like the filter {name!r} of"
                    " smolmix; rename the file and its FILTER"
                )
        elif name not in known:
            every = sorted({*known, *recipe.filter_modules})
            hint = nearest(name, every) or f" (there are {', '.join(every)})"
            raise RecipeError(f"{place}: there is no filter {name!r}{hint}")


def _named_filters(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """(name, key that names it), those that a policy turns off too."""
    yield from ((name, "filters") for name in recipe.filters)
    for policy, said in recipe.policies.items():
        yield from ((name, f"policies/{policy}") for name in said)


def check_where(
    recipe: Recipe, cards: Mapping[str, SourceCard], scores: Mapping[str, pa.Schema]
) -> None:
    """A RecipeError unless every condition is over scores and fields that there are.

    `cards` by source; `scores` are the score columns of each filter that judges samples. A kind
    that cannot match (text compared with a number) is refused where it is known.
    """
    for chain in walk(recipe.components):
        text = chain[-1].where
        if text is None or any(part.unavailable for part in chain):
            continue
        sources = _sources(chain)
        for use in parse_where(text).uses:
            problem = _problem(use, [cards[name] for name in sources if name in cards], scores)
            if problem is not None:
                place = recipe.place(chain_path(chain), "where")
                raise RecipeError(f"{place}: {where_error(text, use.at, problem)}")


def _sources(chain: tuple[Component, ...]) -> list[str]:
    """Names of the sources that the innermost component of a chain draws on."""
    below = [(*chain, *rest) for rest in walk(chain[-1].components)] or [chain]
    leaves = [parts for parts in below if not parts[-1].components]
    entries = [
        next((part.sources for part in reversed(leaf) if part.sources), ()) for leaf in leaves
    ]
    return sorted({entry.partition("/")[0] for found in entries for entry in found})


def _problem(use: Use, cards: list[SourceCard], scores: Mapping[str, pa.Schema]) -> str | None:
    if use.column in INDEX_COLUMNS:
        return None
    owner, _, name = use.column.partition(".")
    if owner == EXTRA:
        return _field_problem(use, name, cards)
    if owner not in scores:
        return f"filter {owner} has no scores of samples"
    schema = scores[owner]
    if name not in schema.names:
        hint = nearest(name, schema.names) or f" (it has {', '.join(schema.names)})"
        return f"filter {owner} has no score {name!r}{hint}"
    return _kind_problem(use, {_score_kind(schema.field(name).type)})


def _field_problem(use: Use, name: str, cards: list[SourceCard]) -> str | None:
    """An upstream field is known if a card of the component's sources lists it.

    Cards of the user's own data cannot list what is in them: any field may be.
    """
    if any(card.layout == "folder" for card in cards):
        return None
    fields: dict[str, set[str]] = {}
    for card in cards:
        for columns in (card.columns, *(subset.columns for subset in card.subsets)):
            for field, kind in columns.items():
                fields.setdefault(field, set()).update(kind.removesuffix("?").split("|"))
    field, *inner = name.split(".")
    if field not in fields:
        known = ", ".join(sorted(fields)) or "none"
        hint = nearest(field, fields) or f" (their fields: {known})"
        which = ", ".join(card.name for card in cards) or "no source"
        return f"the cards of its sources ({which}) list no field {field!r}{hint}"
    if inner:
        return None if "object" in fields[field] else f"field {field!r} has no fields of its own"
    return _kind_problem(use, {_FIELD_KINDS.get(kind) for kind in fields[field]})


def _score_kind(kind: pa.DataType) -> ValueKind:
    if pa.types.is_boolean(kind):
        return "truth"
    return "text" if pa.types.is_string(kind) else "number"


def _kind_problem(use: Use, kinds: Iterable[ValueKind | None]) -> str | None:
    found = {kind for kind in kinds if kind is not None}
    if use.kind is None or use.kind in found:
        return None
    said = " or ".join(KIND_WORDS[kind] for kind in sorted(found)) or "nothing that compares"
    return f"{use.column} holds {said}, and is compared as {KIND_WORDS[use.kind]}"
