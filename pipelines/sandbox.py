"""A decoder's child process: it may crash or hang, and costs the media that made it do so.

The child is `python -m pipelines.sandbox`, so nothing is forked from a threaded parent and the
parent's `__main__` is not imported again. Requests and answers are pickles with a length before
them, on pipes of their own: what a codec prints on stdout is not in the way.
"""

from __future__ import annotations

import atexit
import os
import pickle
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

_LENGTH = struct.Struct("<Q")


class DecoderError(Exception):
    """The child died (`decoder_crashed`) or did not answer in time (`decoder_timeout`)."""


class Sandbox:
    """Calls module-level functions in one child process, started when first needed and kept."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._requests = self._answers = -1

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], timeout_s: float) -> Any:
        """`function(*args)` in the child. Its own exceptions arrive as they were raised."""
        if self._child is None:
            self._start()
        deadline = time.monotonic() + timeout_s
        try:
            self._send(pickle.dumps((function, args)))
            good, value = pickle.loads(self._receive(deadline))
        except (BrokenPipeError, EOFError) as error:
            self.close()
            raise DecoderError("decoder_crashed") from error
        except TimeoutError as error:
            self.close()
            raise DecoderError("decoder_timeout") from error
        if not good:
            raise value
        return value

    def close(self) -> None:
        """Kill the child; the next call starts another."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            os.close(self._requests)
            os.close(self._answers)
            self._child = None

    def _start(self) -> None:
        requests_read, self._requests = os.pipe()
        self._answers, answers_write = os.pipe()
        # The child sees the same modules as we do, wherever they were put on the path.
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "pipelines.sandbox", str(requests_read), str(answers_write)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(requests_read, answers_write),
            env={**os.environ, "PYTHONPATH": path},
        )
        os.close(requests_read)
        os.close(answers_write)

    def _send(self, data: bytes) -> None:
        view = memoryview(_LENGTH.pack(len(data)) + data)
        while view:
            view = view[os.write(self._requests, view) :]

    def _receive(self, deadline: float) -> bytes:
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        return self._read(length, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                raise TimeoutError
            chunk = os.read(self._answers, count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)


@cache
def shared_sandbox() -> Sandbox:
    """This process's one sandbox, closed when the process ends."""
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox


def _read_exactly(handle: int, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        chunk = os.read(handle, count - len(data))
        if not chunk:
            # The parent is gone, however it ended: its end of the pipe closed with it.
            os._exit(0)
        data += chunk
    return bytes(data)


def _serve(requests: int, answers: int) -> None:
    while True:
        (length,) = _LENGTH.unpack(_read_exactly(requests, _LENGTH.size))
        function, args = pickle.loads(_read_exactly(requests, length))
        try:
            answer: tuple[bool, Any] = (True, function(*args))
        except Exception as error:
            answer = (False, error)
        data = pickle.dumps(answer)
        view = memoryview(_LENGTH.pack(len(data)) + data)
        while view:
            view = view[os.write(answers, view) :]


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
