"""A user's own filter: a Python file named in a recipe (`filters: {./my_filter.py: {}}`).

The file keeps the contract of every module of this package (`filters.contract` checks it): it binds
`FILTER`, and the filter's name is the file's. It is loaded from its path in each process that needs
it, so on a cluster the recipe's folder must be on a disk that all machines share.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from filters.base import Filter
from manifests.errors import UsageError
from manifests.user_modules import load_module

SUFFIX = ".py"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MUST_BIND = ("version", "level", "columns", "reasons", "params_type")


@cache
def load(path: str) -> Filter:
    """The filter in the Python file `path`; UsageError says what is wrong with it."""
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"a filter of your own is a Python file, and {file} is not there")
    if not _NAME.fullmatch(file.stem):
        raise UsageError(
            f"{file}: the file's name is its filter's, which conditions name too: small letters, "
            "digits and _, a letter first"
        )
    here = getattr(load_module(file, UsageError), "FILTER", None)
    if not isinstance(here, Filter):
        raise UsageError(f"{file} binds no FILTER")
    if getattr(here, "name", None) != file.stem:
        called = getattr(here, "name", None)
        raise UsageError(f"{file} calls its filter {called!r}; the file's name is its name")
    unbound = [name for name in _MUST_BIND if not hasattr(here, name)]
    if unbound:
        raise UsageError(f"{file}: its filter says no {', '.join(unbound)}; see filters/base.py")
    here.origin = path
    here.digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return here
