"""A curriculum: its stages built one after another from one store, each a build of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from manifests.storage import join
from mixtures.curriculum import Curriculum, load_curriculum
from mixtures.recipe_file import load_recipe
from pipelines.build import build
from pipelines.options import BuildOptions

if TYPE_CHECKING:
    from manifests.build import BuildManifest


def build_curriculum(options: BuildOptions, console: Console) -> list[tuple[str, BuildManifest]]:
    """Build each stage into OUT/<number>-<stage>; returns those folders with what is in them.

    `options.recipe` names the curriculum; sizes are of each stage. A stage that is complete is left
    as it is, so that the same command continues a curriculum that was stopped.
    """
    curriculum = load_curriculum(options.recipe)
    stages = list(stage_options(curriculum, options))
    built: list[tuple[str, BuildManifest]] = []
    for number, (name, stage) in enumerate(stages, start=1):
        console.print(f"stage {number} of {len(stages)}: {name}", soft_wrap=True)
        built.append((stage.out, build(stage, console)))
    manifests = [manifest for _, manifest in built]
    console.print(closing_line(curriculum, options.out, manifests), soft_wrap=True)
    return built


def stage_options(
    curriculum: Curriculum, options: BuildOptions
) -> Iterator[tuple[str, BuildOptions]]:
    """(name, its build) of each stage, in order; every recipe is read before the first is built."""
    for stage in curriculum.stages:
        load_recipe(stage.recipe)
    for number, stage in enumerate(curriculum.stages, start=1):
        out = join(options.out, f"{number}-{stage.name}")
        yield stage.name, replace(options, recipe=stage.recipe, out=out)


def closing_line(curriculum: Curriculum, out: str, manifests: list[BuildManifest]) -> str:
    names = ", ".join(f"{n}-{stage.name}" for n, stage in enumerate(curriculum.stages, start=1))
    rows = sum(manifest.num_rows for manifest in manifests)
    tokens = sum(manifest.num_tokens for manifest in manifests)
    return (
        f"curriculum {curriculum.name}: {len(manifests)} stages, {rows:,} rows, {tokens:,} tokens, "
        f"in {out}: {names}"
    )
