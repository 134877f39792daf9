"""A user's own source: a Python file named in a recipe, its card in the YAML file beside it.

The file keeps the contract of every module of this package: it binds `SOURCE`, and the source's
name is the file's. It is loaded from its path in each process that needs it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from manifests.errors import CardError
from manifests.user_modules import load_module
from sources.base import Source

SUFFIX = ".py"


@cache
def load(path: str) -> Source:
    """The source in the Python file `path`; CardError says what is wrong with it."""
    file = Path(path)
    card = file.with_suffix(".yaml")
    for needed in (file, card):
        if not needed.is_file():
            raise CardError(f"a source of your own is two files, and {needed} is not there")
    source = getattr(load_module(file, CardError), "SOURCE", None)
    if not isinstance(source, Source):
        raise CardError(f"{file} binds no SOURCE")
    if source.name != file.stem:
        raise CardError(f"{file} calls its source {source.name!r}; the file's name is its name")
    source.origin, source.card_file = path, card
    source.digest = hashlib.sha256(file.read_bytes() + card.read_bytes()).hexdigest()
    _ = source.card
    return source
