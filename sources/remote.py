"""Remote files as seekable ones: blocks that grow while reading goes on, some fetched ahead."""

from __future__ import annotations

import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sources.ranges import RemoteFacts, fetch, fetch_once

# The first read at a new place, and the longest: blocks double while reading goes on, so that what
# is fetched is at most about twice what is read. Measured with benchmarks/remote_read.py.
FIRST_BYTES = 256 * 1024
LONGEST_BYTES = 8 * 1024 * 1024
# Blocks that are fetched ahead, by threads of the process, once twice as much has been read.
_AHEAD = 3
_NUM_THREADS = 4
# Places of a file at which reading may go on: a column each, and the directory of a zip.
_MAX_RUNS = 16
_MAX_BUFFER_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class _Run:
    """Bytes from `start` on, the length of the next block, and blocks that are on their way.

    `total` counts the bytes that were read on since the first block of the run.
    """

    start: int
    data: bytes = b""
    step: int = FIRST_BYTES
    total: int = 0
    ahead: deque[tuple[int, int, Future[bytes]]] = field(default_factory=deque)

    @property
    def stop(self) -> int:
        return self.start + len(self.data)


class RemoteFile(io.RawIOBase):
    """`read(n)` gives n bytes except at the end of the file; SourceError where it cannot."""

    def __init__(self, facts: RemoteFacts) -> None:
        super().__init__()
        self._facts = facts
        self._place = 0
        self._runs: list[_Run] = []  # the last one was read last

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        self._place = max(0, place + (0, self._place, self._facts.size)[whence])
        return self._place

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self._facts.size - self._place)
        size = left if size is None or size < 0 else min(size, left)
        parts = []
        while size > 0:
            run = self._run_at(self._place, size)
            inside = self._place - run.start
            part = memoryview(run.data)[inside : inside + size]
            parts.append(part)
            self._place += len(part)
            size -= len(part)
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, target: Any, /) -> int:
        view = memoryview(target).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        for run in self._runs:
            _cancel(run)
        self._runs.clear()
        super().close()

    def _run_at(self, place: int, size: int) -> _Run:
        """The run that holds the byte at `place`, fetched where none does."""
        run = next((run for run in self._runs if run.start <= place < run.stop), None)
        if run is None:
            run = next((run for run in self._runs if run.stop == place), None) or _Run(place)
            self._continue(run, size)
        elif run is self._runs[-1]:
            return run
        self._runs = [other for other in self._runs if other is not run]
        self._runs.append(run)
        while len(self._runs) > _MAX_RUNS or self._buffered() > _MAX_BUFFER_BYTES:
            if len(self._runs) == 1:
                break
            _cancel(self._runs.pop(0))
        return run

    def _buffered(self) -> int:
        return sum(len(run.data) + run.step * len(run.ahead) for run in self._runs)

    def _continue(self, run: _Run, size: int) -> None:
        """Replace the run's bytes by the block that follows them."""
        start = run.stop
        run.start, run.data = start, b""  # freed before the next block is there
        run.data = self._awaited(run) or fetch(self._facts, start, self._end(start, run, size))
        run.total += len(run.data)
        self._look_ahead(run)
        run.step = min(run.step * 2, LONGEST_BYTES)

    def _end(self, start: int, run: _Run, size: int) -> int:
        return min(start + max(run.step, min(size, LONGEST_BYTES)), self._facts.size)

    def _awaited(self, run: _Run) -> bytes:
        """The block that was fetched ahead; nothing where that failed: then it is fetched anew."""
        if not run.ahead:
            return b""
        start, _, future = run.ahead.popleft()
        assert start == run.start, "blocks are fetched in order"
        try:
            return future.result()
        except Exception:
            _cancel(run)
            return b""

    def _look_ahead(self, run: _Run) -> None:
        start = run.ahead[-1][1] if run.ahead else run.stop
        most = min(_AHEAD, run.total // (2 * LONGEST_BYTES))
        while len(run.ahead) < most and start < self._facts.size:
            stop = min(start + LONGEST_BYTES, self._facts.size)
            future = _pool().submit(fetch_once, self._facts, start, stop)
            run.ahead.append((start, stop, future))
            start = stop


def _cancel(run: _Run) -> None:
    for _, _, future in run.ahead:
        future.cancel()
    run.ahead.clear()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="read-ahead")
