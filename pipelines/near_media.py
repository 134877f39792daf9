"""Near duplicates among images and clips: what is compared, by tasks, and which of them stay.

    wanted -> seen -> nodes that no step of the store has -> codes in blocks -> pairs of blocks
           -> a step of the store (near_facts.py) -> classes (near_classes.py)

Only new nodes are compared, with each other and with all that were before them; what is in the
store already costs the reading of its nodes and pairs. The driver holds some 150 bytes a medium,
and 100 a pair. What is found depends on the media that are wanted, their priorities, and settings
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from manifests.storage import join
from pipelines.engine import Task
from pipelines.near_classes import CLASSES, media_classes_of
from pipelines.near_compare import (
    BLOCK_NODES,
    BlockPair,
    MediaRange,
    first_pairs,
    read_block,
    run_codes_task,
    run_pairs_task,
    run_seen_task,
)
from pipelines.near_facts import Step, keep_step, known_steps
from pipelines.near_sorts import PAIRS, Sort
from pipelines.scratch import frame, read_batch, write_frame, write_table

Run = Callable[[str, Sequence[Task]], list[dict[str, Any]]]

_SEEN_MEMORY = 512 << 20
_CODES_MEMORY = 512 << 20
# 1,290 MB seen, with two full blocks.
_PAIRS_MEMORY = 1536 << 20
SEEN_ROWS = 1 << 19


def media_classes(
    run: Run, wanted: pl.DataFrame, sorts: Sequence[Sort], store: str, scratch: str
) -> pl.DataFrame:
    """`near_classes.CLASSES` of all wanted media that do not stay as themselves.

    `wanted` has a row a distinct medium: digest (32 bytes), kind (image or video), folder and place
    (its row of that folder's media.parquet), priority (smaller ones stay). Media that could not be
    measured stay. Files are left in `scratch`, and what was found of pairs in the store.
    """
    found = [pl.DataFrame(schema=CLASSES)]
    for kind, some in groupby(sorts, lambda sort: sort.kind):
        mine = wanted.filter(pl.col("kind") == kind).sort("folder", "place", "digest")
        if mine.height:
            results = [
                _Search(run, sort, store, join(scratch, f"near-{sort.way}")).found(mine)
                for sort in some
            ]
            # Of two nodes that several sorts find, the first one's rule is told.
            pairs = pl.concat([pairs for _, pairs in results])
            pairs = pairs.unique(["one", "other"], keep="first", maintain_order=True)
            found.append(media_classes_of(results[0][0], pairs))
    return pl.concat(found)


@dataclass(frozen=True, slots=True)
class _Search:
    """One sort of media; `scratch` is its own."""

    run: Run
    sort: Sort
    store: str
    scratch: str

    def found(self, wanted: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """(which media are known, pairs of them)."""
        seen = self._seen(wanted.select("digest", "folder", "place", "priority"))
        steps = known_steps(self.store, self.sort)
        known = [_nodes(path) for step in steps for path in step.paths]
        fresh = seen.unique("node", keep="first", maintain_order=True)
        for nodes in known:
            fresh = fresh.join(nodes, on="node", how="anti", maintain_order="left")
        if fresh.height:
            made = self._compared(fresh, steps)
            steps.append(keep_step(self.store, self.sort, len(steps), made, fresh.height))
        pairs = [frame([read_batch(step.pairs)]) for step in steps]
        nodes = seen.select("node").unique()
        mine = [
            some.join(nodes, left_on="one", right_on="node", how="semi").join(
                nodes, left_on="other", right_on="node", how="semi"
            )
            for some in pairs
        ]
        nothing = pl.DataFrame(pl.from_arrow(PAIRS.empty_table()))
        return seen, pl.concat([nothing, *mine])

    def _seen(self, wanted: pl.DataFrame) -> pl.DataFrame:
        tasks = self._ranges("seen", wanted, SEEN_ROWS, run_seen_task, _SEEN_MEMORY)
        self.run(f"look up {self.sort.kind}s", tasks)
        return pl.concat([frame([read_batch(task.args[0].out)]) for task in tasks])

    def _compared(self, fresh: pl.DataFrame, steps: Sequence[Step]) -> Step:
        """A step of these nodes, in the scratch folder."""
        folder = join(self.scratch, "step")
        rows = fresh.select("node", "folder", "place")
        tasks = self._ranges("step/codes", rows, BLOCK_NODES, run_codes_task, _CODES_MEMORY)
        self.run(f"gather {self.sort.kind}s", tasks)
        new = [task.args[0].out for task in tasks]
        old = [path for step in steps for path in step.paths]
        asked: list[tuple[str, str | None]] = [(path, None) for path in new]
        asked += [(one, other) for n, one in enumerate(new) for other in (*new[:n], *old)]
        pairs = [
            BlockPair(self.sort, one, other, join(self.scratch, f"pairs-{number:05d}.arrow"))
            for number, (one, other) in enumerate(asked)
        ]
        self.run(f"compare {self.sort.kind}s", [self._task(p) for p in pairs])
        step = Step(folder, tuple(path.rsplit("/", 1)[-1] for path in new))
        write_table(step.pairs, first_pairs([read_block(pair.out) for pair in pairs]))
        return step

    def _task(self, pair: BlockPair) -> Task:
        return Task(
            name=f"compare {self.sort.kind}s {pair.out[-11:-6]}",
            group="blocks",
            function=run_pairs_task,
            args=(pair,),
            memory_bytes=_PAIRS_MEMORY,
        )

    def _ranges(
        self,
        name: str,
        rows: pl.DataFrame,
        size: int,
        function: Callable[[MediaRange], dict[str, Any]],
        memory_bytes: int,
    ) -> list[Task]:
        """Tasks over so many rows each, which are written first."""
        path = join(self.scratch, f"{name.replace('/', '-')}.arrow")
        write_frame(path, rows)
        tasks = []
        for number, start in enumerate(range(0, rows.height, size)):
            out = join(self.scratch, f"{name}-{number:05d}.arrow")
            stop = min(start + size, rows.height)
            tasks.append(
                Task(
                    name=f"{function.__name__} {self.sort.kind} {number}",
                    group="media",
                    function=function,
                    args=(MediaRange(self.sort, path, start, stop, out),),
                    memory_bytes=memory_bytes,
                    weight=stop - start,
                )
            )
        return tasks


def _nodes(path: str) -> pl.DataFrame:
    return pl.DataFrame({"node": pl.Series(read_block(path)["node"])})
