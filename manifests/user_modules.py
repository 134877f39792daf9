"""A user's own Python file as a module: imported from its path, once in each process."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from manifests.errors import UsageError


def load_module(file: Path, error_type: type[UsageError]) -> ModuleType:
    """The module in `file`; an error of that type says in which line it fails."""
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
        raise error_type(f"{file}, line {line}: {type(error).__name__}: {error}") from error
    return module
