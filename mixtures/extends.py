"""A recipe that extends another: what it says itself comes first, all else is the parent's.

    name: video-short
    extends: video            # a built-in name, or a path from this file's folder
    seed: 3                   # a key of the child's replaces the parent's
    filters:
      image_bounds: {min_side_px: 56}   # filters (and `local`, `near_duplicates` ...) merge by name
      turn_length: null                 # null leaves one out, of all policies too
    policies:                 # policies merge by name, and in each its filters
      code: {image_bounds: null}
    components:               # components merge by name, at every depth
      - {name: text, share: 20%}        # given keys replace; a size of another kind replaces, too
      - {name: multi_image, share: 6%}
      - name: video
        components: [{name: captions, remove: true}]
      - {name: extra, share: 2%, sources: [llava_onevision]}   # a new name is appended

A removed component stands with its name alone. Paths of modules, of weights and of local data are
rewritten to start at the child's folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from manifests.errors import RecipeError, nearest
from mixtures.component import SIZES
from mixtures.marked import Marked, MarkedList
from mixtures.places import Mark

_MERGED = ("filters", "local", "near_duplicates", "decontaminate")
# Keys that hold paths of modules by name, and what these are.
_MODULES = {"modules": "sources", "filter_modules": "filters"}


def merge_recipe(parent: Marked, child: Marked) -> Marked:
    """The child over its parent; neither is changed."""
    merged = parent.copy()
    merged.mark = child.mark
    merged.drop("name")
    _drop_policies(merged, child.get("filters"))
    for key, value in child.items():
        mark = child.marks.get(key)
        inherited = merged.get(key)
        if key == "policies" and isinstance(value, Marked) and isinstance(inherited, Marked):
            value = _merge_policies(inherited, value)
        elif key in _MERGED and isinstance(value, Marked) and isinstance(inherited, Marked):
            value = _merge_named(inherited, value)
        elif key == "components" and isinstance(inherited, list) and isinstance(value, list):
            value = _merge_components(inherited, value, "")
        elif key in _MODULES and isinstance(value, dict) and isinstance(inherited, dict):
            value = _merge_modules(inherited, value, child.mark, _MODULES[key])
        merged.put(key, value, mark)
    return merged


def _drop_policies(merged: Marked, filters: Any) -> None:
    """A filter that the child leaves out is in no policy of its parent's either."""
    policies = merged.get("policies")
    if not isinstance(filters, Marked) or not isinstance(policies, Marked):
        return
    gone = [name for name, value in filters.items() if value is None]
    kept = Marked(policies.mark)
    for policy, said in policies.items():
        left = said.copy()
        for name in gone:
            left.drop(name)
        kept.put(policy, left, policies.marks.get(policy))
    merged["policies"] = kept


def _merge_policies(parent: Marked, child: Marked) -> Marked:
    deep = child.copy()
    for policy, said in child.items():
        if isinstance(said, Marked) and isinstance(parent.get(policy), Marked):
            deep[policy] = _merge_named(parent[policy], said)
    return _merge_named(parent, deep)


def _merge_modules(
    parent: dict[str, str], child: dict[str, str], mark: Mark, what: str
) -> dict[str, str]:
    for name in parent.keys() & child.keys():
        if os.path.normpath(parent[name]) != os.path.normpath(child[name]):
            raise RecipeError(
                f"{mark.file}: two {what} would be called {name!r}: {parent[name]} and"
                f" {child[name]}; rename one file"
            )
    return {**parent, **child}


def _merge_named(parent: Marked, child: Marked) -> Marked:
    merged = parent.copy()
    for key, value in child.items():
        if value is not None:
            merged.put(key, value, child.marks.get(key))
            continue
        if key not in parent:
            hint = nearest(key, parent) or f" (it has {', '.join(parent)})"
            raise RecipeError(f"{child.marks[key]}: {key}: the parent has no such entry{hint}")
        merged.drop(key)
    return merged


def _merge_components(parent: list[Any], child: list[Any], above: str) -> MarkedList:
    """By name, in the parent's order; new ones follow in the child's."""
    merged = {part["name"]: (part, _mark(parent, n)) for n, part in enumerate(parent)}
    for number, part in enumerate(child):
        mark = _mark(child, number)
        name = part.get("name") if isinstance(part, Marked) else None
        if not isinstance(name, str):
            merged[f"component {number + 1}"] = (part, mark)
        elif "remove" in part:
            _check_removal(part, list(merged), f"{above}{name}")
            del merged[name]
        elif name in merged:
            merged[name] = (_merge_component(merged[name][0], part, f"{above}{name}/"), mark)
        else:
            merged[name] = (part, mark)
    result = MarkedList([mark for _, mark in merged.values()])
    result.extend(part for part, _ in merged.values())
    return result


def _mark(parts: list[Any], number: int) -> Mark:
    assert isinstance(parts, MarkedList), "lists are read by marked.py"
    return parts.marks[number]


def _check_removal(part: Marked, names: list[str], path: str) -> None:
    if part["remove"] is not True or len(part) != 2:
        raise RecipeError(
            f"{part.marks['remove']}: {path}: `remove: true` stands with the name alone"
        )
    if part["name"] not in names:
        hint = nearest(part["name"], names) or f" (it has {', '.join(names)})"
        raise RecipeError(
            f"{part.marks['remove']}: {path}: the parent has no such component to remove{hint}"
        )


def _merge_component(parent: Marked, child: Marked, path: str) -> Marked:
    merged = parent.copy()
    merged.mark = child.mark
    if any(size in child for size in SIZES):
        for size in SIZES:
            merged.drop(size)
    for key, value in child.items():
        if key == "components" and isinstance(value, list) and "components" in parent:
            value = _merge_components(parent["components"], value, path)
        merged.put(key, value, child.marks.get(key))
    return merged


def move_paths(raw: Marked, old: Path, new: Path) -> None:
    """Rewrite paths that start at the folder `old` so that they start at `new`, in place."""
    for key in _MODULES:
        modules = raw.get(key) or {}
        for name, path in modules.items():
            modules[name] = _moved(path, old, new)
    for filters in (raw.get("filters"), *(raw.get("policies") or {}).values()):
        for said in (filters or {}).values():
            # Of a model's weights what is no path is the name of a repository.
            if isinstance(said, dict) and str(said.get("weights", "")).startswith("."):
                said["weights"] = _moved(said["weights"], old, new)
    local = raw.get("local")
    for entry in local.values() if isinstance(local, dict) else ():
        for key in ("path", "media"):
            if isinstance(entry, dict) and isinstance(entry.get(key), str):
                entry[key] = _moved(entry[key], old, new)


def _moved(path: str, old: Path, new: Path) -> str:
    if "://" in path or os.path.isabs(path):
        return path
    return os.path.join(os.curdir, os.path.relpath(old / path, new))
