"""What makes a row the same as others: the media that it shows, else its own content.

    groups-00012.arrow  of each of a part's media the draw of its group

A medium's group is that of what stands for it among its near duplicates, also of what it may be a
part of. Draws stand for groups: two groups with one draw would be one, at 1 in 2^64 a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests.storage import join
from mixtures.holdout import group_draws, is_held
from pipelines.alike.media import Classes, row_media
from pipelines.engine import Task
from pipelines.flat import Bools, Ints, Lists, owners
from pipelines.part_files import part_path
from pipelines.parts import Part
from pipelines.scratch import column, read_batch, write_frame

_MEMORY = 1 << 30

Draws = npt.NDArray[np.uint64]


def groups_path(scratch: str, number: int) -> str:
    return join(scratch, f"groups-{number:05d}.arrow")


def group_tasks(facts: str, scratch: str, parts: Sequence[Part]) -> list[Task]:
    return [
        Task(
            name=f"groups of part {part.number}",
            group="rows",
            function=run_group_task,
            args=(facts, scratch, part.number),
            memory_bytes=_MEMORY,
            weight=part.num_rows,
        )
        for part in parts
    ]


def run_group_task(facts: str, scratch: str, number: int) -> dict[str, Any]:
    """Task: write groups-*.arrow."""
    digests = row_media(facts, number, Classes.found(facts), "like")
    halves = np.ascontiguousarray(digests[:, :16]).view("<u8").reshape(-1, 2)
    drawn = group_draws(halves[:, 0], halves[:, 1])
    write_frame(groups_path(scratch, number), pl.DataFrame({"group": pl.Series(drawn)}))
    return {}


@dataclass(frozen=True, slots=True)
class Shown:
    """The groups that rows show: `group` of row `owner`, and whether it is held out."""

    num_rows: int
    owner: Ints
    group: Draws
    held: Bools

    @classmethod
    def of(cls, rows: pl.DataFrame, facts: str, scratch: str, share: Fraction) -> Shown:
        """Of samples; a sample that was merged shows what its first row shows."""
        own = group_draws(rows["hi"].to_numpy(), rows["lo"].to_numpy())
        part = rows["part"].to_numpy()
        found = [(np.empty(0, np.int64), np.empty(0, np.uint64))]
        for number in np.unique(part).tolist():
            mine = np.flatnonzero(part == number)
            media = read_batch(part_path(facts, number), ["media"]).column("media")
            at = pa.array(rows["at"].to_numpy()[mine])
            lists = Lists(pa.chunked_array([media.take(at)]))
            groups = column(read_batch(groups_path(scratch, number)), "group")
            found.append((mine[owners(lists.counts)], groups[lists.values].astype(np.uint64)))
            alone = mine[lists.counts == 0]
            found.append((alone, own[alone]))
        owner, group = (np.concatenate(column) for column in zip(*found, strict=True))
        return cls(rows.height, owner, group, is_held(group, share))

    def rows_with(self, chosen: Bools) -> Bools:
        """Rows that show one of the chosen groups (a mask over `group`)."""
        found = np.zeros(self.num_rows, np.bool_)
        found[self.owner[chosen]] = True
        return found
