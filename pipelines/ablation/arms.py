"""Recipes and builds of an ablation's arms: of one size, with the same rows held out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from rich.console import Console

from manifests.build import VALIDATION, BuildManifest
from manifests.errors import IntegrityError, UsageError
from manifests.storage import join, read_parquet, write_bytes
from mixtures.plan import Plan
from mixtures.recipe import Recipe
from mixtures.recipe_file import builtin_names, load_recipe
from mixtures.vary import Arm, Group, recipe_text, share_text
from pipelines.build import build
from pipelines.options import BuildOptions
from pipelines.preview import preview


@dataclass(frozen=True)
class BuiltArm:
    arm: Arm
    folder: Path
    manifest: BuildManifest

    @property
    def build(self) -> str:
        return str(self.folder / "build")


def write_recipes(recipe: Recipe, source: str, arms: Sequence[Arm], out: Path) -> list[Path]:
    """DIR/arms/LABEL/recipe.yaml of each; UsageError where one of another recipe stands there."""
    texts: dict[Path, str] = {}
    for arm in arms:
        folder = out / "arms" / arm.label
        words = f"{arm.group.name} at {share_text(arm.asked)}"
        header = [
            f"An arm of an ablation of {recipe.name}: {words}, the components beside it",
            "scaled in proportion.",
        ]
        name, description = f"{recipe.name}-{arm.label}".lower(), f"{recipe.name} with {words}"
        parent = parent_from(source, folder)
        texts[folder / "recipe.yaml"] = recipe_text(
            name, parent, description, {arm.group.level: arm.shares}, header
        )
    for file, text in texts.items():
        if file.exists() and file.read_text(encoding="utf-8") != text:
            raise UsageError(f"{out} holds an ablation of another recipe: name another --out")
    for file, text in texts.items():
        write_bytes(str(file), text.encode())
        load_recipe(str(file))
    return list(texts)


def parent_from(source: str, folder: Path) -> str:
    """How a recipe in `folder` names the one at `source`: a built-in name, or a relative path."""
    if source in builtin_names():
        return source
    return os.path.join(os.curdir, os.path.relpath(source, folder))


def build_arms(
    arms: Sequence[Arm], recipes: Sequence[Path], options: BuildOptions, console: Console
) -> list[BuiltArm]:
    """All of the size that the smallest can have, unless one was asked for.

    UsageError where the store lacks what they are made from.
    """
    wanted = [
        replace(options, recipe=str(file), out=str(file.parent / "build")) for file in recipes
    ]
    plans = [_plan(one) for one in wanted]
    if options.num_samples is None and options.num_tokens is None:
        wanted = [_same_size(one, plans) for one in wanted]
    return [
        BuiltArm(arm, file.parent, _built(one, arm, console))
        for arm, file, one in zip(arms, recipes, wanted, strict=True)
    ]


def _plan(options: BuildOptions) -> Plan:
    found = preview(options, Console(quiet=True))
    if found.refusal:
        raise UsageError(found.refusal)
    if found.plan is None:
        raise UsageError(
            f"the store {options.store} does not have all that the recipe draws on, and mixture "
            "ablate re-mixes from a store: fill it by build-mixture with the same recipe, "
            "--mirror, --limit and --tokenizer first"
        )
    return found.plan


def _same_size(options: BuildOptions, plans: Sequence[Plan]) -> BuildOptions:
    """As many rows, or of other units ids, in each: the arms are trained for as many steps."""
    if plans[0].recipe.unit == "samples":
        return replace(options, num_samples=min(plan.total for plan in plans))
    tokens = min(sum(leaf.tokens for leaf in plan.leaves) for plan in plans)
    return replace(options, num_tokens=tokens)


def _built(options: BuildOptions, arm: Arm, console: Console) -> BuildManifest:
    found = build(options, Console(quiet=True))
    level = f"{arm.group.level}/" if arm.group.level else ""
    share = achieved(found, arm.group)
    console.print(
        f"built {arm.label}: {found.num_rows:,} rows, {level}{arm.group.name.split('/')[-1]} "
        f"{float(share):.2%} (asked {float(arm.asked):.2%})",
        soft_wrap=True,
    )
    return found


def achieved(manifest: BuildManifest, group: Group) -> Fraction:
    """The share of its parent's amount that a group has in a build."""
    level = f"{group.level}/" if group.level else ""
    parts = {part.name: part.amount for part in manifest.components}
    beside = [name for name in parts if name.rpartition("/")[0] == group.level]
    whole = sum(parts[name] for name in beside)
    return Fraction(sum(parts.get(f"{level}{name}", 0) for name in group.members), whole or 1)


def common_held_out(built: Sequence[BuiltArm]) -> str:
    """A digest of the ids of the rows held out, which must be the same in all arms.

    UsageError where nothing is held out.
    """
    digests = {one.arm.label: _held_digest(one) for one in built}
    first, *others = digests
    for label in others:
        if digests[label] != digests[first]:
            raise IntegrityError(
                f"arms {first} and {label} hold out other rows, and cannot be compared: build "
                "them from one store with the same options"
            )
    return digests[first]


def _held_digest(one: BuiltArm) -> str:
    ids = sorted(_held_ids(one.build, one.manifest))
    if not ids:
        share = one.manifest.validation.share if one.manifest.validation else Fraction(0)
        raise UsageError(
            f"--holdout {float(share):.1%} holds out no row of so small a mixture: ask for more"
        )
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def _held_ids(build: str, manifest: BuildManifest) -> Iterator[str]:
    for file in manifest.files:
        if file.path.startswith(VALIDATION):
            yield from read_parquet(join(build, file.path), ["id"])["id"].to_pylist()


def asked_of(
    arm: Arm, groups: Sequence[Group], levels: Mapping[str, Mapping[str, Fraction]]
) -> dict[str, Fraction]:
    """The share that each group has in an arm; at other levels the recipe's own."""
    return {
        group.name: group.share(
            arm.shares if group.level == arm.group.level else levels[group.level]
        )
        for group in groups
    }
