"""One idea, one module: measure a batch, judge the scores. Found by discovery (`FILTER`)."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from filters import plugins
from filters.base import Filter
from manifests.errors import UsageError, nearest

_HELPERS = {"base", "contract", "conversation", "plugins"}


@cache
def discover() -> dict[str, Filter]:
    """All filters by name, sorted."""
    found: dict[str, Filter] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda item: item.name):
        if info.name in _HELPERS or info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        here = getattr(module, "FILTER", None)
        if not isinstance(here, Filter):
            raise UsageError(f"filters/{info.name}.py binds no FILTER")
        if here.name != info.name:
            raise UsageError(f"filters/{info.name}.py calls its filter {here.name!r}")
        found[here.name] = here
    return found


def get(name: str) -> Filter:
    """The filter of that name or `Filter.ref`; a usage error with the nearest name otherwise."""
    if name.endswith(plugins.SUFFIX):
        return plugins.load(name)
    found = discover()
    if name not in found:
        raise UsageError(f"there is no filter {name!r}{nearest(name, found)}")
    return found[name]
