"""A user's own Python file as a module: imported from its path, once in each process."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from manifests.errors import SmolmixError, UsageError

# Files that this process has loaded.
_LOADED: set[str] = set()


class _Loader(SourceFileLoader):
    """Not by bytecode, which Python takes for current where an edit within a second left the size
    as it was: what runs must be what was digested. Nor is any left beside the user's file."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def load_module(file: Path, error_type: type[UsageError]) -> ModuleType:
    """The module in `file`; an error of that type says in which line it fails."""
    name = f"smolmix_user_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file, loader=_Loader(name, str(file)))
    assert spec is not None and spec.loader is not None, "a file that ends on .py has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _LOADED.add(str(file))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        frame = _frame(error)
        line = getattr(error, "lineno", None) or (frame.lineno if frame else 1)
        raise error_type(f"{file}, line {line}: {type(error).__name__}: {error}") from error
    return module


def users_fault(error: BaseException) -> UsageError | None:
    """What to say of an error that was raised in a user's file; None for any other."""
    if isinstance(error, SmolmixError):
        return None
    frame = _frame(error)
    if frame is None:
        return None
    said = f"{type(error).__name__}: {error}"
    return UsageError(f"{frame.filename}, line {frame.lineno}: {said}")


def _frame(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost call in a user's file."""
    calls = traceback.extract_tb(error.__traceback__)
    return next((call for call in reversed(calls) if call.filename in _LOADED), None)
