"""A store of few rows by hand, resolved: its samples as emit is given them, and its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

import sources
from manifests.storage import write_json
from mixtures.processors import get_processor
from mixtures.recipe import Recipe
from pipelines.alike.texts import plan_text_facts
from pipelines.curate import CuratedSource
from pipelines.exclude import Exclusions
from pipelines.judges import Judges
from pipelines.ledger import ledger_tasks, run_ledger_task
from pipelines.options import BuildOptions
from pipelines.parts import subset_codes
from pipelines.resolution import Resolved, resolve
from pipelines.runner import Runner
from pipelines.shape import Counter
from pipelines.shard_rows import emit_task
from pipelines.shards import shard_tasks
from pipelines.why import read_ledger
from tests.pipelines.hand_made import (
    Chat,
    write_chats,
)

# Two leaves of equal share; aokvqa images are claimed by neither.
RECIPE = Recipe.model_validate(
    {
        "name": "halves",
        "description": "half texts, half charts",
        "unit": "samples",
        "components": [
            {"name": "text", "share": "1/2", "modality": "text", "sources": ["the_cauldron"]},
            {
                "name": "visual",
                "share": "1/2",
                "sources": ["the_cauldron/ai2d"],
                "components": [{"name": "image", "share": "1", "modality": "image"}],
            },
        ],
    }
)


@dataclass
class Case:
    """A store of two sources by hand, and what is asked of it."""

    folder: Path
    curated: list[CuratedSource]
    recipe: Recipe = RECIPE
    exclusions: Exclusions = Exclusions(())

    def resolve(self, scratch: str = "scratch", **asked: Any) -> Resolved:
        options = BuildOptions(
            recipe="x",
            out=str(self.folder / "out"),
            store=str(self.folder / scratch),
            engine="inline",
            **asked,
        )
        judges = self.judges()
        runner = Runner(options, Console(file=StringIO()))
        runner.run("measure", plan_text_facts(self.curated, self.recipe), is_small=True)
        return resolve(runner, self.curated, judges, str(self.folder / scratch / "run"), options)

    def judges(self) -> Judges:
        names = sorted({source.name for source in self.curated})
        return Judges(
            recipe=self.recipe,
            cards={name: sources.get(name).card for name in names},
            licenses="all",
            exclusions=self.exclusions,
            counter=Counter(get_processor(self.recipe.processor)),
        )

    def ledger(self, resolved: Resolved) -> pl.DataFrame:
        out = str(self.folder / "out")
        cards = {s.name: sources.get(s.name).card for s in self.curated}
        for task in ledger_tasks(out, resolved, subset_codes(cards)):
            run_ledger_task(*task.args)
        return read_ledger(out)

    def rows(self, resolved: Resolved) -> list[dict[str, Any]]:
        """What emit is given, shard after shard."""
        tasks = (emit_task(task) for task in shard_tasks("out", resolved))
        return [row for task in tasks for row in task.rows.to_pylist()]


def write_rows(folder: Path, *chats: Chat, **more: Any) -> str:
    path = write_chats(folder, *chats, **more)
    rejected = len(more.get("rejected", ()))
    write_json(f"{path}/done.json", {"samples": len(chats), "rejected": rejected})
    return path
