"""Recipes in YAML: built-in ones by name, others by path; errors say file, line and what is right.

YAML would turn a share such as 0.14 into a binary float, so shares are kept as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from manifests.errors import RecipeError, nearest
from mixtures.recipe import Component, Recipe

_Place = tuple[int | str, ...]
_MODULE = re.compile(r"(?P<path>(?:\.{0,2}/).*?\.py)(?P<subset>/.+)?")


def builtin_names() -> list[str]:
    """Names of the recipes that come with smolmix, sorted."""
    files = (resources.files("mixtures") / "recipes").iterdir()
    return sorted(file.name[: -len(".yaml")] for file in files if file.name.endswith(".yaml"))


def load_recipe(name_or_path: str) -> Recipe:
    """The built-in recipe of that name, else the recipe in that YAML file."""
    names = builtin_names()
    if name_or_path in names:
        file = resources.files("mixtures") / "recipes" / f"{name_or_path}.yaml"
        return parse_recipe(file.read_text(encoding="utf-8"), f"{name_or_path}.yaml")
    path = Path(name_or_path)
    if not path.is_file():
        raise RecipeError(
            f"there is no recipe {name_or_path!r}{nearest(name_or_path, names)}"
            f" (built in: {', '.join(names)}; any other is the path of a YAML file)"
        )
    try:
        return parse_recipe(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as text: {error}") from error


def parse_recipe(text: str, where: str) -> Recipe:
    """The recipe in YAML `text`; `where` stands for the file in errors."""
    raw, lines = _read_yaml(text, where)
    if not isinstance(raw, dict):
        raise RecipeError(f"{where}: a recipe is a mapping with name, unit and components")
    _name_modules(raw, where)
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        # A misspelt key is also a missing one: say what was written wrong first.
        unknown_first = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        first, *others = unknown_first
        more = f" (and {len(others)} more)" if others else ""
        raise RecipeError(f"{_explain(dict(first), raw, lines, where)}{more}") from None


def _name_modules(raw: dict[str, Any], where: str) -> None:
    """Write `./my_source.py/subset` as `my_source/subset`, and note the path under `modules`."""
    modules: dict[str, str] = dict(raw.get("modules") or {})
    for entries in _source_lists(raw):
        for place, entry in enumerate(entries):
            match = _MODULE.fullmatch(entry) if isinstance(entry, str) else None
            if match is None:
                continue
            name = Path(match["path"]).stem
            if modules.setdefault(name, match["path"]) != match["path"]:
                raise RecipeError(
                    f"{where}: two sources would be called {name!r}: {modules[name]} and "
                    f"{match['path']}; rename one file"
                )
            entries[place] = name + (match["subset"] or "")
    if modules:
        raw["modules"] = modules


def _source_lists(raw: Any) -> Iterator[list[Any]]:
    """Every `sources` list at any depth of the tree of components."""
    components = raw.get("components") if isinstance(raw, dict) else None
    if isinstance(raw, dict) and isinstance(raw.get("sources"), list):
        yield raw["sources"]
    for component in components if isinstance(components, list) else ():
        yield from _source_lists(component)


def _read_yaml(text: str, where: str) -> tuple[Any, dict[_Place, int]]:
    lines: dict[_Place, int] = {}
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None, lines
        _prepare(node, (), lines, set(), where)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise RecipeError(f"{where}{line}: this is not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"{where}: this is not YAML: {' '.join(str(error).split())}") from error


def _prepare(
    node: yaml.Node, place: _Place, lines: dict[_Place, int], seen: set[int], where: str
) -> None:
    """Notes the line of every place, keeps shares as text, refuses a key that is given twice."""
    lines[place] = node.start_mark.line + 1
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _prepare(child, (*place, index), lines, seen, where)
    elif isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, child in node.value:
            name = str(key.value)
            if name in keys:
                line = key.start_mark.line + 1
                raise RecipeError(f"{where}, line {line}: the key {name!r} is given twice")
            keys.add(name)
            if name == "share" and isinstance(child, yaml.ScalarNode):
                child.tag = "tag:yaml.org,2002:str"
            _prepare(child, (*place, name), lines, seen, where)
            lines[*place, name] = key.start_mark.line + 1


def _explain(error: dict[str, Any], raw: Any, lines: dict[_Place, int], where: str) -> str:
    place: _Place = error["loc"]
    known = next(place[:size] for size in range(len(place), -1, -1) if place[:size] in lines)
    at = "/".join(_names(raw, place)) or "recipe"
    return f"{where}, line {lines[known]}: {at}: {_problem(error)}"


def _names(raw: Any, place: _Place) -> list[str]:
    """The place as component names: ("components", 0, "share") -> text, share."""
    names: list[str] = []
    for step in place:
        try:
            raw = raw[step]
        except (KeyError, IndexError, TypeError):
            raw = None
        if isinstance(step, int):
            name = raw.get("name") if isinstance(raw, dict) else None
            names.append(str(name or f"component {step + 1}"))
        elif step != "components":
            names.append(str(step))
    return names


def _problem(error: dict[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        model = Component if error["loc"][0] == "components" else Recipe
        allowed = list(model.model_fields)
        hint = nearest(str(error["loc"][-1]), allowed) or f" (known: {', '.join(allowed)})"
        return f"unknown key{hint}"
    if error["type"] == "missing":
        return "this key is required"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return f"{str(error['msg']).lower()}, not {error['input']!r}"
