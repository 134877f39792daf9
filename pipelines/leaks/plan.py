"""The tasks that a mixture's leaks are found by."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.curate import CuratedSource
from pipelines.engine import Task
from pipelines.leaks.index_set import IndexSet
from pipelines.leaks.measure import plan_text_leaks
from pipelines.leaks.media_measure import plan_media_leaks


def plan_leaks(curated: Sequence[CuratedSource], index_set: IndexSet) -> list[Task]:
    """For the folders that nobody has held against this set; codes of their media are measured."""
    if not index_set.refs:
        return []
    return plan_text_leaks(curated, index_set) + plan_media_leaks(curated, index_set)
