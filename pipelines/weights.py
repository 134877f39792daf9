"""Weights of model filters: found when a build is planned, and kept in the store by digest.

    STORE/weights/<sha256>/weights.bin, or the files of a folder by their names

There every node of a cluster finds the bytes that the build was planned with, and so does the next
build. What is missing (a file, a package, a label) is told here, with its place in the recipe.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import filters
from filters.base import Params
from filters.models import (
    Asking,
    ModelFilter,
    ModelMeasure,
    Settings,
    Weights,
    check_packages,
    sha256_of,
)
from manifests.errors import (
    RecipeError,
    SmolmixError,
    SourceError,
    UsageError,
    invalid_fields,
)
from manifests.storage import atomic_file, exists, is_local, join, local_path
from mixtures.likeness import NearModel
from mixtures.policies import Setting
from mixtures.recipe import Recipe
from pipelines.judge import Rule
from pipelines.store import check_writable, mark_files_used
from sources.retries import with_retries

_HUB = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(/(?P<file>[\w./-]+))?(@(?P<revision>[\w./-]+))?")
# Said of a repository in an error, at most.
_MANY_FILES = 8


def bind_models(recipe: Recipe, rules: Iterable[Rule], store: str) -> Recipe:
    """The recipe whose model filters have weights: `filter_ref` says where they are.

    RecipeError where weights are missing, or are not what a filter can score with.
    """
    settings = recipe.filter_settings()
    asking = [rule for rule in rules if isinstance(rule.filter, ModelFilter)]
    model = near_model(recipe)
    if not asking and model is None:
        return recipe
    check_writable(store, "--store")
    bound: list[ModelMeasure]
    bound = [_bound(recipe, rule, settings[rule.filter.name], store) for rule in asking]
    if model is not None:
        bound.append(_bound_embedding(recipe, model, store))
    return recipe.with_filter_refs({filter_.name: filter_.ref for filter_ in bound})


def near_model(recipe: Recipe) -> NearModel | None:
    """The model that near duplicates of images are looked for by, if the recipe names one."""
    near = recipe.near_duplicates
    return near.image.model if near is not None and near.image is not None else None


def pinned_models(recipe: Recipe, pins: Mapping[str, str]) -> Recipe:
    """The same for the recipe of a plan: its model filters find their measures, and make none."""
    refs = {}
    recipe = recipe.with_filter_refs({})
    for name in recipe.filter_settings():
        pin = pins.get(f"filter:{name}", "")
        with contextlib.suppress(SmolmixError):  # the user's own, which is not there any more
            filter_ = filters.get(recipe.filter_ref(name))
            if isinstance(filter_, ModelFilter) and filter_.has_made(pin):
                refs[name] = filter_.pinned(pin).ref
    return recipe.with_filter_refs(refs)


def _bound(recipe: Recipe, rule: Rule, said: Setting, store: str) -> ModelFilter:
    filter_ = rule.filter
    assert isinstance(filter_, ModelFilter)
    settings = _settings(recipe, filter_, said)
    place = f"{_place(recipe, filter_.name, 'weights')}: filter {filter_.name}"
    return _with_weights(recipe, filter_, settings, rule.settings(), store, place)


def _bound_embedding(recipe: Recipe, model: NearModel, store: str) -> ModelMeasure:
    # It brings Pillow.
    from pipelines.image_embedding import MEASURE

    place = f"{recipe.place('', 'near_duplicates')}: near_duplicates.image.model"
    return _with_weights(recipe, MEASURE, Settings(weights=model.weights), (), store, place)


def _with_weights(
    recipe: Recipe,
    measure: Asking,
    settings: Settings,
    params: Sequence[Params],
    store: str,
    place: str,
) -> Asking:
    try:
        check_packages(measure.packages)
        name, found = _find(settings.weights, measure, recipe.folder)
        path = next(iter(found.values()))
        measure.check(path if measure.takes_file else path.parent, settings, params)
    except (UsageError, SourceError) as error:
        raise RecipeError(f"{place}: weights {settings.weights}: {error}") from error
    return measure.bind(settings, _keep(name, found, store))


def _settings(recipe: Recipe, filter_: ModelFilter, said: Setting) -> Settings:
    """What a recipe says of a filter that is measured with: the same for rows of all policies."""
    known = filter_.settings_type.model_fields
    merged: dict[str, Any] = {}
    for given in (said.given, *said.others.values()):
        for key, value in (given or {}).items():
            if key in known and merged.setdefault(key, value) != value:
                raise RecipeError(
                    f"{_place(recipe, filter_.name, key)}: filter {filter_.name}: {key} is "
                    f"{merged[key]!r} and {value!r}; all policies share what is measured"
                )
    try:
        return filter_.settings_type.model_validate(merged)
    except ValidationError as error:
        raise RecipeError(
            f"{_place(recipe, filter_.name)}: filter {filter_.name}: {invalid_fields(error)} "
            f"(a model filter needs weights: {known['weights'].description})"
        ) from error


def _place(recipe: Recipe, name: str, key: str = "") -> str:
    holders = ["filters", *(f"policies/{policy}" for policy in recipe.policies)]
    keys = [f"{holder}/{name}/{key}" for holder in holders if key]
    return recipe.place("", *keys, *(f"{holder}/{name}" for holder in holders))


def _find(spec: str, filter_: ModelMeasure, folder: str) -> tuple[str, dict[str, Path]]:
    """(what the weights are called, local files by the names that the store gives them)."""
    if not spec.startswith((".", "/", "~")):
        return _of_hub(spec, filter_, folder)
    path = Path(folder, os.path.expanduser(spec))
    if path.is_file() and filter_.takes_file:
        return path.name, _named([path], filter_)
    if not path.is_dir():
        what = f"a file ({' or '.join(filter_.files)})" if filter_.takes_file else "a folder"
        raise UsageError(f"there is no {os.path.normpath(path)}; {filter_.name} takes {what}")
    inside = [str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()]
    chosen = _choose(inside, filter_, spec)
    return path.resolve().name, _named([path / name for name in chosen], filter_)


def _of_hub(spec: str, filter_: ModelMeasure, folder: str) -> tuple[str, dict[str, Path]]:
    found = _HUB.fullmatch(spec)
    if found is None or Path(folder, spec).exists():
        raise UsageError("it is no Hub id (owner/name[/file][@revision]); a path begins with ./")
    repo, file = found["repo"], found["file"]
    address = f"hf://{repo}"
    commit, names = with_retries(lambda: _listed(repo, found["revision"]), address, repo)
    chosen = _choose([name for name in names if file in (None, name)], filter_, repo)
    paths = [
        with_retries(partial(_download, repo, name, commit), f"{address}/{name}", repo)
        for name in chosen
    ]
    return f"{repo}@{commit}", _named(paths, filter_)


def _listed(repo: str, revision: str | None) -> tuple[str, list[str]]:
    """(commit, all files of a repository)."""
    from huggingface_hub import HfApi

    commit = str(HfApi().model_info(repo, revision=revision).sha)
    return commit, list(HfApi().list_repo_files(repo, revision=commit))


def _download(repo: str, name: str, commit: str) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(repo, name, revision=commit))


def _choose(names: Iterable[str], filter_: ModelMeasure, where: str) -> list[str]:
    """Those that the filter loads, sorted; of a folder's only what lies in it itself."""
    fitting = sorted(n for n in names if any(fnmatchcase(n, p) for p in filter_.files))
    if not filter_.takes_file:
        fitting = [name for name in fitting if "/" not in name]
    if not fitting or (filter_.takes_file and len(fitting) > 1):
        there = ", ".join(fitting[:_MANY_FILES]) or "no " + " or ".join(filter_.files)
        hint = f"; name one of them: {where}/{fitting[0]}" if fitting else ""
        raise UsageError(f"it holds {there}{hint}")
    return fitting


def _named(paths: Iterable[Path], filter_: ModelMeasure) -> dict[str, Path]:
    if filter_.takes_file:
        return {f"weights{path.suffix}": path for path in paths}
    return {path.name: path for path in paths}


def _keep(name: str, found: Mapping[str, Path], store: str) -> Weights:
    """Copies what the store lacks."""
    digests = {file: sha256_of(path) for file, path in found.items()}
    size = sum(path.stat().st_size for path in found.values())
    digest = Weights(name=name, uri="", files=digests, num_bytes=size).digest
    # Tasks may run in another working folder.
    uri = join(os.path.abspath(local_path(store)) if is_local(store) else store, "weights", digest)
    for file, path in found.items():
        if not exists(join(uri, file)):
            with path.open("rb") as source, atomic_file(join(uri, file)) as target:
                shutil.copyfileobj(source, target, 1 << 20)
    mark_files_used(join(uri, file) for file in found)
    return Weights(name=name, uri=uri, files=digests, num_bytes=size)
