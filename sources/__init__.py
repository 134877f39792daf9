"""One upstream dataset, one module: upstream rows to conversations in one chat schema.

A source is found by its module: any module of this package that binds `SOURCE`. A module that fails
to import, or repeats a name, stops the run; helpers of the package (`base`, `root`, `readers`, ...)
are listed in `_HELPERS` and bind nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from manifests.errors import CardError, UsageError, nearest
from sources.base import Source

_HELPERS = {"base", "root", "readers", "conversations", "ink", "tables"}


@cache
def discover() -> dict[str, Source]:
    """All sources by name, sorted."""
    found: dict[str, Source] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda item: item.name):
        if info.name in _HELPERS:
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        source = getattr(module, "SOURCE", None)
        if not isinstance(source, Source):
            raise CardError(f"sources/{info.name}.py binds no SOURCE")
        if source.name != info.name:
            raise CardError(f"sources/{info.name}.py calls its source {source.name!r}")
        found[source.name] = source
    return found


def get(name: str) -> Source:
    """The source of that name; a usage error with the nearest one otherwise."""
    found = discover()
    if name not in found:
        raise UsageError(
            f"there is no source {name!r}{nearest(name, found)}; see `mixture sources`"
        )
    return found[name]
