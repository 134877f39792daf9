"""The stages of a curriculum one after another, each from the last checkpoint of the one before.

`build-mixture --curriculum` writes OUT/1-vision, OUT/2-video ...; a run over OUT has a folder of
the same name for each, with checkpoints and logs of its own.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from copy import copy
from pathlib import Path

from manifests.build import MANIFEST_NAME, load_manifest
from manifests.errors import UsageError
from manifests.storage import exists, join, list_files
from trainer.checkpoints import latest
from trainer.presets import STAGES

# The first file that a build writes.
_PLAN = "plan.json"
_STAGE = re.compile(rf"(\d+)-([^/]+)/{re.escape(_PLAN)}")


def each_stage(asked: argparse.Namespace) -> Iterator[tuple[str, argparse.Namespace]]:
    """(its line, what `train-reference` does for it); one without a line for a single build.

    Arguments of a stage after the first are made when the one before is done. UsageError where a
    stage is not complete.
    """
    names = stage_names(asked.mixture)
    if not names:
        yield "", asked
        return
    for name in names:
        load_manifest(join(asked.mixture, name))
    before: Path | None = None
    for number, name in enumerate(names, start=1):
        mine = copy(asked)
        mine.mixture, mine.out = join(asked.mixture, name), asked.out / name
        mine.stage = asked.stage or _rates(name, asked)
        if before is not None:
            mine.init, mine.vision, mine.text = str(latest(before)), None, None
        yield f"stage {number} of {len(names)}: {name}", mine
        before = mine.out


def stage_names(mixture: str) -> list[str]:
    """Folders of a curriculum's stages, in order; none of a single build."""
    if exists(join(mixture, MANIFEST_NAME)):
        return []
    found = [match for path in list_files(mixture, _PLAN) if (match := _STAGE.fullmatch(path))]
    names = [f"{match[1]}-{match[2]}" for match in sorted(found, key=lambda match: int(match[1]))]
    numbers = [int(name.partition("-")[0]) for name in names]
    if numbers != list(range(1, len(names) + 1)):
        raise UsageError(
            f"{mixture} holds {', '.join(names)}: a curriculum has stages 1 to {len(names)}; run "
            "its build-mixture command again"
        )
    return names


def _rates(name: str, asked: argparse.Namespace) -> str:
    """Rates of the stage of that name; a model that is new stays at those of new ones."""
    if asked.init is None and asked.text is None:
        return "scratch"
    stage = name.partition("-")[2]
    return stage if stage in STAGES else "video"
