"""One idea, one module: measure a batch, judge the scores. Found by discovery (`FILTER`)."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import orjson

from filters import models, plugins
from filters.base import Filter
from manifests.errors import UsageError, nearest

_HELPERS = {"base", "contract", "conversation", "models", "pairs", "pixels", "plugins"}


@cache
def names() -> tuple[str, ...]:
    """Names of all filters, sorted; none of them is loaded, for some bring large libraries."""
    found = (info.name for info in pkgutil.iter_modules(__path__))
    return tuple(sorted(n for n in found if n not in _HELPERS and not n.startswith("_")))


def discover() -> dict[str, Filter]:
    """All filters by name, sorted."""
    return {name: _load(name) for name in names()}


@cache
def _load(name: str) -> Filter:
    here = getattr(importlib.import_module(f"{__name__}.{name}"), "FILTER", None)
    if not isinstance(here, Filter):
        raise UsageError(f"filters/{name}.py binds no FILTER")
    if here.name != name:
        raise UsageError(f"filters/{name}.py calls its filter {here.name!r}")
    return here


def get(name: str) -> Filter:
    """The filter of that name or `Filter.ref`; a usage error with the nearest name otherwise."""
    if models.is_bound_ref(name):
        return _bound(name)
    if name.endswith(plugins.SUFFIX):
        return _with_reasons_of_its_own(plugins.load(name))
    if name not in names():
        raise UsageError(f"there is no filter {name!r}{nearest(name, names())}")
    return _load(name)


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
    base = get(said["filter"])
    assert isinstance(base, models.ModelFilter)
    whole = models.restore(said, base)
    found = next(part for part in (whole, *whole.parts) if part.ref == ref)
    assert isinstance(found, Filter)
    return found
