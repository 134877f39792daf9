"""`mixture refine`: the recipe that an ablation speaks for, with the evidence in its header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from manifests.errors import UsageError, nearest
from manifests.storage import write_bytes
from mixtures.component import NAME_PATTERN
from mixtures.recipe import Recipe
from mixtures.recipe_file import load_recipe, parse_recipe
from mixtures.refine import (
    CONFIDENCE,
    MAX_FACTOR,
    Fit,
    Floats,
    Gain,
    bounds_of,
    fit,
    gain_of,
    lowest,
)
from mixtures.vary import Group, recipe_text, scaled, share_text, shares_of
from pipelines.ablation.arms import parent_from
from pipelines.ablation.record import (
    Ablation,
    equal_weights,
    load_ablation,
    recipe_digest,
    spread,
    target_of,
)


@dataclass(frozen=True)
class Proposal:
    """`levels` are the shares proposed, by level; None where no step is sure to be one for good."""

    ablation: Ablation
    recipe: Recipe
    weights: Mapping[str, float]
    own: tuple[Fraction, ...]
    aim: tuple[Fraction, ...]
    fit: Fit
    gain: Gain
    levels: dict[str, dict[str, Fraction]] | None


def parse_target(text: str | None, categories: list[str]) -> dict[str, float]:
    """`chart=2,vqa=1`; categories that are not named do not count. Without one all count alike."""
    if text is None:
        return equal_weights(categories)
    weights: dict[str, float] = {}
    for entry in text.split(","):
        name, _, value = (part.strip() for part in entry.partition("="))
        if name not in categories:
            hint = nearest(name, categories) or f" (there are {', '.join(categories)})"
            raise UsageError(f"--target: no row of category {name!r} is held out{hint}")
        if name in weights:
            raise UsageError(f"--target names {name} twice")
        if re.fullmatch(r"\d+(\.\d+)?", value) is None:
            raise UsageError(
                f"--target {entry.strip()!r}: write it as {name}=2, a weight from 0 on"
            )
        weights[name] = float(value)
    if not sum(weights.values()):
        raise UsageError("--target: all weights are 0, so that nothing would be lowered")
    return weights


def propose(source: str, folder: str, target: str | None) -> Proposal:
    """UsageError where the ablation is of another recipe, or is too small for a fit."""
    ablation = load_ablation(folder)
    recipe = load_recipe(source)
    if recipe_digest(recipe) != ablation.recipe_digest:
        raise UsageError(
            f"{folder} is an ablation of recipe {ablation.recipe}, and not of {recipe.name} as it "
            "stands: run mixture ablate on it"
        )
    weights = parse_target(target, ablation.categories)
    targets = np.array(
        [
            [target_of(arm.runs[seed], weights) for arm in ablation.arms]
            for seed in range(ablation.seeds)
        ]
    )
    exact = [[arm.asked[group.name] for group in ablation.groups] for arm in ablation.arms]
    found = fit(np.array(exact, dtype=np.float64), targets)
    own = tuple(group.own for group in ablation.groups)
    bounds = bounds_of(own, exact, [group.level for group in ablation.groups])
    aim = lowest(found, targets, own, bounds)
    gain = gain_of(found.gain(targets, _floats(own), _floats(aim)))
    levels = _levels(recipe, ablation, aim) if gain.is_sure and aim != own else None
    return Proposal(ablation, recipe, weights, own, aim, found, gain, levels)


def _floats(shares: tuple[Fraction, ...]) -> Floats:
    return np.array([float(share) for share in shares])


def _levels(
    recipe: Recipe, ablation: Ablation, aim: tuple[Fraction, ...]
) -> dict[str, dict[str, Fraction]]:
    found: dict[str, dict[Group, Fraction]] = {}
    for group, share in zip(ablation.groups, aim, strict=True):
        asked = found.setdefault(group.level, {})
        asked[Group(group.name, group.level, group.members)] = share
    return {level: scaled(shares_of(recipe, level), asked) for level, asked in found.items()}


def write_proposal(proposal: Proposal, source: str, out: str, command: str) -> None:
    """UsageError where another file stands at `out`, or its name is none for a recipe."""
    assert proposal.levels is not None, "there is something to write"
    file = Path(out)
    name = file.name.removesuffix(".yaml").removesuffix(".yml")
    if re.match(NAME_PATTERN, name) is None:
        raise UsageError(
            f"--out {out}: a recipe is called as its file, in lower-case letters, digits, - and _"
        )
    parent = parent_from(source, file.parent)
    text = recipe_text(
        name,
        parent,
        f"{proposal.recipe.name} after one step by an ablation",
        proposal.levels,
        [command, *evidence(proposal)],
    )
    if file.exists() and file.read_text(encoding="utf-8") != text:
        raise UsageError(f"{out} is there already; name another --out")
    parse_recipe(text, out, file.parent)
    write_bytes(out, text.encode())


def evidence(proposal: Proposal) -> Iterator[str]:
    """What the step rests on, a line each."""
    ablation = proposal.ablation
    yield (
        f"Ablation {ablation.digest()[:16]} of {ablation.recipe}: preset {ablation.preset}, "
        f"{ablation.steps:,} steps, {ablation.seeds} seeds,"
    )
    rows = ablation.held_out_rows["all"]["all"]
    yield f"{rows:,} rows held out ({ablation.held_out_digest[:16]}), the same in every arm."
    yield f"Target, mean loss of categories by weight: {_weights(proposal.weights)}."
    for arm in ablation.arms:
        mean, deviation = spread([target_of(run, proposal.weights) for run in arm.runs])
        asked = ", ".join(f"{name} {share_text(share)}" for name, share in arm.asked.items())
        yield f"  {asked}: {mean:.4f} +- {deviation:.4f}"
    curve = "a parabola" if any(proposal.fit.design) else "a line"
    yield (
        f"Fit: {curve} a free component. Bounds: the arms' range, and a factor of {MAX_FACTOR} on "
        "the recipe's share."
    )
    yield (
        f"Fitted gain {proposal.gain.mean:.4f} +- {proposal.gain.error:.4f} (standard error); at "
        f"{CONFIDENCE:.0%} at least {proposal.gain.least:.4f}."
    )


def _weights(weights: Mapping[str, float]) -> str:
    if len(set(weights.values())) == 1:
        return f"equal, of {', '.join(weights)}"
    return ", ".join(f"{name}={weight:g}" for name, weight in weights.items())
