"""One idea, one module: measure a batch, judge the scores. Found by discovery (`FILTER`)."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import orjson

from filters import models, plugins
from filters.base import Filter
from manifests.errors import UsageError, nearest

_HELPERS = {"base", "contract", "conversation", "models", "pixels", "plugins"}


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
    if models.is_bound_ref(name):
        return _bound(name)
    if name.endswith(plugins.SUFFIX):
        return _with_reasons_of_its_own(plugins.load(name))
    found = discover()
    if name not in found:
        raise UsageError(f"there is no filter {name!r}{nearest(name, found)}")
    return found[name]


def _with_reasons_of_its_own(users: Filter) -> Filter:
    """A reason in the ledger says which filter gave it: a user's may not be one of ours."""
    for ours in discover().values():
        both = set(users.reasons) & set(ours.reasons)
        if both:
            raise UsageError(
                f"{users.origin}: the reason {min(both)!r} is the filter {ours.name}'s; choose "
                "another word"
            )
    return users


# One object a process: what it has loaded stays loaded.
@cache
def _bound(ref: str) -> Filter:
    said = orjson.loads(ref)
    return models.restore(said, get(said["filter"]))
