"""`mixture ablate`: arms built, trained from the same starts, and scored on the same rows.

What is done is not done again: builds by their plan, runs by DIR/arms/LABEL/seed-N/done.json.
"""

from __future__ import annotations

import hashlib
import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from manifests.errors import UsageError
from manifests.storage import canonical_json, exists, is_local, read_json, write_json
from mixtures.recipe_file import load_recipe
from mixtures.vary import Group, arms_of, parse_vary, shares_of
from pipelines.ablation.arms import (
    BuiltArm,
    achieved,
    asked_of,
    build_arms,
    common_held_out,
    write_recipes,
)
from pipelines.ablation.plot import write_plot
from pipelines.ablation.record import (
    Ablation,
    ArmRecord,
    GroupRecord,
    RunRecord,
    recipe_digest,
    write_ablation,
)
from pipelines.ablation.report import write_table
from pipelines.options import BuildOptions
from pipelines.store import check_writable

_GROUPS = ("all", "modality", "category")
# Fewer leave the warm-up (0.03 of all steps) without a step.
_LEAST_STEPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How every arm is trained."""

    preset: str = "tiny"
    init: str | None = None
    steps: int
    seeds: int = 3
    workers: int | None = None


def ablate(
    options: BuildOptions, vary: Sequence[str], training: Training, console: Console
) -> Ablation:
    """Writes OUT/ablation.json, table.md and plot.svg, `options.out` being OUT."""
    _check(options, training)
    trainer = _trainer()
    trainer.check_preset(training.preset, bool(training.init or options.tokenizer))
    recipe = load_recipe(options.recipe)
    varied = [parse_vary(text, recipe) for text in vary]
    arms = arms_of(recipe, varied)
    if len(arms) < 2:
        raise UsageError("an ablation compares arms: give --vary at least two shares")
    out = Path(options.out)
    files = write_recipes(recipe, options.recipe, arms, out)
    seeds = "1 seed" if training.seeds == 1 else f"{training.seeds} seeds"
    console.print(f"{len(arms)} arms of {recipe.name}, {seeds}, out {out}", soft_wrap=True)
    built = build_arms(arms, files, options, console)
    held_digest = common_held_out(built)
    tokenizer = _tokenizer(trainer, built, training, options, out)
    groups = [one.group for one in varied]
    levels = {group.level: shares_of(recipe, group.level) for group in groups}
    scores = _train_all(trainer, built, training, tokenizer, console)
    records = [
        ArmRecord(
            label=one.arm.label,
            varied=one.arm.group.name,
            asked=asked_of(one.arm, groups, levels),
            achieved={group.name: achieved(one.manifest, group) for group in groups},
            build_digest=one.manifest.digest(),
            rows=one.manifest.num_rows,
            runs=tuple(_run_record(seed, found) for seed, found in enumerate(runs)),
        )
        for one, runs in zip(built, scores, strict=True)
    ]
    assert options.holdout is not None, "checked above"
    found = Ablation(
        recipe=recipe.name,
        recipe_digest=recipe_digest(recipe),
        groups=tuple(_group_record(group, levels[group.level]) for group in groups),
        preset=training.preset,
        init=training.init,
        steps=training.steps,
        seeds=training.seeds,
        settings=_settings(options),
        tokenizer_digest=_file_digest(tokenizer),
        holdout=options.holdout,
        held_out_digest=held_digest,
        held_out_rows=_each(scores[0][0]["scores"], "rows"),
        unit=recipe.unit,
        arms=tuple(records),
    )
    write_ablation(options.out, found)
    write_table(options.out, found)
    write_plot(options.out, found)
    return found


def _check(options: BuildOptions, training: Training) -> None:
    if not is_local(options.out):
        raise UsageError(f"--out {options.out}: runs are kept in a local folder; name one")
    check_writable(options.out, "--out")
    if options.holdout is None:
        raise UsageError("arms are compared on what is held out: say --holdout, such as 1%")
    if training.steps < _LEAST_STEPS:
        raise UsageError(f"--steps {training.steps} is too few: at least {_LEAST_STEPS}")


def _trainer() -> Any:
    try:
        # By its name: the trainer stands beside pipelines, and wants torch.
        return importlib.import_module("trainer.arms")
    except ImportError as error:
        raise UsageError(
            f"mixture ablate needs torch: pip install 'smolmix[train]' ({error.name} is missing)"
        ) from error


def _tokenizer(
    trainer: Any, built: Sequence[BuiltArm], training: Training, options: BuildOptions, out: Path
) -> str | None:
    """One for all arms: what was named, the model's own (null), or one made of all builds."""
    if options.tokenizer is not None or training.init is not None:
        return options.tokenizer
    file = out / "tokenizer.json"
    if not file.exists():
        trainer.common_vocabulary([one.build for one in built], training.preset, file)
    return str(file)


def _train_all(
    trainer: Any,
    built: Sequence[BuiltArm],
    training: Training,
    tokenizer: str | None,
    console: Console,
) -> list[list[dict[str, Any]]]:
    """By arm and seed; all arms of a seed first, so that a part of it can be compared."""
    found: list[list[dict[str, Any]]] = [[] for _ in built]
    for seed in range(training.seeds):
        for place, one in enumerate(built):
            found[place].append(_one(trainer, one, seed, training, tokenizer, console))
    return found


def _one(
    trainer: Any,
    one: BuiltArm,
    seed: int,
    training: Training,
    tokenizer: str | None,
    console: Console,
) -> dict[str, Any]:
    out = one.folder / f"seed-{seed}"
    done = str(out / "done.json")
    key = _key(one, seed, training, tokenizer)
    if exists(done):
        found: dict[str, Any] = read_json(done)
        if found["key"] == key:
            console.print(f"{one.arm.label} seed {seed}: done before, loss {_whole(found)}")
            return found
    started = time.time()
    words = ["--mixture", one.build, "--out", str(out), "--preset", training.preset]
    words += ["--steps", str(training.steps), "--seed", str(seed), "--checkpoint-every", "100"]
    for option in ("init", "workers"):
        if getattr(training, option) is not None:
            words += [f"--{option}", str(getattr(training, option))]
    words += ["--tokenizer", tokenizer] if tokenizer else []
    scores = trainer.train_arm(words, lambda record: None)
    found = {"key": key, "scores": scores, "seconds": round(time.time() - started, 1)}
    write_json(done, found)
    console.print(
        f"{one.arm.label} seed {seed}: loss {_whole(found)} on rows held out, "
        f"{found['seconds']:.0f} s"
    )
    return found


def _whole(found: dict[str, Any]) -> str:
    return f"{found['scores']['all']['all']['loss']:.4f}"


def _key(one: BuiltArm, seed: int, training: Training, tokenizer: str | None) -> str:
    """What decides a run's scores."""
    facts = {
        "build": one.manifest.digest(),
        "seed": seed,
        "preset": training.preset,
        "init": training.init,
        "steps": training.steps,
        "tokenizer": _file_digest(tokenizer) or tokenizer,
    }
    return hashlib.sha256(canonical_json(facts)).hexdigest()


def _file_digest(path: str | None) -> str | None:
    """Of a tokenizer that is a file; what has a name alone is in the settings."""
    if path is None or not Path(path).is_file():
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _run_record(seed: int, found: dict[str, Any]) -> RunRecord:
    return RunRecord(seed=seed, losses=_each(found["scores"], "loss"), seconds=found["seconds"])


def _each(scores: dict[str, Any], what: str) -> dict[str, dict[str, Any]]:
    return {kind: {n: score[what] for n, score in scores[kind].items()} for kind in _GROUPS}


def _group_record(group: Group, shares: dict[str, Any]) -> GroupRecord:
    return GroupRecord(
        name=group.name, level=group.level, members=group.members, own=group.share(shares)
    )


def _settings(options: BuildOptions) -> dict[str, str]:
    """Without addresses: they say where, not what."""
    names = ("limit", "num_samples", "num_tokens", "seed", "licenses", "allow_missing")
    return {name: str(getattr(options, name)) for name in names if getattr(options, name)}
