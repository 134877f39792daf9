"""`mixture samples`: a small mirror of every source, offline, the same bytes each time.

Layout, columns, names and markers are upstream's, so that the adapters read the mirror and a real
download alike. Photos and footage are real, charts, pages, diagrams and inks are drawn here.
`truth.json`, written last, says which defects were planted and what must become of them.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson

from manifests.errors import UsageError, nearest
from manifests.storage import write_json
from pipelines.samples import (
    finevideo,
    llava_video_178k,
    m4_instruct,
    magpie,
    mathwriting,
    the_cauldron,
)
from pipelines.samples.hound import REPO as FRAMES_REPO
from pipelines.samples.hound import Hound
from pipelines.samples.magpie_rows import SCHEMAS as MAGPIE_SCHEMAS
from pipelines.samples.stock import Gallery, check_installed
from pipelines.samples.truth import VERSION, Truth

TRUTH = "truth.json"
# A mirror that is being written, or whose writing was broken off, holds this and no truth.json.
_UNFINISHED = ".samples-unfinished"
# Stages whose recipe draws on these sources; so far there is one, and it draws on all.
STAGES = ("video",)
REPOS = (
    finevideo.REPO,
    llava_video_178k.REPO,
    FRAMES_REPO,
    m4_instruct.REPO,
    *(f"{magpie.ORGANISATION}/{subset}" for subset in MAGPIE_SCHEMAS),
    mathwriting.SOURCE,
    the_cauldron.REPO,
)


def write_samples(folder: Path, stage: str | None = None, scale: int = 1) -> dict[str, Any]:
    """Write the mirror into `folder`; `scale` multiplies its ordinary rows and media.

    Takes about 15 s and 20 MB at scale 1. Returns what truth.json holds and `written`: False where
    the folder already holds this very mirror. Another version or scale, or one that was broken
    off, is written anew; a folder with anything else in it is refused (UsageError).
    """
    if stage is not None and stage not in STAGES:
        raise UsageError(
            f"there is no stage {stage!r}{nearest(stage, STAGES)}; stages are {', '.join(STAGES)}"
        )
    if scale < 1:
        raise UsageError(f"--scale is {scale}; it must be 1 or more")
    check_installed()
    found = _existing(folder)
    if found is not None and (found["version"], found["scale"]) == (VERSION, scale):
        return {**found, "written": False}
    _clear(folder)
    truth = _write_sources(folder, scale)
    write_json(str(folder / TRUTH), truth.as_json())
    (folder / _UNFINISHED).unlink()
    return {**truth.as_json(), "written": True}


def _existing(folder: Path) -> dict[str, Any] | None:
    """The truth of a finished mirror; None for an empty or unfinished one."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; `mixture samples` needs a folder")
    if not folder.exists() or not any(folder.iterdir()) or (folder / _UNFINISHED).exists():
        return None
    try:
        truth = orjson.loads((folder / TRUTH).read_bytes())
        planted = {"version", "scale", "planted"} <= set(truth)
    except (OSError, ValueError, TypeError):
        planted = False
    if not planted:
        raise UsageError(
            f"{folder} is not empty and holds no samples mirror ({TRUTH}); name a new folder"
        )
    return dict(truth)


def _clear(folder: Path) -> None:
    """Remove an older mirror, and nothing beside it; mark the folder as being written."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _UNFINISHED).touch()
    (folder / TRUTH).unlink(missing_ok=True)
    for repo in REPOS:
        shutil.rmtree(folder / repo, ignore_errors=True)


def _write_sources(folder: Path, scale: int) -> Truth:
    """In an order in which every copy is written after what it is a copy of."""
    truth, gallery, hound = Truth(scale), Gallery(), Hound(scale)
    finevideo.write(folder, truth, scale)
    llava_video_178k.write(folder, truth, scale, hound)
    hound.write_frames(folder)
    twin = m4_instruct.write(folder, truth, scale, gallery, hound)
    magpie.write(folder, truth, scale)
    mathwriting.write(folder, truth, scale)
    the_cauldron.write(folder, truth, scale, gallery, twin)
    return truth
