"""What a writer of one source's samples is given, and how writers are found.

A writer is a module `pipelines/samples/sets/<source>.py` that binds `REPOS`, the folders below the
mirror that it fills, and `write(kit)`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pipelines.samples import sets
from pipelines.samples.stock import Gallery
from pipelines.samples.truth import Sheet, Truth


@dataclass(frozen=True)
class Kit:
    """The mirror's folder, the record of planted defects, the scale, and the stock of photos."""

    folder: Path
    truth: Truth
    scale: int
    gallery: Gallery

    def sheet(self, source: str, subset: str, file: str) -> Sheet:
        return Sheet(self.truth, source, subset, file)


class Writer(NamedTuple):
    repos: tuple[str, ...]
    write: Callable[[Kit], None]


@cache
def writers() -> dict[str, Writer]:
    """Writers by source, sorted by name: the order in which they write."""
    found = {}
    for info in sorted(pkgutil.iter_modules(sets.__path__), key=lambda item: item.name):
        module = importlib.import_module(f"{sets.__name__}.{info.name}")
        found[info.name] = Writer(tuple(module.REPOS), module.write)
    return found
