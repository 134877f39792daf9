"""Recipes in YAML: built-in ones by name, others by path; errors say file, line and what is right.

A recipe may extend another one (`mixtures.extends`). A loaded recipe knows where its parts were
written, so that what is found out later (an unknown source, filter or upstream field) is told with
file and line too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from manifests.errors import RecipeError, nearest
from manifests.local_sets import LocalSet
from mixtures.custom_processor import CustomProcessor
from mixtures.explain import explain
from mixtures.extends import merge_recipe, move_paths
from mixtures.marked import Marked, MarkedList, parse_yaml, read_text
from mixtures.places import Mark, Places
from mixtures.recipe import Component, Recipe

_MODULE = re.compile(r"(?P<path>(?:\.{0,2}/).*?\.py)(?P<subset>/.+)?")
_FILTER = re.compile(r"\.{0,2}/.*\.py")
# What stands in the lists and mappings of a recipe.
_MODELS: dict[str, type[BaseModel]] = {
    "": Recipe,
    "components": Component,
    "local": LocalSet,
    "processor": CustomProcessor,
}


def builtin_names() -> list[str]:
    """Names of the recipes that come with smolmix, sorted."""
    return sorted(path.stem for path in _builtin_folder().glob("*.yaml"))


def load_recipe(name_or_path: str) -> Recipe:
    """The built-in recipe of that name, else the recipe in that YAML file."""
    path = find_recipe(name_or_path, Path())
    if path is None:
        raise RecipeError(no_recipe(name_or_path))
    return parse_recipe(read_text(path), _shown(path), path.parent)


def find_recipe(name_or_path: str, folder: Path) -> Path | None:
    """The file of a built-in recipe of that name, else that path from `folder`, if it is there."""
    if name_or_path in builtin_names():
        return _builtin_folder() / f"{name_or_path}.yaml"
    path = folder / name_or_path
    return path if path.is_file() else None


def no_recipe(name: str) -> str:
    """What to say where `find_recipe` finds none."""
    names = builtin_names()
    return (
        f"there is no recipe {name!r}{nearest(name, names)}"
        f" (built in: {', '.join(names)}; any other is the path of a YAML file)"
    )


def parse_recipe(text: str, where: str, folder: Path | None = None) -> Recipe:
    """The recipe in YAML `text`; `where` stands for the file in errors.

    What it extends is looked up from `folder`: the working folder if none is said.
    """
    raw = _resolved(text, where, folder or Path(), ())
    recipe = _validated(raw)
    recipe._places = Places(dict(_marks(raw)), os.path.abspath(folder or Path()))
    return recipe


def _builtin_folder() -> Path:
    return Path(str(resources.files("mixtures"))) / "recipes"


def _shown(path: Path) -> str:
    return path.name if path.parent == _builtin_folder() else str(path)


def _validated(raw: Marked) -> Recipe:
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        raise explain(error, raw, _MODELS) from None


def _resolved(text: str, where: str, folder: Path, below: tuple[Path, ...]) -> Marked:
    """The recipe as plain data, merged with all that it extends; `below` are those extending it."""
    raw = parse_yaml(text, where, "a recipe is a mapping with name, unit and components")
    _name_modules(raw, where)
    _name_filters(raw, where)
    if "extends" not in raw:
        return raw
    mark = raw.marks["extends"]
    path = _parent_path(raw.drop("extends"), folder, mark)
    if path.resolve() in below:
        chain = " -> ".join(_shown(file) for file in (*below, path.resolve()))
        raise RecipeError(f"{mark}: extends: a recipe cannot extend itself: {chain}")
    parent = _resolved(read_text(path), _shown(path), path.parent, (*below, path.resolve()))
    _validated(parent)
    if path.parent not in (folder, _builtin_folder()):
        move_paths(parent, path.parent, folder)
    return merge_recipe(parent, raw)


def _parent_path(entry: Any, folder: Path, mark: Mark) -> Path:
    if not isinstance(entry, str):
        raise RecipeError(f"{mark}: extends: a recipe's name or path is expected, not {entry!r}")
    path = find_recipe(entry, folder)
    if path is None:
        raise RecipeError(f"{mark}: extends: {no_recipe(entry)}")
    return Path(os.path.normpath(path))


def _name_modules(raw: Marked, where: str) -> None:
    """Write `./my_source.py/subset` as `my_source/subset`, and note the path under `modules`."""
    modules = _given(raw, "modules")
    for entries in _source_lists(raw):
        for place, entry in enumerate(entries):
            match = _MODULE.fullmatch(entry) if isinstance(entry, str) else None
            if match is None:
                continue
            name = _note(modules, match["path"], f"{where}: two sources")
            entries[place] = name + (match["subset"] or "")
    if modules:
        raw["modules"] = modules


def _name_filters(raw: Marked, where: str) -> None:
    """Write the key `./my_filter.py` as `my_filter`, and note the path under `filter_modules`.

    A list of names becomes a mapping: each with the parameters that are its default.
    """
    modules = _given(raw, "filter_modules")
    for holder, key in _filter_holders(raw):
        named = Marked(holder.marks.get(key, holder.mark))
        for entry, value, mark in _filter_entries(holder[key]):
            if _FILTER.fullmatch(entry):
                entry = _note(modules, entry, f"{mark}: two filters")
            if entry in named:
                raise RecipeError(f"{mark}: the filter {entry!r} is named twice")
            named.put(entry, value, mark)
        holder[key] = named
    if modules:
        raw["filter_modules"] = modules


def _filter_entries(said: Marked | MarkedList) -> Iterator[tuple[str, Any, Mark | None]]:
    if isinstance(said, MarkedList):
        yield from ((n, Marked(mark), mark) for n, mark in zip(said, said.marks, strict=True))
    else:
        yield from ((name, value, said.marks.get(name)) for name, value in said.items())


def _names_filters(said: Any) -> bool:
    is_list = isinstance(said, MarkedList) and all(isinstance(name, str) for name in said)
    return is_list or isinstance(said, Marked)


def _filter_holders(raw: Marked) -> Iterator[tuple[Marked, str]]:
    """(holder, key) of what names filters: `filters` of the recipe, and each of its policies."""
    policies = raw.get("policies")
    holders = [(raw, "filters")]
    if isinstance(policies, Marked):
        holders += [(policies, policy) for policy in policies]
    yield from ((holder, key) for holder, key in holders if _names_filters(holder.get(key)))


def _given(raw: Marked, key: str) -> dict[str, str]:
    given = raw.get(key)
    return dict(given) if isinstance(given, dict) else {}


def _note(modules: dict[str, str], path: str, what: str) -> str:
    """The name of the module at `path`, which is noted in `modules`."""
    name = Path(path).stem
    if modules.setdefault(name, path) != path:
        raise RecipeError(
            f"{what} would be called {name!r}: {modules[name]} and {path}; rename one file"
        )
    return name


def _source_lists(raw: Any) -> Iterator[list[Any]]:
    """Every `sources` list at any depth of the tree of components."""
    components = raw.get("components") if isinstance(raw, dict) else None
    if isinstance(raw, dict) and isinstance(raw.get("sources"), list):
        yield raw["sources"]
    for component in components if isinstance(components, list) else ():
        yield from _source_lists(component)


def _marks(raw: Marked, path: str = "") -> Iterator[tuple[tuple[str, str], Mark]]:
    """What `Places` holds, of a recipe or component that is known to be valid."""
    yield (path, ""), raw.mark
    for key, mark in raw.marks.items():
        yield (path, key), mark
    entries = raw.get("sources")
    if isinstance(entries, MarkedList):
        for entry, mark in zip(entries, entries.marks, strict=True):
            yield (path, f"sources/{entry}"), mark
    for key in ("filters", "policies"):
        yield from (((path, place), mark) for place, mark in _inner_marks(raw.get(key), key))
    for component in raw.get("components") or ():
        yield from _marks(component, f"{path}/{component['name']}".lstrip("/"))


def _inner_marks(raw: Any, above: str) -> Iterator[tuple[str, Mark]]:
    """Marks of everything in a mapping, at any depth: `filters/image_bounds/min_side_px`."""
    if isinstance(raw, Marked):
        for key, mark in raw.marks.items():
            yield f"{above}/{key}", mark
            yield from _inner_marks(raw.get(key), f"{above}/{key}")
