"""Which upstream files are downloaded whole, where to, and when they may go again.

All remote files but Parquet (which is read by columns), and none under `--limit`. They lie in
STORE/downloads, or where the store is remote in a folder beside the default store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from manifests.storage import is_local, join, local_path
from pipelines.engine import Task
from pipelines.options import BuildOptions, default_store
from pipelines.store import DOWNLOADS
from pipelines.upstream import Upstream
from sources.base import MediaShard
from sources.cache import DownloadCache
from sources.ranges import RemoteFacts
from sources.root import Root


def downloads_folder(store: str) -> str:
    """A local folder: on the disk of the store where that has one."""
    return join(str(local_path(store if is_local(store) else default_store())), DOWNLOADS)


def with_cache(upstreams: Iterable[Upstream], options: BuildOptions) -> list[Upstream]:
    """The upstreams with roots that download what lies elsewhere before it is read."""
    if options.limit is not None or options.cache_bytes == 0:
        return list(upstreams)
    cache = DownloadCache(downloads_folder(options.store), options.cache_bytes)
    return [
        replace(
            upstream,
            rows=tuple((_cached(root, cache), shard) for root, shard in upstream.rows),
            media=tuple((_cached(root, cache), shard) for root, shard in upstream.media),
        )
        for upstream in upstreams
    ]


def _cached(root: Root, cache: DownloadCache) -> Root:
    return root if is_local(root.uri) else replace(root, cache=cache)


class Downloads:
    """Drops every download once the last of these tasks that reads it is done."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._left = Counter(facts for task in tasks for _, facts in _used(task))

    def release(self, task: Task) -> None:
        for cache, facts in _used(task):
            self._left[facts] -= 1
            if not self._left[facts]:
                cache.drop(facts)


def _used(task: Task) -> Iterator[tuple[DownloadCache, RemoteFacts]]:
    (work,) = task.args
    if work.root.cache is not None:
        shard = work.shard
        files = shard.files if isinstance(shard, MediaShard) else (shard.file,)
        for file in files:
            yield work.root.cache, work.root.facts(file)
