"""Runs the tasks of a build with its engine, which starts when there is work worth it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console

from pipelines.downloads import Downloads
from pipelines.engine import Engine, InlineEngine, Task, make_engine
from pipelines.options import BuildOptions
from pipelines.progress import StageProgress, Unit

# Ray takes about 10 s to start; this much of each kind of work is done sooner by one process.
SMALL_ROWS = 1_000_000
SMALL_BYTES = 1_000_000_000


class Runner:
    """`run` with the engine that was asked for, small work in this process until that runs."""

    def __init__(self, options: BuildOptions, console: Console) -> None:
        self._options = options
        self._console = console
        self._engine: Engine | None = None

    def run(
        self,
        stage: str,
        tasks: Iterable[Task],
        downloads: Downloads | None = None,
        unit: Unit = "bytes",
        is_small: bool = False,
        is_step: bool = False,
    ) -> list[dict[str, Any]]:
        """Results in the order in which tasks end; `unit` is of their weights.

        Work that is small does not start Ray, but goes to it where it runs already.
        """
        tasks = list(tasks)
        if not tasks:
            return []
        if is_small and self._engine is None:
            return self._run(InlineEngine(), stage, tasks, downloads, unit, is_step)
        if self._engine is None:
            self._engine = self._start()
        return self._run(self._engine, stage, tasks, downloads, unit, is_step)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()

    def _start(self) -> Engine:
        options = self._options
        named = (options.store, options.out, options.mirror, options.benchmarks)
        folders = [folder for folder in named if folder is not None]
        folders += [folder for _, folder in options.media]
        return make_engine(options.engine, options.workers, options.ray_address, folders)

    def _run(
        self,
        engine: Engine,
        stage: str,
        tasks: Sequence[Task],
        downloads: Downloads | None,
        unit: Unit,
        is_step: bool,
    ) -> list[dict[str, Any]]:
        results = []
        with StageProgress(self._console, stage, tasks, unit, is_step) as progress:
            for task, result in engine.run(tasks):
                progress.advance(task, result)
                if downloads is not None:
                    downloads.release(task)
                results.append(result)
        return results
