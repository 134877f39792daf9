"""The sources that a recipe may name: those of smolmix, and the user's own."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import sources
from manifests.errors import RecipeError, UsageError
from manifests.local_sets import LocalSet
from manifests.storage import is_local, local_path
from mixtures.recipe import Recipe
from sources import local, plugins
from sources.base import Source


class Catalog(Mapping[str, Source]):
    """Sources by name; those of smolmix are imported when they are asked for."""

    def __init__(self, own: Mapping[str, Source]) -> None:
        self._own = own

    def __getitem__(self, name: str) -> Source:
        if name in self._own:
            return self._own[name]
        if name in sources.names():
            return sources.get(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*sources.names(), *self._own}))

    def __len__(self) -> int:
        return len({*sources.names(), *self._own})


def open_catalog(recipe: Recipe, folder: Path) -> Catalog:
    """The sources; paths in the recipe start at `folder`, where the recipe's file lies."""
    found: dict[str, Source] = {}
    for name, path in recipe.modules.items():
        if name in sources.names():
            raise RecipeError(
                f"recipe {recipe.name}: {path} is called like the source {name!r} of smolmix; "
                "rename the file and its SOURCE"
            )
        found[name] = plugins.load(os.path.abspath(folder / path))
    if recipe.local:
        found[local.SOURCE.name] = local.Local(_absolute(recipe.local, folder))
    return Catalog(found)


def _absolute(sets: Mapping[str, LocalSet], folder: Path) -> dict[str, LocalSet]:
    found = {}
    for name, entry in sets.items():
        path = _from(folder, entry.path, f"local/{name}: path")
        media = entry.media and _from(folder, entry.media, f"local/{name}: media")
        found[name] = entry.model_copy(update={"path": path, "media": media})
    return found


def _from(folder: Path, path: str, what: str) -> str:
    """The absolute path; a UsageError where nothing is there. URIs are looked at when read."""
    if not is_local(path):
        return path
    absolute = os.path.abspath(folder / local_path(path))
    if not next(glob.iglob(absolute if "*" in path else glob.escape(absolute)), None):
        raise UsageError(f"{what} {path}: there is nothing at {absolute}")
    return absolute
