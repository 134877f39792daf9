"""`mixture samples`: a small mirror of every source and benchmark, the same bytes each time.

Layout, columns, names and markers are upstream's, so that the adapters read the mirror and a real
download alike. Photos and footage are real, charts, pages, diagrams and inks are drawn here.
`truth.json`, written last, says which defects were planted and what must become of them.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson

from manifests.benchmark_cards import BenchmarkCard, benchmark_cards
from manifests.cards import load_card
from manifests.errors import UsageError, nearest
from manifests.storage import write_json
from mixtures.recipe_file import builtin_names, load_recipe
from pipelines.benchmarks import wanted_benchmarks
from pipelines.samples import (
    benchmarks,
    finevideo,
    llava_video_178k,
    m4_instruct,
    magpie,
    mathwriting,
    the_cauldron,
)
from pipelines.samples.hound import REPO as FRAMES_REPO
from pipelines.samples.hound import Hound
from pipelines.samples.kit import Kit, writers
from pipelines.samples.magpie_rows import SCHEMAS as MAGPIE_SCHEMAS
from pipelines.samples.stock import Gallery, check_installed
from pipelines.samples.truth import Truth

TRUTH = "truth.json"
# A mirror that is being written, or whose writing was broken off, holds this and no truth.json.
_UNFINISHED = ".samples-unfinished"
# What of it says whether a mirror is the one that is asked for.
_SAID = ("version", "scale", "sources", "benchmarks")
# The sources that copy from each other are written together.
_TOGETHER = (
    "finevideo",
    "llava_video_178k",
    "m4_instruct",
    "magpie",
    "mathwriting",
    "the_cauldron",
)
_REPOS = (
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

    With a stage, only the sources of that built-in recipe are written. Takes under 60 s and 150 MB
    at scale 1. Returns what truth.json holds and `written`: False where the folder already holds
    this very mirror. Another version, scale or stage, or one that was broken off, is written anew;
    a folder with anything else in it is refused (UsageError).
    """
    if scale < 1:
        raise UsageError(f"--scale is {scale}; it must be 1 or more")
    names = _source_names(stage)
    check_installed()
    found = _existing(folder)
    cards = _benchmarks(stage)
    truth = Truth(scale, names, [card.name for card in cards])
    wanted = {key: value for key, value in truth.as_json().items() if key in _SAID}
    if found is not None and {key: found.get(key) for key in _SAID} == wanted:
        return {**found, "written": False}
    _clear(folder)
    _write_sources(folder, truth, scale, names)
    for card in cards:
        benchmarks.write(folder, card)
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
        planted = {"version", "scale", "sources", "planted"} <= set(truth)
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
    written = [repo for writer in writers().values() for repo in writer.repos]
    written += [card.repo for card in benchmark_cards().values()]
    for repo in (*_REPOS, *written):
        shutil.rmtree(folder / repo, ignore_errors=True)


def _source_names(stage: str | None) -> list[str]:
    """The sources to write, sorted: all, or those of a built-in recipe."""
    stages = builtin_names()
    if stage is None:
        return sorted({*_TOGETHER, *writers()})
    if stage not in stages:
        raise UsageError(
            f"there is no stage {stage!r}{nearest(stage, stages)}; stages are {', '.join(stages)}"
        )
    names = set(load_recipe(stage).sources())
    return sorted(names | set(_TOGETHER) if names & set(_TOGETHER) else names)


def _benchmarks(stage: str | None) -> list[BenchmarkCard]:
    """The benchmarks to write: all, or those that the stage is held against."""
    if stage is None:
        return list(benchmark_cards().values())
    recipe = load_recipe(stage)
    return wanted_benchmarks(recipe, {name: load_card(name) for name in recipe.sources()})


def _write_sources(folder: Path, truth: Truth, scale: int, names: list[str]) -> None:
    """In an order in which every copy is written after what it is a copy of."""
    if set(names) & set(_TOGETHER):
        hound, gallery = Hound(scale), Gallery()
        finevideo.write(folder, truth, scale)
        llava_video_178k.write(folder, truth, scale, hound)
        hound.write_frames(folder)
        twin = m4_instruct.write(folder, truth, scale, gallery, hound)
        magpie.write(folder, truth, scale)
        mathwriting.write(folder, truth, scale)
        the_cauldron.write(folder, truth, scale, gallery, twin)
    for name, writer in writers().items():
        if name in names:
            # A gallery of its own: what a source holds does not depend on which others there are.
            writer.write(Kit(folder, truth, scale, Gallery()))
