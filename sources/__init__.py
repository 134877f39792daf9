"""One upstream dataset, one module: upstream rows to conversations in one chat schema.

A source is found by its module: any module of this package that binds `SOURCE`. One that fails to
import, or bears another name than its source, stops the run. Modules that bind nothing are helpers
of the package; a test holds that every card has its module and every module its card.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache as remember  # `cache` is a module of this package

from manifests.errors import CardError, UsageError, nearest
from sources import local, plugins
from sources.base import Source


@remember
def discover() -> dict[str, Source]:
    """All sources by name, sorted."""
    found: dict[str, Source] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda item: item.name):
        source = getattr(importlib.import_module(f"{__name__}.{info.name}"), "SOURCE", None)
        if source is None:
            continue
        if not isinstance(source, Source):
            raise CardError(f"sources/{info.name}.py binds SOURCE to something else than a source")
        if source.name != info.name:
            raise CardError(f"sources/{info.name}.py calls its source {source.name!r}")
        found[source.name] = source
    return found


def get(name: str) -> Source:
    """The source of that name or `Source.ref`; a usage error with the nearest name otherwise."""
    if name.endswith(plugins.SUFFIX):
        return plugins.load(name)
    if name.startswith(local.REF):
        return local.from_ref(name)
    found = discover()
    if name not in found:
        raise UsageError(
            f"there is no source {name!r}{nearest(name, found)}; see `mixture sources`"
        )
    return found[name]
