"""Functions that tests call in a sandbox; some of them do what a codec should not."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from typing import Any

from manifests.images import ImageError
from pipelines.frames import FrameError


class FieldError(Exception):
    """Has a field that is no argument."""


class UnpicklableError(Exception):
    """Holds what cannot be pickled."""


class UnbuildableError(Exception):
    """Pickles, but cannot be built again: its arguments are not its `args`."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def echo(value: Any) -> Any:
    return value


def process_id() -> int:
    return os.getpid()


def big(num_bytes: int) -> bytes:
    return bytes(num_bytes)


def chatter() -> str:
    print("printed by Python", flush=True)
    os.write(1, b"printed by a codec" * 10_000)
    os.write(2, b"complained by a codec" * 10_000)
    return sys.stdin.read()


def leave(code: int) -> None:
    os._exit(code)


def read_null() -> None:
    ctypes.string_at(0)


def hang() -> None:
    """Hold the GIL, as a codec in an endless loop may."""
    while True:
        ctypes.pythonapi.PyErr_CheckSignals()


def fall_asleep() -> None:
    time.sleep(3600)


def raise_frame_error() -> None:
    raise FrameError("video_no_frames", "detail")


def raise_image_error() -> None:
    raise ImageError("image_truncated", "detail")


def raise_with_field() -> None:
    error = FieldError("text")
    error.field = 7  # type: ignore[attr-defined]
    raise error


def raise_unpicklable() -> None:
    error = UnpicklableError("text")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    raise error


def raise_unbuildable() -> None:
    raise UnbuildableError("one", "two")


def return_unpicklable() -> object:
    return threading.Lock()
