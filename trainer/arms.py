"""One arm of an ablation: trained, or gone on with, and scored on what is held out.

`mixture ablate` calls this by name; all else that it does (recipes, builds, tables) is pipelines'.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from manifests.errors import UsageError
from manifests.storage import write_bytes
from trainer import start
from trainer.build_rows import BuildRows
from trainer.cli import parser
from trainer.presets import PRESETS
from trainer.vocabulary import train_vocabulary

# Of all arms together, as `train-reference` takes of one build.
_VOCABULARY_ROWS = 2000
Report = Callable[[dict[str, Any]], None]


def check_preset(name: str, has_model: bool) -> None:
    """UsageError where there is no such preset, or it needs a model or tokenizer to start from."""
    preset = start.named(PRESETS, "preset", name)
    if not preset.vocabulary and not has_model:
        raise UsageError(
            f"preset {name} needs a model to start from: give --init; tiny alone starts from "
            "nothing"
        )


def common_vocabulary(builds: Sequence[str], preset: str, file: Path) -> None:
    """A tokenizer.json of as many rows of each build: arms of other ids cannot be compared."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    some = _VOCABULARY_ROWS // len(builds)
    texts = (text for build in builds for text in islice(_texts(build), some))
    made = train_vocabulary(texts, PRESETS[preset].vocabulary)
    write_bytes(str(file), made.tokenizer.to_str().encode())


def _texts(build: str) -> Iterator[str]:
    return start.texts_of(BuildRows.open(build))


def train_arm(arguments: Sequence[str], report: Report) -> dict[str, Any]:
    """As `train-reference ARGUMENTS`: the scores of what is held out, and what it was asked for.

    It goes on from a checkpoint in --out; what was done is not trained again.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    asked = parser().parse_args(list(arguments))
    run = start.prepare(asked)
    run.resume()
    run.train(asked.log_every, asked.checkpoint_every, report)
    scores = run.held_out(most_written=0)
    if scores is None:
        raise UsageError(f"{asked.mixture} has no validation split: build it with --holdout")
    return scores
