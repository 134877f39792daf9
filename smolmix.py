"""smolmix in Python: what the commands do, for notebooks and scripts.

    import smolmix

    view = smolmix.plan("video", mirror="demo/samples", store="demo/store")
    manifest = smolmix.build("video", mirror="demo/samples", store="demo/store", out="demo/video")
    rows = smolmix.load("demo/video")                      # a datasets.Dataset
    dropped = smolmix.ledger("demo/video")                 # a polars.DataFrame

Options are those of `build-mixture --help`, named as the fields of `pipelines.options.BuildOptions`
are. What is wrong is a `manifests.errors.SmolmixError` with one sentence.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from manifests.build import BuildManifest, load_manifest
from manifests.errors import UsageError, nearest
from manifests.storage import is_local, local_path
from pipelines.options import BuildOptions, default_out, default_store

if TYPE_CHECKING:
    import datasets
    import polars as pl

    from pipelines.plan_view import PlanView

__all__ = ["build", "ledger", "load", "manifest", "plan", "report"]


def plan(recipe: str, *, verbose: bool = False, **options: Any) -> PlanView:
    """What a build would hold and cost, without building it.

    `view.as_json()["components"]` has asked shares, available rows and what would be drawn.
    InfeasibleError where the store has all facts and the mixture cannot be drawn from them.
    """
    from pipelines.preview import preview

    return preview(_options(recipe, options), Console(quiet=not verbose))


def build(recipe: str, *, verbose: bool = True, **options: Any) -> BuildManifest:
    """Build a mixture as `build-mixture` does, and go on where one was stopped.

    `recipe` is a built-in stage or the path of a YAML file; `engine="inline"` needs no Ray, and
    `out`, `store`, `mirror`, `num_samples`, `holdout` and the like are as on the command line.
    """
    from pipelines.build import build as build_mixture

    return build_mixture(_options(recipe, options), Console(quiet=not verbose))


def load(build: str | Path, split: str = "train", streaming: bool = False) -> datasets.Dataset:
    """The rows of a finished build on this machine, with `images` as encoded bytes.

    A `datasets.IterableDataset` if streaming: a script that leaves it before its end should end
    with `os._exit(0)`, as pyarrow's threads may hang an orderly exit (apache/arrow#45214).
    UsageError for a folder that is no finished build, or a split that it does not have.
    """
    import datasets

    found = manifest(build)
    if not is_local(str(build)):
        raise UsageError(f"{build} is not on this machine; copy it, or load it with datasets")
    files = [file.path for file in found.files if file.path.startswith(f"data/{split}-")]
    if not files:
        raise UsageError(f"{build} has no split {split!r}; --holdout makes a validation split")
    folder = local_path(str(build))
    paths = {split: [str(folder / path) for path in files]}
    return datasets.load_dataset("parquet", data_files=paths, split=split, streaming=streaming)


def ledger(build: str | Path) -> pl.DataFrame:
    """What became of every upstream row: place, fate, stage, rule, value, id and what it matched.

    Memory grows with upstream's rows, about 200 bytes each.
    """
    from pipelines.why import read_ledger

    return read_ledger(str(build))


def manifest(build: str | Path) -> BuildManifest:
    """The manifest of a finished build: shares, counts, terms, digests."""
    return load_manifest(str(build))


def report(build: str | Path, out: str | None = None) -> str:
    """Write report.html again, into the build or to `out`; returns where."""
    from pipelines.report.run import write_report

    return write_report(str(build), out)


def _options(recipe: str, options: dict[str, Any]) -> BuildOptions:
    known = {field.name for field in dataclasses.fields(BuildOptions)} - {"recipe"}
    for name in options:
        if name not in known:
            raise UsageError(f"there is no option {name!r}{nearest(name, known)}")
    defaults = {"out": default_out(recipe), "store": default_store()}
    paths = {name: str(value) for name, value in options.items() if isinstance(value, Path)}
    return BuildOptions(recipe=recipe, **defaults | options | paths)
