"""A user's own source: a Python file named in a recipe, its card in the YAML file beside it.

The file keeps the contract of every module of this package: it binds `SOURCE`, and the source's
name is the file's. It is loaded from its path in each process that needs it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType

from manifests.errors import CardError
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
    source = getattr(_import(file), "SOURCE", None)
    if not isinstance(source, Source):
        raise CardError(f"{file} binds no SOURCE")
    if source.name != file.stem:
        raise CardError(f"{file} calls its source {source.name!r}; the file's name is its name")
    source.origin, source.card_file = path, card
    source.digest = hashlib.sha256(file.read_bytes() + card.read_bytes()).hexdigest()
    _ = source.card
    return source


def _import(file: Path) -> ModuleType:
    name = f"smolmix_user_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, "a file that ends on .py has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
        line = getattr(error, "lineno", None) or (frames[-1].lineno if frames else 1)
        raise CardError(f"{file}, line {line}: {type(error).__name__}: {error}") from error
    return module
