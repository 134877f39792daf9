"""YAML as plain mappings and lists that know where each of their parts was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from manifests.errors import RecipeError
from mixtures.places import Mark

# Exact numbers: YAML would turn 0.14 into a binary float, so they are kept as they are written.
_EXACT_KEYS = ("share", "repeat")
_NUMBERS = ("tag:yaml.org,2002:float", "tag:yaml.org,2002:int")
_TEXT = "tag:yaml.org,2002:str"


class Marked(dict[str, Any]):
    """A mapping with the mark of each key, and its own."""

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: dict[str, Mark] = {}

    def put(self, key: str, value: Any, mark: Mark | None) -> None:
        self[key] = value
        if mark is not None:
            self.marks[key] = mark

    def drop(self, key: str) -> Any:
        """The value of a key that is not there any more; None where there was none."""
        self.marks.pop(key, None)
        return self.pop(key, None)

    def copy(self) -> Marked:
        found = Marked(self.mark)
        for key, value in self.items():
            found.put(key, value, self.marks.get(key))
        return found


class MarkedList(list[Any]):
    """A list with the mark of each item."""

    def __init__(self, marks: list[Mark]) -> None:
        super().__init__()
        self.marks = marks


# Where PyYAML has libyaml, as its wheels do, that is some ten times faster; but it descends on the
# C stack, which some 20,000 levels overflow. A level takes a bracket, a `- ` on a line of several,
# or a space of indentation: of all these together texts that it is given have far fewer.
_MAX_BRACKETS = 5_000
_DEEP_LINE = re.compile(r"(?:[-?:][ \t]+){1000}|[ \t]{1000}")


class _Marks:
    """Constructor whose mappings and lists are marked; `file` stands for the file in marks."""

    file = ""

    def mark(self, node: yaml.Node) -> Mark:
        return Mark(self.file, node.start_mark.line + 1)


class _Loader(_Marks, yaml.SafeLoader):
    pass


class _FastLoader(_Marks, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    pass


def _loader(text: str, file: str) -> Any:
    is_flat = text.count("[") + text.count("{") <= _MAX_BRACKETS and not _DEEP_LINE.search(text)
    loader = (_FastLoader if is_flat else _Loader)(text)
    loader.file = file
    return loader


def _construct_mapping(loader: Any, node: yaml.MappingNode) -> Iterator[Marked]:
    found = Marked(loader.mark(node))
    yield found
    for key, value in loader.construct_mapping(node).items():
        found[str(key)] = value
    # `construct_mapping` has put the pairs of a merge key (<<) before the mapping's own.
    for key, _ in node.value:
        found.marks[str(key.value)] = loader.mark(key)


def _construct_list(loader: Any, node: yaml.SequenceNode) -> Iterator[MarkedList]:
    found = MarkedList([loader.mark(child) for child in node.value])
    yield found
    found.extend(loader.construct_sequence(node))


for _kind in (_Loader, _FastLoader):
    _kind.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
    _kind.add_constructor("tag:yaml.org,2002:seq", _construct_list)


def parse_yaml(text: str, file: str, what: str) -> Marked:
    """The mapping in YAML `text`; errors say `file` and line, and `what` it should be."""
    try:
        loader = _loader(text, file)
        node = loader.get_single_node()
        if node is not None:
            _prepare(node, (), set(), file)
        found = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise RecipeError(f"{file}{line}: this is not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(f"{file}: this is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, Marked):
        raise RecipeError(f"{file}: {what}")
    return found


def read_text(path: Path) -> str:
    """A file of the user's; a RecipeError where it is none, or no text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as text: {error}") from error


def _prepare(node: yaml.Node, above: tuple[int, ...], seen: set[int], file: str) -> None:
    """Keeps exact numbers as text; refuses a key that is given twice and what holds itself."""
    if id(node) in above:
        line = node.start_mark.line + 1
        raise RecipeError(f"{file}, line {line}: what this anchor names holds itself")
    if id(node) in seen:
        return
    seen.add(id(node))
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _prepare(child, above, seen, file)
    elif isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, child in node.value:
            name = str(key.value)
            if name in keys:
                raise RecipeError(
                    f"{file}, line {key.start_mark.line + 1}: the key {name!r} is given twice"
                )
            keys.add(name)
            if name in _EXACT_KEYS and child.tag in _NUMBERS:
                child.tag = _TEXT
            _prepare(child, above, seen, file)
