"""What `build-mixture` alone says: what can be built, what it needs, how to begin."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

import sources
from manifests.cards import SourceCard
from mixtures.curriculum import curriculum_names, load_curriculum
from mixtures.missing import unavailable_components
from mixtures.recipe_file import builtin_names, load_recipe
from pipelines.progress import human_bytes

_BEGIN = (
    "mixture samples demo/samples --stage video",
    "build-mixture --stage video --mirror demo/samples",
)


def first_run() -> dict[str, Any]:
    """Every built-in recipe with what it needs, and every curriculum; nothing is asked upstream."""
    cards = {name: source.card for name, source in sources.discover().items()}
    return {
        "stages": [_stage(name, cards) for name in builtin_names()],
        "curricula": [
            {"name": name, "stages": [stage.name for stage in load_curriculum(name).stages]}
            for name in curriculum_names()
        ],
        "begin": list(_BEGIN),
    }


def _stage(name: str, cards: dict[str, SourceCard]) -> dict[str, Any]:
    recipe = load_recipe(name)
    used = [cards[source] for source in recipe.sources()]
    sizes = [card.num_bytes for card in used]
    return {
        "name": name,
        "description": recipe.description,
        "sources": [card.name for card in used],
        "upstream_bytes": sum(size for size in sizes if size is not None),
        "is_size_known": None not in sizes,
        "gated": [card.name for card in used if card.gated],
        "nobody_has": sorted(dict(unavailable_components(recipe))),
    }


def print_first_run(console: Console, found: dict[str, Any]) -> None:
    console.print("What can be built (`mixture plan --stage NAME` tells more of one):")
    table = Table("stage", "what", "sources", "upstream", "needs", box=box.SIMPLE_HEAD)
    table.columns[0].no_wrap = True
    for column in table.columns[2:4]:
        column.justify, column.no_wrap = "right", True
    for stage in found["stages"]:
        table.add_row(
            stage["name"],
            stage["description"],
            str(len(stage["sources"])),
            _size(stage),
            _needs(stage),
        )
    console.print(table)
    for curriculum in found["curricula"]:
        steps = ", then ".join(curriculum["stages"])
        console.print(f"--curriculum {curriculum['name']}: {steps}", soft_wrap=True)
    console.print("a recipe of your own: --recipe FILE (docs/recipes.md)")
    console.print("To try it offline, on samples that are made here:")
    for line in found["begin"]:
        console.print(f"  {line}", soft_wrap=True)
    console.print("`mixture doctor` says whether this machine is ready.")


def _size(stage: dict[str, Any]) -> str:
    known = human_bytes(stage["upstream_bytes"]) if stage["upstream_bytes"] else "unknown"
    return known if stage["is_size_known"] or known == "unknown" else f"{known}+"


def _needs(stage: dict[str, Any]) -> str:
    needs = []
    if stage["gated"]:
        needs.append(f"a token for {', '.join(stage['gated'])}")
    if stage["nobody_has"]:
        needs.append(f"--allow-missing (nobody has {', '.join(stage['nobody_has'])})")
    return "; ".join(needs) or "nothing"
