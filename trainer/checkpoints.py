"""Checkpoints: complete by a rename, the last two kept, and the one to go on from.

OUT/checkpoints/step-000100/   what transformers loads (saving.py)   trainer.pt  state.json
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import torch

from manifests.errors import IntegrityError, UsageError
from manifests.storage import read_json, write_json
from trainer.cursor import FeedState
from trainer.settings import TrainSettings

_FOLDER = "checkpoints"
_STATE, _TENSORS = "state.json", "trainer.pt"
_KEPT = 2
# What another number of processes still lacks is divided anew (cursor.py).
_MAY_CHANGE = "ranks"


def path_of(out: Path, step: int) -> Path:
    return out / _FOLDER / f"step-{step:06d}"


def latest(out: Path) -> Path | None:
    found = sorted((out / _FOLDER).glob("step-*"))
    return found[-1] if found else None


def check_same(out: Path, settings: TrainSettings) -> None:
    """UsageError where OUT holds a run with other settings."""
    file = out / "settings.json"
    if not file.exists():
        write_json(str(file), settings.model_dump())
        return
    before = TrainSettings.model_validate(read_json(str(file))).model_dump()
    now = settings.model_dump()
    changed = [name for name in now if now[name] != before[name] and name != _MAY_CHANGE]
    if changed:
        name = changed[0]
        raise UsageError(
            f"{out} holds a run with {name} {before[name]!r}, and this one has {now[name]!r}; give "
            "another --out, or the same settings to go on"
        )
    write_json(str(file), now)


def keep(
    out: Path,
    step: int,
    save: Callable[[Path], None],
    feeds: Sequence[FeedState],
    tensors: dict[str, Any],
) -> Path:
    """Writes one checkpoint and removes those that are no longer needed."""
    final = path_of(out, step)
    part = final.with_name(f".{final.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    save(part)
    torch.save(tensors, part / _TENSORS)
    state = {"step": step, "feeds": [feed.as_json() for feed in feeds]}
    (part / _STATE).write_bytes(orjson.dumps(state))
    shutil.rmtree(final, ignore_errors=True)
    part.rename(final)
    for old in sorted(final.parent.glob("step-*"))[:-_KEPT]:
        shutil.rmtree(old)
    return final


def load(path: Path) -> tuple[int, list[FeedState], dict[str, Any]]:
    """(step, each rank's feed, tensors)."""
    try:
        state = orjson.loads((path / _STATE).read_bytes())
        tensors = torch.load(path / _TENSORS, map_location="cpu", weights_only=True)
    except (OSError, orjson.JSONDecodeError, RuntimeError) as error:
        raise IntegrityError(f"{path} cannot be read ({error}); remove it to go on") from error
    return state["step"], [FeedState.of_json(raw) for raw in state["feeds"]], tensors
