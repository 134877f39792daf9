"""Task functions for engine tests: module-level, so that Ray workers can import them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from manifests.errors import SourceError


def square(number: int) -> dict[str, Any]:
    return {"value": number * number, "pid": os.getpid()}


def refuse(number: int) -> dict[str, Any]:
    raise SourceError(f"row {number} is not there")


def die_first(marker: str) -> dict[str, Any]:
    """Kills its process the first time it runs."""
    path = Path(marker)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"survived": True}


def die_unless_isolated(isolated: bool) -> dict[str, Any]:
    if not isolated:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"isolated": True}


_kept: list[int] = []


def keep(number: int) -> dict[str, Any]:
    """How many numbers its process has been given so far."""
    _kept.append(number)
    return {"kept": len(_kept), "pid": os.getpid()}
