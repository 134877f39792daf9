"""A decoder's child process: it may crash or hang, and costs the media that made it do so.

The child runs `sandbox_child.py` by its path, so that it imports no package of ours before it is
asked to; nothing is forked from a threaded parent, and the parent's `__main__` is not imported
again. Requests and answers are pickles with a length before them, on pipes of their own: what a
codec prints on stdout is not in the way.
"""

from __future__ import annotations

import atexit
import os
import pickle
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from manifests.errors import EngineError
from sources import sandbox_child
from sources.sandbox_child import LENGTH, READY

# An interpreter starts in 50 ms; on a machine that swaps it takes seconds.
_START_TIMEOUT_S = 60.0


class DecoderError(Exception):
    """The child died (`decoder_crashed`) or did not answer in time (`decoder_timeout`)."""


class Sandbox:
    """Calls module-level functions in one child process, started when first needed and kept.

    Calls from several threads wait for each other. A child that dies between calls is replaced: no
    media is to blame for it. On Linux it ends with its parent, and with the thread that started it.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._requests = self._answers = -1
        self._lock = threading.Lock()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], timeout_s: float) -> Any:
        """`function(*args)` in the child. Its own exceptions arrive as they were raised.

        One that cannot be pickled arrives as a RuntimeError that quotes it; a result that cannot,
        as what pickle raised. EngineError where no child can be started.
        """
        request = pickle.dumps((function, args))
        with self._lock:
            if self._child is not None and self._child.poll() is not None:
                self.close()
            if self._child is None:
                self._start()
            try:
                answer = self._exchange(request, time.monotonic() + timeout_s)
            except (BrokenPipeError, EOFError) as error:
                raise DecoderError("decoder_crashed") from error
            except TimeoutError as error:
                raise DecoderError("decoder_timeout") from error
        good, value = pickle.loads(answer)
        if not good:
            raise value
        return value

    def close(self) -> None:
        """Kill the child; the next call starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            os.close(self._requests)
            os.close(self._answers)

    def _start(self) -> None:
        requests_read, self._requests = os.pipe()
        self._answers, answers_write = os.pipe()
        # The child sees the same modules as we do and no others (-P), whatever lies in the folder
        # where it is started.
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        own = (str(requests_read), str(answers_write), str(os.getpid()))
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", sandbox_child.__file__, *own],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(requests_read, answers_write),
                env={**os.environ, "PYTHONPATH": path},
            )
        finally:
            os.close(requests_read)
            os.close(answers_write)
        os.set_blocking(self._requests, False)
        try:
            self._read(len(READY), time.monotonic() + _START_TIMEOUT_S)
        except (EOFError, TimeoutError) as error:
            self.close()
            # Not the fault of any media: it must not be taken for one.
            raise EngineError("the decoder process does not start") from error

    def _exchange(self, request: bytes, deadline: float) -> bytes:
        """Leaves no child behind that has not given its answer: the next would be out of step."""
        try:
            self._write(LENGTH.pack(len(request)), deadline)
            self._write(request, deadline)
            (length,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
            return self._read(length, deadline)
        except BaseException:
            self.close()
            raise

    def _write(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            _wait(self._requests, select.POLLOUT, deadline)
            view = view[os.write(self._requests, view) :]

    def _read(self, count: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            _wait(self._answers, select.POLLIN, deadline)
            chunk = os.read(self._answers, count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)


def _wait(handle: int, event: int, deadline: float) -> None:
    """TimeoutError if it does not come. Not select.select, which fails from the 1024th file on."""
    poll = select.poll()
    poll.register(handle, event)
    left_s = deadline - time.monotonic()
    if left_s <= 0 or not poll.poll(left_s * 1000):
        raise TimeoutError


@cache
def shared_sandbox() -> Sandbox:
    """This process's one sandbox, closed when the process ends."""
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox
