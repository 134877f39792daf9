"""Tasks that measure each finished folder of the store once, into a file beside its facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from manifests.storage import exists
from pipelines.curate import CuratedSource
from pipelines.engine import Task
from pipelines.measures import facts_bytes


def folder_tasks(
    title: str,
    curated: Sequence[CuratedSource],
    level: Literal["sample", "media"],
    path: Callable[[str], str],
    function: Callable[..., dict[str, Any]],
    args: tuple[Any, ...],
    memory_bytes: int,
) -> list[Task]:
    """A task `function(folder, *args)` for each row or media folder whose file is not there.

    `path` says where a folder's file is to lie; the file is complete once it exists.
    """
    return [
        Task(
            name=f"{title} {source.name}",
            group=source.name,
            function=function,
            args=(folder, *args),
            memory_bytes=memory_bytes,
            weight=facts_bytes(folder, level),
        )
        for source in curated
        for folder in _folders(source, level)
        if not exists(path(folder))
    ]


def _folders(source: CuratedSource, level: str) -> Sequence[str]:
    return source.media if level == "media" else [folder for folder, _ in source.rows]
