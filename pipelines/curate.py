"""Curate: makes the store hold the facts of every shard that a build needs, and nothing twice.

What runs a task is imported where there is one: a plan of a full store needs no decoders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from filters.base import Measure
from filters.models import ModelMeasure
from manifests.ids import key_digest
from pipelines.clips import FrameSpec
from pipelines.engine import Task
from pipelines.measures import facts_bytes, measure_folder, missing
from pipelines.store import is_done, media_folder, row_folder
from pipelines.upstream import Upstream, card_digest, media_key, row_key
from sources.base import MediaShard, RowShard
from sources.root import Root

# What turns upstream bytes into other bytes, besides the adapter (whose version is in the key too).
_MAKERS_VERSION = "images-2"
# The layout of row folders: 2 has `num_media` in turns.parquet.
_ROWS_VERSION = "rows-2"
# By our own rule a process stays under 0.5 GiB plus 2.5 times an open upstream row group, and a
# row group is at most its file.
_BASE_MEMORY = 512 << 20
_MAX_MEMORY = 1536 << 20
_MEASURE_MEMORY = 512 << 20


@dataclass(frozen=True, slots=True)
class CuratedSource:
    """A source's finished folders in shard order, each with the shard's upstream file."""

    name: str
    suffix: bool  # whether media are looked up by suffix
    subsets: frozenset[str] | None  # whose rows are the recipe's; None: all
    media: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]  # (folder, upstream file path)


@dataclass(frozen=True, slots=True)
class CuratePlan:
    """What is to be done before a build can be decided: media tasks first, then row tasks."""

    media: tuple[Task, ...]
    rows: tuple[Task, ...]
    curated: tuple[CuratedSource, ...]
    num_done: int

    @property
    def pending_bytes(self) -> int:
        return sum(task.weight for task in (*self.media, *self.rows))


def _memory(size: int) -> int:
    return min(_BASE_MEMORY + size * 5 // 2, _MAX_MEMORY)


def plan_curate(
    upstreams: Sequence[Upstream],
    store: str,
    spec: FrameSpec,
    measures: Sequence[Measure],
    limited: bool,
) -> CuratePlan:
    """Tasks for every shard whose folder is not complete, and where all facts will lie."""
    media_tasks: list[Task] = []
    row_tasks: list[Task] = []
    curated = []
    num_done = 0
    for upstream in upstreams:
        plan = _SourcePlan(upstream, store, spec, measures, limited)
        media_tasks += plan.media_tasks
        row_tasks += plan.row_tasks
        num_done += plan.num_done
        curated.append(plan.curated)
    return CuratePlan(tuple(media_tasks), tuple(row_tasks), tuple(curated), num_done)


class _SourcePlan:
    """One source's tasks; a shard whose `done.json` exists gives none."""

    def __init__(
        self,
        upstream: Upstream,
        store: str,
        spec: FrameSpec,
        used: Sequence[Measure],
        limited: bool,
    ) -> None:
        self.media_tasks: list[Task] = []
        self.row_tasks: list[Task] = []
        self.num_done = 0
        self._store = store
        self._source = upstream.source
        # Categories and licenses of the card are stored with the rows.
        card = card_digest(upstream.source.card)
        self._facts = f"{_ROWS_VERSION}-{upstream.source.fingerprint}-{card}"
        early = [f for f in used if not isinstance(f, ModelMeasure)]
        self._names = {
            level: tuple(f.ref for f in early if f.level == level) for level in ("sample", "media")
        }
        media = tuple(self._media(root, shard, spec) for root, shard in upstream.media)
        take = limited and not upstream.source.media_in_rows
        rows = tuple(self._rows(r, s, media if take else None) for r, s in upstream.rows)
        suffix = self._source.media_lookup == "suffix"
        self.curated = CuratedSource(self._source.name, suffix, upstream.subsets, media, rows)

    def _media(self, root: Root, shard: MediaShard, spec: FrameSpec) -> str:
        source = self._source
        makers = f"{_MAKERS_VERSION}|{spec.spec}"
        key = media_key(root, shard, source.fingerprint, makers)
        folder = media_folder(self._store, source.name, key)
        if self._is_there(folder):
            return folder
        from pipelines.curate_media import MediaTask, run_media_task

        task = MediaTask(source.ref, root, shard, self._store, folder, spec, self._names["media"])
        size = sum(file.size for file in shard.files)
        self.media_tasks.append(
            Task(
                name=f"media {source.name} {shard.files[0].path}",
                group=source.name,
                function=run_media_task,
                args=(task,),
                memory_bytes=_memory(size),
                weight=size,
                isolated_args=(replace(task, isolate=True),),
            )
        )
        return folder

    def _rows(self, root: Root, shard: RowShard, media: tuple[str, ...] | None) -> tuple[str, str]:
        source = self._source
        available = key_digest(*media) if media is not None else ""
        key = row_key(root, shard, self._facts, available)
        folder = row_folder(self._store, source.name, shard.subset, key)
        if self._is_there(folder):
            return folder, shard.file.path
        from pipelines.curate_rows import RowTask, run_row_task

        task = RowTask(source.ref, root, shard, folder, self._names["sample"])
        if media is not None:
            assert shard.stop is not None, "a limit gives every shard an end"
            task = replace(task, take=shard.stop - shard.start, media_folders=media)
        self.row_tasks.append(
            Task(
                name=f"rows {source.name} {shard.file.path}",
                group=source.name,
                function=run_row_task,
                args=(task,),
                memory_bytes=_memory(shard.file.size),
                weight=shard.file.size,
            )
        )
        return folder, shard.file.path

    def _is_there(self, folder: str) -> bool:
        done = is_done(folder)
        self.num_done += done
        return done


def plan_measures(curated: Sequence[CuratedSource], used: Sequence[Measure]) -> list[Task]:
    """Tasks for the column files that finished folders lack: a new measure, or a new version."""
    tasks = []
    for source in curated:
        for level, folders in (("media", source.media), ("sample", [f for f, _ in source.rows])):
            wanted = [part for f in used for part in f.parts if part.level == level]
            for folder in folders:
                lacking = missing(folder, wanted)
                models = [f for f in lacking if isinstance(f, ModelMeasure)]
                tasks += _model_tasks(source.name, folder, models)
                lacking = [f for f in lacking if f not in models]
                if lacking:
                    tasks.append(
                        Task(
                            name=f"measure {source.name} {', '.join(f.name for f in lacking)}",
                            group=source.name,
                            function=measure_folder,
                            args=(folder, [f.ref for f in lacking]),
                            isolated_args=(folder, [f.ref for f in lacking], True),
                            memory_bytes=_MEASURE_MEMORY,
                            weight=facts_bytes(folder, level),
                        )
                    )
    return tasks


def _model_tasks(source: str, folder: str, models: Sequence[ModelMeasure]) -> list[Task]:
    if not models:
        return []
    from pipelines.model_measures import model_task

    return [model_task(source, folder, model) for model in models]
