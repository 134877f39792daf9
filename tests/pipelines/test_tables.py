"""What a build prints of shares: asked, achieved, and what stops one row more."""

from __future__ import annotations

import io

import polars as pl
import pytest
from rich.console import Console

from mixtures.plan import make_plan
from mixtures.quota import solve
from mixtures.recipe import Recipe
from pipelines.curate import CuratePlan
from pipelines.engine import Task
from pipelines.select import Selection
from pipelines.tables import print_dry_run, print_result
from pipelines.tokens import PROCESSOR
from pipelines.upstream import Upstream
from sources import get
from sources.base import MediaShard, RowShard
from sources.root import FileRef, Root

RECIPE = Recipe.model_validate(
    {
        "name": "thirds",
        "description": "",
        "unit": "samples",
        "components": [
            {"name": "text", "share": "1/3", "sources": ["magpie"]},
            {
                "name": "visual",
                "share": "2/3",
                "sources": ["the_cauldron"],
                "components": [
                    {"name": "chart", "share": "0.5", "category": "chart"},
                    {"name": "vqa", "share": "50%", "category": "vqa"},
                ],
            },
        ],
    }
)


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100, highlight=False)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def rows_of(console: Console) -> list[list[str]]:
    lines = [line for line in printed(console) if line.startswith(("│", "┃"))]
    return [[cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]] for line in lines]


def test_asked_and_achieved(console: Console) -> None:
    available = (1000, 4, 1200)
    solution = solve(RECIPE, available)
    rows = pl.DataFrame({"leaf": [0] * 4 + [1] * 4 + [2] * 4, "num_tokens": [100] * 8 + [500] * 4})
    selection = Selection(available, solution, rows, ((0, 12),))
    plan = make_plan(RECIPE, available, solution, PROCESSOR, {})
    assert solution.quotas == (4, 4, 4)
    print_result(console, plan, selection)
    assert rows_of(console) == [
        ["component", "asked", "achieved", "rows", "available", "tokens"],
        ["text", "33.33%", "33.33%", "4", "1,000", "400"],
        ["visual/chart", "33.33%", "33.33%", "4", "4", "400"],
        ["visual/vqa", "33.33%", "33.33%", "4", "1,200", "2,000"],
        ["total", "100.00%", "100.00%", "12", "2,204", "2,800"],
    ]
    assert printed(console)[-1] == "one more row would not fit: " + str(solution.binding)


def test_a_component_that_gets_no_row(console: Console) -> None:
    available = (9, 9, 9)
    solution = solve(RECIPE, available, 1)
    selection = Selection(
        available, solution, pl.DataFrame({"leaf": [1], "num_tokens": [7]}), ((0, 1),)
    )
    print_result(console, make_plan(RECIPE, available, solution, PROCESSOR, {}), selection)
    assert ["visual/chart", "33.33%", "100.00%", "1", "9", "7"] in rows_of(console)
    assert ["text", "33.33%", "0.00%", "0", "9", "0"] in rows_of(console)
    assert "one more row" not in printed(console)[-1]


def test_a_dry_run(console: Console) -> None:
    """A file that holds rows and media counts once."""
    file, archive = FileRef("a.parquet", 2_000_000), FileRef("b.tar", 500_000)
    root = Root("/m", "org/repo")
    upstream = Upstream(
        get("the_cauldron"),
        ((root, RowShard("the_cauldron", "ai2d", file)),),
        (
            (root, MediaShard("the_cauldron", "ai2d", (file,))),
            (root, MediaShard("the_cauldron", "ai2d", (archive,))),
        ),
    )
    task = Task("t", "g", dict, (), memory_bytes=1, weight=1_500)
    print_dry_run(console, RECIPE, [upstream], CuratePlan((task,), (task,), (), 4))
    assert printed(console)[0] == (
        "shares of samples: text 0.3333, visual/chart 0.3333, visual/vqa 0.3333"
    )
    assert rows_of(console)[1] == ["the_cauldron", "1", "2", "2.5 MB"]
    assert printed(console)[-1] == "in the store: 4 shards; to curate: 2 shards, 3.0 kB"
