"""Where in which file the parts of a recipe were written, for errors that come after loading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Mark:
    """A line (from 1) of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Places:
    """Marks by (component path, key); ("", key) is the recipe's own, a key "" the component's.

    An entry of `sources`, `filters` or `policies` has the key `sources/magpie`, `filters/roles` or
    `policies/code/roles`. `folder` is the absolute path of that in which the recipe's file lies.
    `refs` say by name where filters' weights lie, once they are found. Where a recipe was written
    is no part of what it is: all places are equal.
    """

    marks: Mapping[tuple[str, str], Mark] = field(default_factory=dict, compare=False)
    folder: str = field(default="", compare=False)
    refs: Mapping[str, str] = field(default_factory=dict, compare=False)

    def find(self, path: str, keys: Iterable[str]) -> Mark | None:
        """The first of these keys that has a mark, else that of the component itself."""
        found = (self.marks.get((path, key)) for key in (*keys, ""))
        return next((mark for mark in found if mark is not None), None)
