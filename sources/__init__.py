"""One upstream dataset, one module: upstream rows to conversations in one chat schema.

A source is found by its module: any module of this package that binds `SOURCE`. One that fails to
import, or bears another name than its source, stops the run. Modules that bind nothing are helpers
of the package; a test holds that every card has its module and every module its card.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache as remember  # `cache` is a module of this package

from manifests.cards import card_names
from manifests.errors import CardError, UsageError, nearest
from sources import local, plugins
from sources.base import Source


@remember
def discover() -> dict[str, Source]:
    """All sources by name, sorted."""
    found: dict[str, Source] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda item: item.name):
        source = _load(info.name)
        if source is not None:
            found[source.name] = source
    return found


def _load(module: str) -> Source | None:
    source = getattr(importlib.import_module(f"{__name__}.{module}"), "SOURCE", None)
    if source is None:
        return None
    if not isinstance(source, Source):
        raise CardError(f"sources/{module}.py binds SOURCE to something else than a source")
    if source.name != module:
        raise CardError(f"sources/{module}.py calls its source {source.name!r}")
    return source


@remember
def names() -> tuple[str, ...]:
    """All sources' names, sorted, by their cards: nothing is imported."""
    return tuple(sorted(card_names()))


def get(name: str) -> Source:
    """The source of that name or `Source.ref`; a usage error with the nearest name otherwise."""
    if name.endswith(plugins.SUFFIX):
        return plugins.load(name)
    if name.startswith(local.REF):
        return local.from_ref(name)
    found = _load(name) if name in names() else None
    if found is None:
        raise UsageError(
            f"there is no source {name!r}{nearest(name, names())}; see `mixture sources`"
        )
    return found
