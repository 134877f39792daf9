"""A recipe without the components whose data nobody can have, or that turned out to be empty."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from manifests.errors import RecipeError, nearest
from mixtures.component import Component, chain_path, walk
from mixtures.recipe import Recipe


def unavailable_components(recipe: Recipe) -> list[tuple[str, str]]:
    """(path, reason) of every component that says why it is unavailable, outermost alone."""
    return [
        (chain_path(chain), chain[-1].unavailable)
        for chain in walk(recipe.components)
        if chain[-1].unavailable and not any(part.unavailable for part in chain[:-1])
    ]


def without_missing(recipe: Recipe, missing: Collection[str] = ()) -> Recipe:
    """The recipe without its unavailable components and those with these paths.

    Shares of their siblings grow in proportion, exactly, so that they sum to 1 again; a component
    whose components are all missing is missing. A RecipeError where nothing is left.
    """
    known = recipe.paths()
    for path in missing:
        if path not in known:
            raise RecipeError(
                f"recipe {recipe.name} has no component {path!r}{nearest(path, known)}"
            )
    kept = _kept(recipe.components, "", missing)
    if not kept:
        gone = ", ".join([path for path, _ in unavailable_components(recipe)] + sorted(missing))
        raise RecipeError(f"recipe {recipe.name}: nothing is left without {gone}")
    return recipe if kept == recipe.components else recipe.model_copy(update={"components": kept})


def _kept(
    components: Sequence[Component], above: str, missing: Collection[str]
) -> tuple[Component, ...]:
    parts = []
    for component in components:
        path = f"{above}{component.name}"
        if component.unavailable is not None or path in missing:
            continue
        if component.components:
            inner = _kept(component.components, f"{path}/", missing)
            if not inner:
                continue
            component = component.model_copy(update={"components": inner})
        parts.append(component)
    return _renormalised(parts)


def _renormalised(components: Sequence[Component]) -> tuple[Component, ...]:
    """Shares that sum to 1 again; amounts stay what they are."""
    total = sum(component.share or 0 for component in components)
    if total in (0, 1):
        return tuple(components)
    return tuple(
        component.model_copy(update={"share": component.share and component.share / total})
        for component in components
    )
