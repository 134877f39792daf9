"""`mixture ablate`: arms of a recipe, trained and compared; `mixture refine`: a step by them."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from manifests.errors import UsageError
from mixtures.recipe import Recipe
from mixtures.recipe_file import builtin_names
from mixtures.vary import shares_of
from pipelines.cli_build import add_build_arguments, build_options
from pipelines.cli_inputs import chosen_recipe
from pipelines.console import positive, print_json

if TYPE_CHECKING:
    from pipelines.ablation.refine import Proposal

_HOLDOUT = Fraction(1, 100)


def add_ablate_arguments(parser: argparse.ArgumentParser) -> None:
    add_build_arguments(parser)
    parser.add_argument(
        "--vary",
        action="append",
        required=True,
        metavar="NAME=SHARES",
        help="a component's path, or a modality, and its shares: text=5%%,14%%,30%%; again for "
        "another component",
    )
    parser.add_argument("--preset", default="tiny", help="of train-reference (default tiny)")
    parser.add_argument("--init", metavar="MODEL", help="folder or Hub id that arms go on from")
    parser.add_argument("--steps", type=positive, required=True, metavar="N", help="of each run")
    parser.add_argument("--seeds", type=positive, default=3, metavar="N", help="default 3")


def run_ablate(args: argparse.Namespace, console: Console) -> int:
    from pipelines.ablation.run import Training, ablate

    if args.curriculum is not None:
        raise UsageError("an ablation is of one recipe: give --stage or --recipe, no --curriculum")
    if args.out is None:
        raise UsageError("say where the ablation goes: --out DIR")
    options = build_options(args)
    options = replace(options, holdout=options.holdout or _HOLDOUT)
    training = Training(
        preset=args.preset,
        init=args.init,
        steps=args.steps,
        seeds=args.seeds,
        workers=args.workers,
    )
    found = ablate(options, args.vary, training, console)
    with open(os.path.join(args.out, "table.md"), encoding="utf-8") as file:
        console.print(file.read(), soft_wrap=True)
    console.print(f"all facts: {args.out}/ablation.json; plot: {args.out}/plot.svg", soft_wrap=True)
    if args.json:
        print_json(console, found.model_dump(mode="json"))
    return 0


def add_refine_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="the recipe that was varied: a built-in name or a file")
    parser.add_argument("--from", dest="folder", required=True, metavar="DIR", help="the ablation")
    parser.add_argument(
        "--target", metavar="WEIGHTS", help="category=weight,...: what is lowered (default: equal)"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="the new recipe (YAML)")


def run_refine(args: argparse.Namespace, console: Console) -> int:
    from pipelines.ablation.refine import evidence, propose

    is_builtin = args.recipe in builtin_names()
    source = args.recipe if is_builtin else chosen_recipe(None, args.recipe)
    proposal = propose(source, args.folder, args.target)
    for line in evidence(proposal):
        console.print(line, soft_wrap=True)
    if proposal.levels is None:
        why = "lies within its noise" if proposal.aim != proposal.own else "asks for no step"
        console.print(f"no change is proposed: what the ablation found {why}", soft_wrap=True)
    else:
        _write(proposal, source, args, console)
    if args.json:
        print_json(console, _as_json(proposal, args.out))
    return 0


def _write(proposal: Proposal, source: str, args: argparse.Namespace, console: Console) -> None:
    from pipelines.ablation.refine import write_proposal

    assert proposal.levels is not None, "there is something to write"
    said = ["mixture", "refine", args.recipe, "--from", args.folder]
    said += ["--target", args.target] if args.target else []
    # Without the folders, which say nothing to who reads it elsewhere.
    said = [word if not os.path.isabs(word) else os.path.basename(word) for word in said]
    write_proposal(proposal, source, args.out, shlex.join(said))
    console.print(_table(proposal.recipe, proposal.levels))
    console.print(
        f"written: {args.out}; build it: build-mixture --recipe {args.out}", soft_wrap=True
    )


def _as_json(proposal: Proposal, out: str) -> dict[str, Any]:
    from pipelines.ablation.refine import evidence

    levels = proposal.levels or {}
    return {
        "recipe": out if proposal.levels is not None else None,
        "target": dict(proposal.weights),
        "gain": asdict(proposal.gain),
        "shares": {
            level: {name: str(share) for name, share in shares.items()}
            for level, shares in levels.items()
        },
        "evidence": list(evidence(proposal)),
    }


def _table(recipe: Recipe, levels: Mapping[str, Mapping[str, Fraction]]) -> Table:
    table = Table("component", "recipe", "proposed", box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for level, shares in levels.items():
        before = shares_of(recipe, level)
        for name, share in shares.items():
            path = f"{level}/{name}" if level else name
            table.add_row(path, f"{float(before[name]):.2%}", f"{float(share):.2%}")
    return table
