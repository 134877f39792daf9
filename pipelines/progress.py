"""Progress that a person can read: live bars on a terminal, plain lines elsewhere.

Rates are of upstream bytes; memory is of this process and its children, the highest seen.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from pipelines.engine import Task

# What `--log` writes (log.py).
LOG = logging.getLogger("smolmix")
# Without --log nothing is logged; Python would print what has no handler at all to stderr.
LOG.addHandler(logging.NullHandler())

# A plain line at most this often, so that a log of a day's run stays readable.
_PLAIN_INTERVAL_S = 5.0
_MEMORY_INTERVAL_S = 1.0
# All but tab and newline; and halves of surrogate pairs, which no terminal's encoding has.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


Unit = Literal["bytes", "rows"]
_ROWS = TextColumn("{task.completed:,} of {task.total:,} rows")


def human_bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def printable(text: str) -> str:
    """Text from upstream with control characters escaped, so that it cannot steer a terminal."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


class MemoryWatch:
    """Samples the resident memory of this process and its children on a thread of its own."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        import psutil

        me = psutil.Process()
        while True:
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue  # it ended between being listed and being asked
            self.peak_bytes = max(self.peak_bytes, total)
            if self._stop.wait(_MEMORY_INTERVAL_S):
                return


class StageProgress:
    """One stage's progress over its tasks, a line a group; use as a context manager."""

    def __init__(
        self,
        console: Console,
        stage: str,
        tasks: Iterable[Task],
        unit: Unit = "bytes",
        is_step: bool = False,
    ) -> None:
        """`unit` is what the tasks' weights count; a step that was short leaves no line."""
        self._console = console
        self._stage = stage
        self._unit = unit
        self._is_step = is_step
        self._totals: dict[str, int] = {}
        for task in tasks:
            self._totals[task.group] = self._totals.get(task.group, 0) + task.weight
        self._done = dict.fromkeys(self._totals, 0)
        self._dropped = dict.fromkeys(self._totals, 0)
        self._started = self._printed = time.monotonic()
        self._memory = MemoryWatch()
        self._bars: Progress | None = None
        self._ids: dict[str, TaskID] = {}
        if console.is_terminal and self._totals:
            self._bars = Progress(
                TextColumn("{task.description:>32}"),
                BarColumn(),
                *([DownloadColumn(), TransferSpeedColumn()] if unit == "bytes" else [_ROWS]),
                TimeRemainingColumn(),
                TextColumn("{task.fields[dropped]}"),
                TextColumn("{task.fields[memory]}"),
                console=console,
                transient=True,
            )

    def __enter__(self) -> StageProgress:
        if not self._console.quiet:
            self._memory.start()
        if self._bars:
            self._bars.start()
            for group, total in self._totals.items():
                name = f"{self._stage} {group}"
                self._ids[group] = self._bars.add_task(name, total=total, dropped="", memory="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._memory.stop()
        if self._bars:
            self._bars.stop()
        is_short = time.monotonic() - self._started < _PLAIN_INTERVAL_S
        if error is None and self._totals and not (self._is_step and is_short):
            self._print("done")

    def advance(self, task: Task, result: Mapping[str, Any]) -> None:
        """A task ended; of its record `rejected` is shown, rows that its source could not give."""
        self._done[task.group] += task.weight
        self._dropped[task.group] += result.get("rejected", 0)
        LOG.debug("%s: %s of %s ended", self._stage, printable(task.name), task.group)
        if self._bars:
            memory = human_bytes(self._memory.peak_bytes)
            self._bars.update(
                self._ids[task.group],
                advance=task.weight,
                dropped=_dropped_words(self._dropped[task.group]),
                memory=f"peak {memory}",
            )
        elif time.monotonic() - self._printed > _PLAIN_INTERVAL_S:
            self._printed = time.monotonic()
            self._print("so far")

    def _print(self, word: str) -> None:
        self._console.print(self._line(word), highlight=False, markup=False, soft_wrap=True)

    def _line(self, word: str) -> str:
        done, total = sum(self._done.values()), sum(self._totals.values())
        elapsed = max(time.monotonic() - self._started, 1e-3)
        left = (total - done) * elapsed / done if done else 0.0
        parts = [
            f"{self._stage:>8} {word}: {self._amount(done)} of {self._amount(total)}",
            f"{self._amount(done / elapsed)}/s",
            f"{elapsed:.1f} s",
        ]
        if done < total and done:
            parts.append(f"about {left:.0f} s left")
        parts.append(_dropped_words(sum(self._dropped.values())))
        parts.append(f"peak memory {human_bytes(self._memory.peak_bytes)}")
        return ", ".join(filter(None, parts))

    def _amount(self, weight: float) -> str:
        return human_bytes(weight) if self._unit == "bytes" else f"{weight:,.0f} rows"


def _dropped_words(rows: int) -> str:
    """Nothing where nothing was: most stages cannot drop."""
    words = "1 row" if rows == 1 else f"{rows:,} rows"
    return f"{words} dropped" if rows else ""
