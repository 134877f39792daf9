"""`train-reference`: trains a SmolVLM on a build.

    train-reference --mixture mixtures-out/video --preset tiny --steps 200 --out runs/tiny

The same command goes on from the last checkpoint. On several devices the same arguments follow
`accelerate launch -m trainer.cli` or `torchrun --nproc-per-node N -m trainer.cli`.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console
from rich.table import Table

from manifests.errors import SmolmixError, UsageError

if TYPE_CHECKING:
    from trainer.run import Run

_TORCH = "train-reference needs torch, transformers and accelerate: pip install 'smolmix[train]'"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")


def parser() -> argparse.ArgumentParser:
    made = _Parser(prog="train-reference", description="train a SmolVLM on a build")
    add = made.add_argument
    add("--mixture", required=True, metavar="BUILD", help="a build, or a curriculum's folder")
    add("--out", type=Path, required=True, help="folder for checkpoints and logs")
    add("--preset", default="tiny", help="tiny, 256m, 500m or 2.2b (default tiny)")
    add("--stage", help="rates as in stage video or vision; scratch for new models (default)")
    add("--init", metavar="MODEL", help="folder or Hub id of a SmolVLM to go on from")
    add("--vision", metavar="MODEL", help="folder or Hub id of a SigLIP for the encoder")
    add("--text", metavar="MODEL", help="folder or Hub id of a SmolLM2 for the language model")
    add("--tokenizer", help="folder, tokenizer.json or Hub id (default: that of --init or --text)")
    add("--steps", type=_positive, default=200, help="steps of the optimizer (default 200)")
    add("--batch", type=_positive, default=1, help="sequences a device takes at once (default 1)")
    add("--accumulate", type=_positive, default=1, help="batches a step (default 1)")
    add("--context", type=_positive, help="ids of a sequence, at most (default: the preset's)")
    add("--max-tiles", type=_positive, help="tiles of a sequence, at most (default: no limit)")
    add("--learn", choices=("answers", "smolvlm2"), default="answers", help="which ids are labels")
    add(
        "--image-scale",
        choices=("inference", "smolvlm-train"),
        default="inference",
        help="images at the longest edge, or at 2 to 5 tiles as SmolVLM was trained",
    )
    add("--loss-reduction", choices=("token", "sample", "square"), default="token")
    add("--learning-rate", type=_rate, help="for all parts, in place of the stage's")
    add("--neftune", type=_rate, help="noise on embeddings (default: the stage's)")
    add("--gradient-checkpointing", action="store_true", help="less memory, a third more time")
    add("--workers", type=_whole, default=2, help="processes that decode and tokenise (default 2)")
    add("--seed", type=_whole, default=0, help="of new weights and drawn tiles (default 0)")
    add(
        "--written-answers",
        type=_whole,
        default=16,
        metavar="ROWS",
        help="held-out rows a source that are answered by generation (default 16; 0: none)",
    )
    add("--log-every", type=_positive, default=10, metavar="STEPS", help="default 10")
    add("--checkpoint-every", type=_positive, default=500, metavar="STEPS", help="default 500")
    return made


def _positive(text: str) -> int:
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return value


def main(arguments: list[str] | None = None) -> int:
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    console = Console(highlight=False, markup=False, width=width)
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        asked = parser().parse_args(arguments)
        _train(asked, console)
    except KeyboardInterrupt:
        errors.print("stopped; run the same command again to go on from the last checkpoint")
        return 1
    except (SmolmixError, OSError) as error:
        errors.print(f"error: {' '.join(str(error).split())}")
        return error.exit_code if isinstance(error, SmolmixError) else 1
    return 0


def _train(asked: argparse.Namespace, console: Console) -> None:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        from trainer import start
        from trainer.stages import each_stage
    except ImportError as error:
        raise UsageError(f"{_TORCH} ({error.name} is missing)") from error
    for line, one in each_stage(asked):
        run = start.prepare(one)
        console.quiet = not run.is_main
        _train_one(run, one, console, f"{line}\n{start.headline(run)}".lstrip())


def _train_one(run: Run, asked: argparse.Namespace, console: Console, headline: str) -> None:
    step = run.resume()
    console.print(headline)
    if step:
        console.print(f"goes on from step {step}")
    run.train(asked.log_every, asked.checkpoint_every, lambda record: _line(console, record))
    _table(console, run.last)
    scores = run.held_out(asked.written_answers)
    _held_out(console, scores)
    _written(console, scores)
    console.print(f"checkpoint: {run.newest()}\nlog: {asked.out / 'log.jsonl'}")


def _line(console: Console, record: dict[str, Any]) -> None:
    rate, padding, waited = (record[name] for name in ("tokens_per_s", "padding", "data_wait"))
    console.print(
        f"step {record['step']:>6}  loss {record['loss']:.4f}  {rate:,.0f} tokens/s  "
        f"padding {padding:.1%}  waited {waited:.1%}"
    )


def _table(console: Console, record: dict[str, Any] | None) -> None:
    if record is None:
        return
    table = Table(title=f"rows trained on: {record['rows']:,}")
    for name in ("component", "asked", "trained"):
        table.add_column(name, justify="left" if name == "component" else "right")
    for name, share in record["asked"].items():
        table.add_row(name, f"{share:.2%}", f"{record['mixture'][name]:.2%}")
    console.print(table)
    if record["left_out"]:
        console.print(f"left out, for they fit into no sequence: {record['left_out']:,} rows")


def _held_out(console: Console, scores: dict[str, dict[str, Any]] | None) -> None:
    if scores is None:
        return
    table = Table(title=f"held out: {scores['all']['all']['rows']:,} rows")
    names = ("rows", "loss", "exact", "exact_shuffled", "exact_blank", "visual_dependency")
    for name in ("source", *names):
        table.add_column(name.replace("_", " "), justify="left" if name == "source" else "right")
    for source, score in [*scores["source"].items(), ("all", scores["all"]["all"])]:
        table.add_row(source, *("-" if score[n] is None else f"{score[n]:,}" for n in names))
    console.print(table)


def _written(console: Console, scores: dict[str, dict[str, Any]] | None) -> None:
    """What was asked with and without pictures as ANLS; validation.json has the other metrics."""
    if scores is None or "written" not in scores["all"]["all"]:
        return
    whole = scores["all"]["all"]["written"]
    table = Table(title=f"answers written to held-out rows: {whole['rows']:,}")
    cells = {metric: ("own", metric) for metric in ("exact", "anls", "relaxed")}
    cells |= {f"anls {name}": (name, "anls") for name in ("shuffled", "blank")}
    cells["visual dependency"] = ("visual_dependency", "anls")
    for name in ("source", "rows", *cells):
        table.add_column(name, justify="left" if name == "source" else "right")
    named = [(source, score["written"]) for source, score in scores["source"].items()]
    for source, found in [*named, ("all", whole)]:
        if found["rows"]:
            shown = [found[part] and found[part][metric] for part, metric in cells.values()]
            figures = ("-" if figure is None else f"{figure:.3f}" for figure in shown)
            table.add_row(source, f"{found['rows']:,}", *figures)
    console.print(table)
    left_out = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in whole["left_out"].items())
    console.print(f"not asked to write: {left_out}")


if __name__ == "__main__":
    sys.exit(main())
